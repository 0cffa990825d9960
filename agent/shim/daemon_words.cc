#include "agent/shim/daemon_words.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace muster::agent {
namespace {

constexpr std::array<std::string_view, 3> kPlainFlags = {"--tree-spawn", "--leave-session-attached",
                                                         "--debug-failed-launch"};

tl::unexpected<Error> Refuse(const std::string& message) {
  return Fail(ErrorCode::kPermissionDenied, ErrorReason::kLaunch, message);
}

std::string_view BaseName(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

bool EndsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

// Parameters by which orted would run or load something of the caller's choice.
bool NamesProgram(std::string_view name) {
  return name.find("component_path") != std::string_view::npos ||
         name.find("param_files") != std::string_view::npos ||
         name.find("launch_agent") != std::string_view::npos ||
         name.find("fork_agent") != std::string_view::npos ||
         name.find("prefix") != std::string_view::npos || EndsWith(name, "_cmd") ||
         EndsWith(name, "_exec") || EndsWith(name, "_path");
}

Status CheckParameter(const std::string& name, const std::string& value) {
  const bool plain = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
  if (!plain || NamesProgram(name))
    return Refuse("orted's parameter \"" + name + "\" is not allowed");
  if (name == "plm_rsh_agent" && BaseName(value) != "muster-rsh")
    return Refuse("plm_rsh_agent must be muster-rsh, not \"" + value + "\"");
  // An address of Open MPI has a semicolon: "421396480.0;tcp://10.0.0.4:33639".
  const std::string_view shell = EndsWith(name, "_uri") ? "|&$`\"'\\\n" : ";|&$`\"'\\\n";
  if (value.find_first_of(shell) != std::string::npos)
    return Refuse("the value of orted's parameter \"" + name + "\" has text for a shell");
  return {};
}

}  // namespace

std::vector<std::string> StripShellQuotes(const std::vector<std::string>& words) {
  std::vector<std::string> stripped;
  for (std::string word : words) {
    word.erase(0, std::min(word.find_first_not_of(' '), word.size()));
    if (word.size() >= 2 && word.front() == '"' && word.back() == '"')
      word = word.substr(1, word.size() - 2);
    stripped.push_back(std::move(word));
  }
  return stripped;
}

Status CheckDaemonWords(const std::vector<std::string>& words) {
  std::size_t bytes = 0;
  for (const std::string& word : words) bytes += word.size() + 1;
  if (words.size() > kDaemonMaxWords || bytes > kDaemonMaxBytes)
    return Refuse("more than 256 words or 64 KiB for orted");
  if (words.empty() || BaseName(words[0]) != "orted")
    return Refuse("only orted may be started on another node, not \"" +
                  (words.empty() ? std::string() : words[0].substr(0, 200)) + "\"");
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i] == "-mca" || words[i] == "--mca") {
      if (i + 2 >= words.size()) return Refuse("orted's last parameter has no value");
      MUSTER_TRY(CheckParameter(words[i + 1], words[i + 2]));
      i += 2;
    } else if (std::find(kPlainFlags.begin(), kPlainFlags.end(), words[i]) == kPlainFlags.end()) {
      return Refuse("orted's argument \"" + words[i].substr(0, 200) + "\" is not allowed");
    }
  }
  return {};
}

std::uint64_t DaemonRequestId(const std::string& node, const std::vector<std::string>& words) {
  std::uint64_t hash = 14695981039346656037ULL;  // FNV-1a
  const auto add = [&hash](const std::string& text) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    hash = (hash ^ 0U) * 1099511628211ULL;
  };
  add(node);
  for (const std::string& word : words) add(word);
  return hash;
}

}  // namespace muster::agent
