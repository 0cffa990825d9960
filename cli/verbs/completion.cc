#include "cli/completion.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "cli/session.h"
#include "cli/verbs/verbs.h"

namespace muster::cli {
namespace {

constexpr char kFooter[] =
    "Examples:\n"
    "  source <(muster completion bash)                          # this shell\n"
    "  muster completion bash > ~/.local/share/bash-completion/completions/muster\n"
    "  muster completion zsh > \"${fpath[1]}/_muster\"\n"
    "\n"
    "JSON: {\"shell\", \"script\"}.";

Outcome<ExitCode> Run(Session& session, const CommandLine& line, const std::string& shell) {
  const std::string script =
      shell == "zsh" ? ZshCompletion(line.Describe()) : BashCompletion(line.Describe());
  if (session.json) {
    session.out << nlohmann::json({{"shell", shell}, {"script", script}}).dump(1) << "\n";
  } else {
    session.out << script;
  }
  return ExitCode::kOk;
}

}  // namespace

void AddCompletion(CommandLine& line) {
  const auto shell = std::make_shared<std::string>();
  // The command line owns its actions: the reference can't outlive it.
  line.Add("completion", "Print a script that completes this program's words in a shell",
           [shell, &line](Session& session) { return Run(session, line, *shell); })
      .Argument("bash|zsh", *shell, "The shell")
      .Footer(kFooter);
}

}  // namespace muster::cli
