// One verb of the command line: its flags and arguments.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace muster::cli {

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

// The words that a kind such as "mpi|gloo|nccl" allows; none: any.
std::vector<std::string> ChoicesOf(const std::string& kind);

}  // namespace muster::cli
