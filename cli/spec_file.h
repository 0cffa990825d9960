// A job as a file: Azure ML's .runconfig keys where they exist, the names of JobSpec's fields
// besides.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "muster/v1/common.pb.h"

namespace muster::cli {

struct SpecFile {
  muster::v1::JobSpec spec;
  // As written in the file; empty: not given.
  std::string source_directory;
  // Conda's own list of packages, relative to the source directory; empty: none.
  std::string conda_file;
  // .runconfig names an image (environment.docker.baseImage) whether or not it is to be used
  // (environment.docker.enabled, docker.useDocker). Wanted, it is spec.environment.docker_image.
  std::string base_image;
  bool image_wanted = false;
  // Keys of .runconfig that mean nothing to Muster and were given a value.
  std::vector<std::string> without_effect;
};

// All faults at once, each with the path of its key; an unknown key lists those known in its place.
Result<SpecFile> ParseSpec(std::string_view yaml);
// Reads and parses at most 2 MiB. A relative source directory is taken from the file's own.
Result<SpecFile> ReadSpecFile(const std::filesystem::path& path);

// Adds `dependencies` of a conda_dependencies.yml to the packages that the job asks for.
Status ParseCondaFile(std::string_view yaml, muster::v1::EnvironmentSpec& environment);
Status ReadCondaFile(const std::filesystem::path& path, muster::v1::EnvironmentSpec& environment);

}  // namespace muster::cli
