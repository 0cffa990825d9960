// The tree of nouns and verbs: declared once, then parsed, explained (--help) and completed from
// the same tree.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/outcome.h"

namespace CLI {
class App;
}

namespace muster::cli {

class Session;

using Action = std::function<Outcome<ExitCode>(Session&)>;

// Declares the flags of one verb. Targets must outlive the command line's Run (verbs keep them in
// an object that their action owns). `kind` is what --help shows as the value and what completion
// goes by: "FILE" and "DIR" complete paths, "a|b|c" completes (and allows) those words alone.
class Verb {
 public:
  explicit Verb(CLI::App& app) : app_(&app) {}

  Verb& Flag(const std::string& names, bool& target, const std::string& help);
  Verb& Value(const std::string& names, const std::string& kind, std::string& target,
              const std::string& help);
  Verb& Value(const std::string& names, const std::string& kind, std::optional<std::string>& target,
              const std::string& help);
  Verb& Value(const std::string& names, const std::string& kind,
              std::optional<std::uint32_t>& target, const std::string& help);
  Verb& Value(const std::string& names, const std::string& kind,
              std::optional<std::int64_t>& target, const std::string& help);
  // May be given several times, one value each.
  Verb& Values(const std::string& names, const std::string& kind, std::vector<std::string>& target,
               const std::string& help);
  // A word that must be there, without a flag.
  Verb& Argument(const std::string& name, std::string& target, const std::string& help);
  // Words after "--" are accepted (they come in Session::rest).
  Verb& TakesRest();
  // Text at the end of --help.
  Verb& Footer(const std::string& text);

 private:
  CLI::App* app_;
};

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
