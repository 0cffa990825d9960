// What a job file asks to be installed. Environments are not built yet: a job that asks for any is
// refused before it is sent, in the words of the Python SDK (muster/core/_package_requests.py).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace muster::cli {

struct PackageRequests {
  std::vector<std::string> conda, pip;  // as they stand in the file
  std::string base_conda_environment;
  // .runconfig describes an image (environment.docker) whether or not it is to be used
  // (environment.docker.enabled, docker.useDocker).
  bool image_wanted = false;
  std::string base_image;
  bool has_base_dockerfile = false;
  bool has_build_context = false;
  std::vector<std::string> spark, databricks;
  bool has_r = false;
};

// A sentence for each that needs an environment to be built. Python in its default version, the
// SDK's in-job part and pip's options need none. Pure.
std::vector<std::string> RefusedRequests(const PackageRequests& requests);

}  // namespace muster::cli
