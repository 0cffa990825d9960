// Completion scripts, made from the tree of verbs.
#pragma once

#include <string>
#include <vector>

#include "cli/command_line.h"

namespace muster::cli {

// To be sourced by bash 4 or newer: completes nouns, verbs, flags, their choices, files,
// directories.
std::string BashCompletion(const std::vector<WordDescription>& words);
// To be put into a directory of $fpath as _muster, or sourced; shows what each word is for.
std::string ZshCompletion(const std::vector<WordDescription>& words);

}  // namespace muster::cli
