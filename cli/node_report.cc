#include "cli/node_report.h"

namespace muster::cli {
std::string NodeJobs(const muster::v1::Node& node) {
  std::string text;
  for (const std::string& job : node.job_ids()) text += (text.empty() ? "" : ", ") + job;
  return text;
}

std::string NodeRemark(const muster::v1::Node& node) {
  if (!node.reason().empty()) return node.reason();
  if (!node.connected()) return "not connected";
  if (node.draining()) return "draining";
  return node.cordoned() ? "cordoned" : "";
}

}  // namespace muster::cli
