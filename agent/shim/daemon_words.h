// The words that mpirun gives its launch agent, and which of them a node runs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace muster::agent {

constexpr std::size_t kDaemonMaxWords = 256;
constexpr std::size_t kDaemonMaxBytes = 64U << 10;

// mpirun writes for a remote shell: a leading blank, literal double quotes. Takes them off.
std::vector<std::string> StripShellQuotes(const std::vector<std::string>& words);

// Whether `words` start orted and nothing else: `orted` with -mca NAME VALUE, --mca NAME VALUE and
// a few plain flags; no parameter that names a program or a library, no text for a shell.
Status CheckDaemonWords(const std::vector<std::string>& words);

// The same for the same node and words, so that a repeated request is the same request.
std::uint64_t DaemonRequestId(const std::string& node, const std::vector<std::string>& words);

}  // namespace muster::agent
