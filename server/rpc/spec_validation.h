// Every rule of a JobSpec that can be judged from the spec alone (the comments of jobs.proto).
// Pure. What depends on the state (pool, datastores, feasibility, blobs) is judged by others and
// merged.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "muster/v1/jobs.pb.h"

namespace muster::server {

inline constexpr std::size_t kMaxSpecBytes = std::size_t{2} << 20;
inline constexpr std::size_t kMaxPathBytes = 4'096;
inline constexpr std::uint32_t kMaxNodeCount = 10'000;
inline constexpr std::uint32_t kMaxProcessesPerNode = 1'024;
inline constexpr int kMaxArguments = 10'000;
inline constexpr std::size_t kMaxArgumentBytes = std::size_t{1} << 20;
inline constexpr std::size_t kMaxVariables = 1'000;
inline constexpr std::size_t kMaxVariableBytes = std::size_t{1} << 20;
inline constexpr int kMaxDataReferences = 256;
inline constexpr std::size_t kMaxTags = 50;
inline constexpr std::int64_t kMaxRunDurationMs = std::int64_t{365} * 24 * 3'600 * 1'000;

// Said of everything that asks for packages or an image.
inline constexpr std::string_view kEnvironmentsNotBuilt =
    "environments are not built yet: a job runs with what its nodes have installed; remove it";

// All faults, in field order; empty: the spec is well formed.
std::vector<Fault> ValidateSpec(const muster::v1::JobSpec& spec);

// One INVALID_ARGUMENT for all of them: kPackagesUnsupported when nothing else is wrong, else
// kInvalidSpec. `faults` is not empty; more than kMaxFaultsShown are counted, not shown.
inline constexpr std::size_t kMaxFaultsShown = 30;
Error SpecError(std::vector<Fault> faults);

}  // namespace muster::server
