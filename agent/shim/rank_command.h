// What a rank runs: its environment, its command line after expansion, and the lines that its log
// begins with. Pure.
#pragma once

#include <string>
#include <vector>

#include "agent/shim/launch_file.h"

namespace muster::agent {

// The environment of one rank: launch.json's, RANK and LOCAL_RANK, and from `inherited` ("K=V")
// what Open MPI's launcher set for the rank.
Environment RankEnvironment(const LaunchFile& launch, std::uint32_t rank, std::uint32_t local_rank,
                            const std::vector<std::string>& inherited);

// Replaces $NAME and ${NAME}; an unknown name stays as it is written.
std::string ExpandVariables(const std::string& text, const Environment& environment);

struct RankCommand {
  std::string program;  // absolute: the interpreter or the script
  std::vector<std::string> argv;
  std::string preamble;  // Azure ML's two lines
};
RankCommand MakeRankCommand(const LaunchFile& launch, const Environment& environment);

std::vector<std::string> ToStrings(const Environment& environment);

}  // namespace muster::agent
