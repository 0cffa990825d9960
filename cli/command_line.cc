#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <ostream>
#include <sstream>

#include "cli/session.h"
#include "cli/table.h"

namespace muster::cli {
namespace {

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

std::string Join(const std::vector<std::string>& parts, const std::string& separator) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : separator) + part;
  return text;
}

CLI::App* Child(CLI::App& app, const std::string& name) {
  const auto children = app.get_subcommands([&](CLI::App* c) { return c->get_name() == name; });
  return children.empty() ? nullptr : children.front();
}

// Is `word` in the text, and not merely a part of a longer word or number?
bool HoldsWord(const std::string& text, const std::string& word) {
  const auto is_word = [&](std::size_t at) {
    return at < text.size() && std::isalnum(static_cast<unsigned char>(text[at])) != 0;
  };
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    if ((at == 0 || !is_word(at - 1)) && !is_word(at + word.size())) return true;
  }
  return false;
}

// The flags that every verb has may stand before the noun as well: they go to the end.
std::vector<std::string> CommonFlagsLast(const std::vector<std::string>& words) {
  auto at = words.begin();
  while (at != words.end()) {
    if (*at == "--json" || at->starts_with("--workspace=")) {
      ++at;
    } else if (*at == "--workspace" && words.end() - at > 1) {
      at += 2;
    } else {
      break;
    }
  }
  std::vector<std::string> ordered(at, words.end());
  ordered.insert(ordered.end(), words.begin(), at);
  return ordered;
}

// Without the runs of empty lines that CLI11 leaves.
std::string Tidy(std::string help) {
  for (auto at = help.find("\n\n\n"); at != std::string::npos; at = help.find("\n\n\n")) {
    help.erase(at, 1);
  }
  help.erase(help.find_last_not_of('\n') + 1);
  return help + "\n";
}

std::vector<std::string> NextWords(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* child : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(child->get_name());
  }
  return names;
}

}  // namespace

struct CommandLine::Entry {
  CLI::App* app;
  Action action;
  std::string path;
};

CommandLine::CommandLine(std::string description, std::string footer)
    : app_(std::make_unique<CLI::App>(std::move(description), "muster")) {
  app_->footer("\n" + std::move(footer));
  app_->get_formatter()->column_width(40);
  app_->get_formatter()->label("SUBCOMMAND", "COMMAND");
  app_->require_subcommand(1);
}

CommandLine::~CommandLine() = default;

CLI::App& CommandLine::Descend(const std::string& path) {
  CLI::App* app = app_.get();
  for (const std::string& word : Split(path, ' ')) {
    CLI::App* next = Child(*app, word);
    if (next == nullptr) {
      next = app->add_subcommand(word);
      next->footer("");
      next->group("Commands");
    }
    app = next;
  }
  return *app;
}

void CommandLine::Noun(const std::string& path, const std::string& summary) {
  CLI::App& app = Descend(path);
  app.description(summary);
  app.require_subcommand(1);
}

Verb CommandLine::Add(const std::string& path, const std::string& summary, Action action) {
  CLI::App& app = Descend(path);
  app.description(summary);
  app.add_flag("--json", json_, "JSON on stdout, for machines")->group("Common options");
  app.add_option("--workspace", workspace_, "Workspace, if not the one of `muster login`")
      ->type_name("NAME")
      ->group("Common options");
  entries_.push_back({&app, std::move(action), path});
  return Verb(app);
}

std::vector<WordDescription> CommandLine::Describe() const { return DescribeWords(*app_); }

// Says what there is instead of "not expected", which is all that CLI11 knows.
std::optional<Failure> CommandLine::CheckWords(const std::vector<std::string>& words) const {
  CLI::App* app = app_.get();
  std::string path = "muster";
  for (const std::string& word : words) {
    const std::vector<std::string> next = NextWords(*app);
    if (next.empty() || word.starts_with('-')) return std::nullopt;
    CLI::App* const child = Child(*app, word);
    if (child == nullptr) {
      return Failure(UsageError("there is no `" + path + " " + Printable(word) +
                                "`; there is: " + Join(next, ", ")));
    }
    path += " " + word;
    app = child;
  }
  const std::vector<std::string> next = NextWords(*app);
  if (next.empty()) return std::nullopt;
  return Failure(UsageError("`" + path + "` needs one of: " + Join(next, ", ") + "\nTry `" + path +
                            " --help`."));
}

std::string CommandLine::Help() const {
  std::string help = Tidy(app_->help());
  constexpr std::string_view kOptions = "[OPTIONS]";
  for (const Entry& entry : entries_) {
    if (!entry.app->parsed() || !entry.app->get_allow_extras()) continue;
    help.insert(help.find(kOptions) + kOptions.size(), " [-- ARGUMENTS OF THE SCRIPT]");
  }
  return help;
}

Outcome<ExitCode> CommandLine::Parse(std::vector<std::string> words, Session& session) {
  const auto dashes = std::find(words.begin(), words.end(), "--");
  if (dashes != words.end()) {
    session.rest.assign(dashes + 1, words.end());
    words.erase(dashes, words.end());
  }
  words = CommonFlagsLast(words);
  if (auto failure = CheckWords(words)) return FailWith(std::move(*failure));
  std::reverse(words.begin(), words.end());  // as CLI11 wants them
  try {
    app_->parse(words);
  } catch (const CLI::CallForHelp&) {
    session.out << Help();
    return ExitCode::kOk;
  } catch (const CLI::ParseError& error) {
    std::string path = "muster";
    for (const Entry& entry : entries_) {
      if (entry.app->parsed()) path += " " + entry.path;
    }
    return FailWith(UsageError(std::string(error.what()) + "\nTry `" + path + " --help`."));
  }
  for (const Entry& entry : entries_) {
    if (!entry.app->parsed()) continue;
    const bool takes_rest = entry.app->get_allow_extras();
    const auto extras = entry.app->remaining();
    if (takes_rest && !extras.empty()) {
      return FailWith(UsageError(
          Printable(extras.front()) + " is unknown to `muster " + entry.path +
          "`; arguments of the script come after --\nTry `muster " + entry.path + " --help`."));
    }
    if (!takes_rest && !session.rest.empty()) {
      return FailWith(UsageError("`muster " + entry.path + "` takes nothing after --"));
    }
    session.json = json_;
    session.workspace_flag = workspace_;
    return entry.action(session);
  }
  return FailWith(UsageError("no command was given\nTry `muster --help`."));
}

ExitCode CommandLine::Run(std::vector<std::string> words, Session& session) {
  const Outcome<ExitCode> outcome = Parse(std::move(words), session);
  session.out.flush();
  if (outcome) return *outcome;
  PrintFailure(outcome.error(), session);
  return outcome.error().exit_code;
}

void PrintFailure(const Failure& failure, Session& session) {
  session.err << "muster: " << failure.error.message << "\n";
  for (const Fault& fault : failure.error.faults) {
    session.err << "  " << fault.field << (fault.field.empty() ? "" : ": ") << fault.message;
    if (!fault.value.empty() && !HoldsWord(fault.message, fault.value)) {
      session.err << " (given: " << Printable(fault.value) << ")";
    }
    session.err << "\n";
  }
  session.err.flush();
}

}  // namespace muster::cli
