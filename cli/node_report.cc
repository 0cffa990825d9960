#include "cli/node_report.h"

namespace muster::cli {
namespace {

void Append(std::string& text, const std::string& word) {
  if (word.empty()) return;
  text += (text.empty() ? "" : ", ") + word;
}

}  // namespace

std::string NodeJobs(const muster::v1::Node& node) {
  std::string text;
  for (const std::string& job : node.job_ids()) Append(text, job);
  return text;
}

std::string NodeRemark(const muster::v1::Node& node) {
  std::string text;
  if (node.draining()) {
    Append(text, "draining");
  } else if (node.cordoned()) {
    Append(text, "cordoned");
  }
  if (!node.connected() && node.reason().empty()) Append(text, "not connected");
  Append(text, node.reason());
  return text;
}

}  // namespace muster::cli
