// The tree of nouns and verbs as data, for completion and tests.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace muster::cli {

struct FlagDescription {
  std::vector<std::string> names;    // "--file", "-f"
  std::string kind;                  // empty: takes no value
  std::vector<std::string> choices;  // of the value; empty: anything
  std::string help;
};
// A noun or a verb.
struct WordDescription {
  std::vector<std::string> path;  // {"job", "submit"}
  std::string summary;
  std::vector<std::string> next;  // words that may follow; empty for a verb
  std::vector<FlagDescription> flags;
  std::vector<std::string> choices;  // of its first argument
};

// All words in the order they were declared, the program itself (the empty path) first.
std::vector<WordDescription> DescribeWords(const CLI::App& program);

}  // namespace muster::cli
