// Checks of single values, shared by the validators of this folder. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace muster::server {

// At most 200 bytes, cut between characters.
std::string CutForFault(std::string_view value);
void AddFault(std::vector<Fault>& faults, std::string field, std::string_view value,
              std::string message);

// What is wrong with a relative path that must stay below its root; empty: nothing.
std::string PathFault(std::string_view path, std::size_t max_bytes);
// [A-Za-z_][A-Za-z0-9_]*
bool IsVariableName(std::string_view name);
// 1..max of [A-Za-z0-9_]
bool IsWord(std::string_view name, std::size_t max_bytes);
// 1..255, first alphanumeric, then also "-" and "_".
bool IsExperimentName(std::string_view name);
// 2..24 of [a-z0-9-], first a letter.
bool IsPoolName(std::string_view name);

}  // namespace muster::server
