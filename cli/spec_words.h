// The small languages of flags: K=V, name=datastore/path, "90s", "mpi".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/time.h"
#include "muster/v1/common.pb.h"

namespace muster::cli {

// Of ASCII letters.
std::string LowerCase(std::string_view text);

// "K=V"; V may be empty or hold further "=". `flag` is named in the error.
Result<std::pair<std::string, std::string>> ParseAssignment(std::string_view flag,
                                                            std::string_view text);

// "name=datastore/path", "datastore/path" (the datastore's name is the name), "datastore".
Result<muster::v1::DataReference> ParseData(std::string_view text);

// A whole number with ms, s, m, h or d; without a unit: seconds. At most 365 days.
Result<Duration> ParseDuration(std::string_view flag, std::string_view text);

// The same, in whole seconds, from 1 s to 10 years.
Result<std::int64_t> ParseExpiry(std::string_view flag, std::string_view text);

// "none", "mpi", "gloo", "nccl" and Azure ML's "Mpi", "IntelMpi", "OpenMpi", "ParameterServer".
Result<muster::v1::Communicator> ParseCommunicator(std::string_view text);

}  // namespace muster::cli
