#include "cli/package_requests.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace muster::cli {
namespace {

constexpr std::string_view kNotBuilt =
    "environments are not built yet: a job runs with what its nodes have installed; remove it";
constexpr std::string_view kDefaultPython = "python=3.10.18";
// What every job finds on its PYTHONPATH without asking.
constexpr std::array<std::string_view, 5> kProvided = {"azureml-core", "azureml-defaults",
                                                       "azureml-sdk", "muster", "muster-azureml"};

bool IsProvided(std::string_view package) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!package.empty() && is_blank(package.front())) package.remove_prefix(1);
  package = package.substr(0, package.find_first_of("[=<>!~; \t"));
  std::string name;
  for (const char c : package) {
    const bool joins = c == '-' || c == '_' || c == '.';
    if (joins && name.ends_with('-')) continue;
    name += joins ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return std::find(kProvided.begin(), kProvided.end(), name) != kProvided.end();
}

class Sentences {
 public:
  void Add(std::string_view field, const std::vector<std::string>& things) {
    std::string text;
    for (const std::string& thing : things) text += (text.empty() ? "" : ", ") + thing;
    if (text.empty()) return;
    sentences.push_back(std::string(field) + " (" + text + "): " + std::string(kNotBuilt));
  }

  std::vector<std::string> sentences;
};

}  // namespace

std::vector<std::string> RefusedRequests(const PackageRequests& requests) {
  Sentences found;
  std::vector<std::string> conda, pip;
  std::copy_if(requests.conda.begin(), requests.conda.end(), std::back_inserter(conda),
               [](const std::string& package) { return package != kDefaultPython; });
  std::copy_if(requests.pip.begin(), requests.pip.end(), std::back_inserter(pip),
               [](const std::string& p) { return !p.starts_with('-') && !IsProvided(p); });
  found.Add("environment.conda_packages", conda);
  found.Add("environment.pip_packages", pip);
  found.Add("base_conda_environment", {requests.base_conda_environment});
  if (requests.image_wanted) {
    found.Add("environment.docker.base_image", {requests.base_image});
    if (requests.has_base_dockerfile) found.Add("environment.docker.base_dockerfile", {"given"});
    if (requests.has_build_context) found.Add("environment.docker.build_context", {"given"});
  }
  found.Add("environment.spark.packages", requests.spark);
  found.Add("environment.databricks", requests.databricks);
  if (requests.has_r) found.Add("environment.r", {"given"});
  return std::move(found.sentences);
}

}  // namespace muster::cli
