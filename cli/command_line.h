// The tree of nouns and verbs: declared once, then parsed, explained (--help) and completed from
// the same tree.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/outcome.h"
#include "cli/verb.h"
#include "cli/word_description.h"

namespace CLI {
class App;
}

namespace muster::cli {

class Session;

using Action = std::function<Outcome<ExitCode>(Session&)>;

class CommandLine {
 public:
  CommandLine(std::string description, std::string footer);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  // Describes the nouns a path is made of, such as "job" or "node token".
  void Noun(const std::string& path, const std::string& summary);
  // "job submit". Each verb has --json and --workspace besides its own.
  Verb Add(const std::string& path, const std::string& summary, Action action);

  // Runs what the words (without the program's name) ask for. Prints help and failures.
  ExitCode Run(std::vector<std::string> words, Session& session);

  // All words in the order they were declared, the empty path (the program) first.
  std::vector<WordDescription> Describe() const;

 private:
  struct Entry;
  CLI::App& Descend(const std::string& path);
  std::optional<Failure> CheckWords(const std::vector<std::string>& words) const;
  // Of the words that were parsed last.
  std::string Help() const;
  Outcome<ExitCode> Parse(std::vector<std::string> words, Session& session);

  std::unique_ptr<CLI::App> app_;
  std::vector<Entry> entries_;
  bool json_ = false;
  std::string workspace_;
};

// "muster: <sentence>" and a line for each fault, on stderr.
void PrintFailure(const Failure& failure, Session& session);

}  // namespace muster::cli
