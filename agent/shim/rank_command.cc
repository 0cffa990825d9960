#include "agent/shim/rank_command.h"

#include <array>
#include <string_view>

namespace muster::agent {
namespace {

bool IsNameStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsNameCharacter(char c) { return IsNameStart(c) || (c >= '0' && c <= '9'); }

bool IsLauncherVariable(std::string_view name) {
  constexpr std::array<std::string_view, 4> kPrefixes = {"OMPI_", "PMIX_", "ORTE_", "OPAL_"};
  for (const std::string_view prefix : kPrefixes)
    if (name.substr(0, prefix.size()) == prefix) return true;
  return false;
}

// As Python prints a string, near enough for a person.
std::string Quoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\n') {
      quoted += "\\n";
      continue;
    }
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

std::string QuotedList(const std::vector<std::string>& items) {
  std::string text = "[";
  for (const std::string& item : items) text += (text.size() > 1 ? ", " : "") + Quoted(item);
  return text + "]";
}

// The name at text[i] (after the '$') and where the text goes on; empty: not a reference.
std::string_view ReferenceAt(std::string_view text, std::size_t i, std::size_t& next) {
  const bool braced = i < text.size() && text[i] == '{';
  const std::size_t begin = braced ? i + 1 : i;
  std::size_t end = begin;
  if (end < text.size() && IsNameStart(text[end]))
    while (end < text.size() && IsNameCharacter(text[end])) ++end;
  if (braced && (end >= text.size() || text[end] != '}')) return {};
  next = braced ? end + 1 : end;
  return text.substr(begin, end - begin);
}

}  // namespace

Environment RankEnvironment(const LaunchFile& launch, std::uint32_t rank, std::uint32_t local_rank,
                            const std::vector<std::string>& inherited) {
  Environment environment = launch.environment;
  for (const std::string& item : inherited) {
    const std::size_t equals = item.find('=');
    if (equals == std::string::npos || !IsLauncherVariable(item)) continue;
    const std::string name = item.substr(0, equals);
    // A parameter that the user set is stronger; the identity that the launcher gave is not theirs.
    if (name.rfind("OMPI_MCA_", 0) == 0 && environment.contains(name) &&
        name != "OMPI_MCA_ess_base_jobid" && name != "OMPI_MCA_ess_base_vpid")
      continue;
    environment[name] = item.substr(equals + 1);
  }
  environment["RANK"] = std::to_string(rank);
  environment["MUSTER_RANK"] = std::to_string(rank);
  environment["LOCAL_RANK"] = std::to_string(local_rank);
  return environment;
}

std::string ExpandVariables(const std::string& text, const Environment& environment) {
  std::string expanded;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t next = i + 1;
    if (text[i] == '$') {
      const std::string name(ReferenceAt(text, i + 1, next));
      const auto found = environment.find(name);
      if (!name.empty() && found != environment.end()) {
        expanded += found->second;
        i = next;
        continue;
      }
      next = i + 1;
    }
    expanded.append(text, i, next - i);
    i = next;
  }
  return expanded;
}

RankCommand MakeRankCommand(const LaunchFile& launch, const Environment& environment) {
  std::vector<std::string> arguments;
  arguments.reserve(launch.arguments.size());
  for (const std::string& argument : launch.arguments)
    arguments.push_back(ExpandVariables(argument, environment));
  RankCommand command;
  const std::string script = launch.attempt_directory + "/work/" + launch.script;
  if (launch.interpreter.empty()) {
    command.program = script;
    command.argv = {script};
  } else {
    command.program = launch.interpreter;
    command.argv = {launch.interpreter, launch.script};
  }
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  command.preamble = "Preparing to call script [ " + launch.script +
                     " ] with arguments: " + QuotedList(launch.arguments) +
                     "\nAfter variable expansion, calling script [ " + launch.script +
                     " ] with arguments: " + QuotedList(arguments) + "\n";
  return command;
}

std::vector<std::string> ToStrings(const Environment& environment) {
  std::vector<std::string> strings;
  strings.reserve(environment.size());
  for (const auto& [name, value] : environment) strings.push_back(name + "=" + value);
  return strings;
}

}  // namespace muster::agent
