// A job as a file: Azure ML's .runconfig keys where they exist, the names of JobSpec's fields
// besides.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/package_requests.h"
#include "muster/v1/common.pb.h"

namespace muster::cli {

struct SpecFile {
  muster::v1::JobSpec spec;
  // As written in the file; empty: not given.
  std::string source_directory;
  // Conda's own list of packages, which was not found beside the file: relative to the source
  // directory; empty: none.
  std::string conda_file;
  PackageRequests requests;
  // Keys of .runconfig that mean nothing to Muster and were given a value.
  std::vector<std::string> without_effect;
};

// YAML or JSON. All faults at once, each with the path of its key; an unknown key lists those known
// in its place. Files that it names lead from one of `roots`.
Result<SpecFile> ParseSpec(std::string_view yaml,
                           const std::vector<std::filesystem::path>& roots = {});
// Reads and parses at most 2 MiB. A relative source directory is taken from the file's own. What is
// in a folder .azureml or aml_config belongs to the directory above, which is the source directory
// unless another is named.
Result<SpecFile> ReadSpecFile(const std::filesystem::path& path);

// Adds `dependencies` of a conda_dependencies.yml to the packages that the job asks for.
Status ParseCondaFile(std::string_view yaml, PackageRequests& requests);
Status ReadCondaFile(const std::filesystem::path& path, PackageRequests& requests);

// Fails, with the sentences of RefusedRequests, for a file that asks for packages. A conda file
// that was not beside it is looked for in the source directory.
Status RefusePackages(const SpecFile& file, const std::filesystem::path& source_directory);

}  // namespace muster::cli
