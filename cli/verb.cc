#include "cli/verb.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <sstream>

#include "cli/table.h"

namespace muster::cli {
namespace {

std::string Join(const std::vector<std::string>& parts, const std::string& separator) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : separator) + part;
  return text;
}

void Restrict(CLI::Option& option, const std::string& kind) {
  const auto choices = ChoicesOf(kind);
  if (!choices.empty()) {
    option.check(CLI::Validator(
        [choices](std::string& word) {
          if (std::find(choices.begin(), choices.end(), word) != choices.end())
            return std::string();
          return "'" + word + "' is none of " + Join(choices, ", ");
        },
        ""));
  }
  option.type_name(kind);
}

template <class T>
void AddNumber(CLI::App& app, const std::string& names, const std::string& kind,
               std::optional<T>& target, const std::string& help) {
  const std::string name = names.substr(names.find("--"));
  const auto store = [&target, name](const std::string& text) {
    T number{};
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || rest != end) {
      throw CLI::ValidationError(name, "takes a whole number, not '" + Printable(text) + "'");
    }
    target = number;
  };
  app.add_option_function<std::string>(names, store, help)->type_name(kind);
}

}  // namespace

std::vector<std::string> ChoicesOf(const std::string& kind) {
  if (kind.find('|') == std::string::npos) return {};
  std::vector<std::string> choices;
  std::istringstream stream(kind);
  for (std::string choice; std::getline(stream, choice, '|');) choices.push_back(choice);
  return choices;
}

Verb& Verb::Flag(const std::string& names, bool& target, const std::string& help) {
  app_->add_flag(names, target, help);
  return *this;
}

Verb& Verb::Value(const std::string& names, const std::string& kind, std::string& target,
                  const std::string& help) {
  Restrict(*app_->add_option(names, target, help), kind);
  return *this;
}

Verb& Verb::Value(const std::string& names, const std::string& kind,
                  std::optional<std::string>& target, const std::string& help) {
  const auto store = [&target](const std::string& text) { target = text; };
  Restrict(*app_->add_option_function<std::string>(names, store, help), kind);
  return *this;
}

Verb& Verb::Value(const std::string& names, const std::string& kind,
                  std::optional<std::uint32_t>& target, const std::string& help) {
  AddNumber(*app_, names, kind, target, help);
  return *this;
}

Verb& Verb::Value(const std::string& names, const std::string& kind,
                  std::optional<std::int64_t>& target, const std::string& help) {
  AddNumber(*app_, names, kind, target, help);
  return *this;
}

Verb& Verb::Values(const std::string& names, const std::string& kind,
                   std::vector<std::string>& target, const std::string& help) {
  auto* const option = app_->add_option(names, target, help);
  option->allow_extra_args(false);  // else "--env A=1 word" would take the word as well
  Restrict(*option, kind);
  return *this;
}

Verb& Verb::Argument(const std::string& name, std::string& target, const std::string& help) {
  auto* const option = app_->add_option(name, target, help);
  option->required();
  const bool is_choice = !ChoicesOf(name).empty();
  Restrict(*option, is_choice ? name : "TEXT");
  if (!is_choice) option->type_name(" ");
  return *this;
}

Verb& Verb::TakesRest() {
  app_->allow_extras();
  return *this;
}

Verb& Verb::Footer(const std::string& text) {
  app_->footer("\n" + text);
  return *this;
}

}  // namespace muster::cli
