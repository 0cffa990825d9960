#include "cli/word_description.h"

#include <CLI/CLI.hpp>
#include <utility>

#include "cli/verb.h"

namespace muster::cli {
namespace {

FlagDescription DescribeFlag(const CLI::Option& option) {
  FlagDescription flag;
  for (const std::string& name : option.get_lnames()) flag.names.push_back("--" + name);
  for (const std::string& name : option.get_snames()) flag.names.push_back("-" + name);
  if (option.get_items_expected_max() > 0) flag.kind = option.get_type_name();
  flag.choices = ChoicesOf(flag.kind);
  flag.help = option.get_description();
  return flag;
}

void DescribeInto(const CLI::App& app, const std::vector<std::string>& path,
                  std::vector<WordDescription>& words) {
  WordDescription word{path, app.get_description(), {}, {}, {}};
  for (const CLI::Option* option : app.get_options()) {
    if (option->nonpositional()) {
      word.flags.push_back(DescribeFlag(*option));
    } else if (word.choices.empty()) {
      word.choices = ChoicesOf(option->get_type_name());
    }
  }
  const auto children = app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* child : children) word.next.push_back(child->get_name());
  words.push_back(std::move(word));
  for (const CLI::App* child : children) {
    auto child_path = path;
    child_path.push_back(child->get_name());
    DescribeInto(*child, child_path, words);
  }
}

}  // namespace

std::vector<WordDescription> DescribeWords(const CLI::App& program) {
  std::vector<WordDescription> words;
  DescribeInto(program, {}, words);
  return words;
}

}  // namespace muster::cli
