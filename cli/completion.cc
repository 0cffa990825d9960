#include "cli/completion.h"

#include <algorithm>
#include <sstream>

namespace muster::cli {
namespace {

std::string Join(const std::vector<std::string>& parts, const std::string& separator) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : separator) + part;
  return text;
}

// In single quotes; what is in them is data, not shell.
std::string Quoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::vector<std::string> FlagNames(const WordDescription& word) {
  std::vector<std::string> names;
  for (const FlagDescription& flag : word.flags) {
    names.insert(names.end(), flag.names.begin(), flag.names.end());
  }
  return names;
}

// "job submit --follow|job submit --wait": a pattern of a case statement.
std::string Pattern(const WordDescription& word, const FlagDescription& flag) {
  std::vector<std::string> patterns;
  patterns.reserve(flag.names.size());
  for (const std::string& name : flag.names) {
    patterns.push_back(Quoted(Join(word.path, " ") + " " + name));
  }
  return Join(patterns, "|");
}

// How the value of a flag is completed, with the words of the shell's own tools.
struct Values {
  std::string files, directories;
  std::string (*choices)(const std::vector<std::string>& words);
  std::string nothing;
};

std::string ValueCases(const std::vector<WordDescription>& words, const Values& values) {
  std::ostringstream out;
  for (const WordDescription& word : words) {
    for (const FlagDescription& flag : word.flags) {
      if (flag.kind.empty()) continue;
      out << "    " << Pattern(word, flag) << ") ";
      if (!flag.choices.empty()) {
        out << values.choices(flag.choices);
      } else if (flag.kind == "FILE") {
        out << values.files;
      } else if (flag.kind == "DIR") {
        out << values.directories;
      } else {
        out << values.nothing;
      }
      out << "; return ;;\n";
    }
  }
  return out.str();
}

// The longest path of nouns and verbs on the line so far, in `command`; works in both shells.
std::string PathCases(const std::vector<WordDescription>& words) {
  std::vector<std::string> patterns;
  for (const WordDescription& word : words) {
    if (!word.path.empty()) patterns.push_back(Quoted(Join(word.path, " ")));
  }
  return Join(patterns, "|");
}

std::string SummaryOf(const std::vector<WordDescription>& words, std::vector<std::string> path,
                      const std::string& next) {
  path.push_back(next);
  const auto found = std::find_if(words.begin(), words.end(),
                                  [&](const WordDescription& word) { return word.path == path; });
  return found == words.end() ? "" : found->summary;
}

// What may come after each path, with what it is for.
std::string ZshWordCases(const std::vector<WordDescription>& words) {
  std::ostringstream out;
  const auto described = [](std::string name, const std::string& help) {
    for (auto at = name.find(':'); at != std::string::npos; at = name.find(':', at + 2)) {
      name.insert(at, "\\");
    }
    return Quoted(help.empty() ? name : name + ":" + help);
  };
  for (const WordDescription& word : words) {
    std::vector<std::string> next, flags;
    for (const auto& name : word.next) {
      next.push_back(described(name, SummaryOf(words, word.path, name)));
    }
    for (const auto& choice : word.choices) next.push_back(described(choice, ""));
    for (const FlagDescription& flag : word.flags) {
      for (const auto& name : flag.names) flags.push_back(described(name, flag.help));
    }
    out << "    " << Quoted(Join(word.path, " ")) << ") commands=(" << Join(next, " ")
        << ") flags=(" << Join(flags, " ") << ") ;;\n";
  }
  return out.str();
}

}  // namespace

std::string BashCompletion(const std::vector<WordDescription>& words) {
  std::ostringstream out;
  out << "# bash completion for muster: source <(muster completion bash)\n"
         "_muster() {\n"
         "  local current=\"${COMP_WORDS[COMP_CWORD]}\" previous=\"\" command=\"\" word i\n"
         "  ((COMP_CWORD > 0)) && previous=\"${COMP_WORDS[COMP_CWORD - 1]}\"\n"
         "  COMPREPLY=()\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    word=\"${COMP_WORDS[i]}\"\n"
         "    if [[ $word == -- ]]; then\n"
         "      compopt -o default\n"
         "      return\n"
         "    fi\n"
         "    case \"${command:+$command }$word\" in\n"
         "    "
      << PathCases(words)
      << ") command=\"${command:+$command }$word\" ;;\n"
         "    esac\n"
         "  done\n"
         "  case \"$command $previous\" in\n"
      << ValueCases(words,
                    {"compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$current\")",
                     "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$current\")",
                     [](const std::vector<std::string>& choices) {
                       return "mapfile -t COMPREPLY < <(compgen -W " + Quoted(Join(choices, " ")) +
                              " -- \"$current\")";
                     },
                     ":"})
      << "  esac\n"
         "  local words=\"\" flags=\"\"\n"
         "  case \"$command\" in\n";
  for (const WordDescription& word : words) {
    std::vector<std::string> next = word.next;
    next.insert(next.end(), word.choices.begin(), word.choices.end());
    out << "    " << Quoted(Join(word.path, " ")) << ") words=" << Quoted(Join(next, " "))
        << " flags=" << Quoted(Join(FlagNames(word), " ")) << " ;;\n";
  }
  out << "  esac\n"
         "  [[ $current == -* ]] && words=\"$flags\"\n"
         "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
         "}\n"
         "complete -F _muster muster\n";
  return out.str();
}

std::string ZshCompletion(const std::vector<WordDescription>& words) {
  std::ostringstream out;
  out << "#compdef muster\n"
         "# zsh completion for muster: muster completion zsh > \"${fpath[1]}/_muster\"\n"
         "_muster() {\n"
         "  local command='' word previous=\"${words[CURRENT-1]}\" i\n"
         "  for ((i = 2; i < CURRENT; i++)); do\n"
         "    word=\"${words[i]}\"\n"
         "    if [[ $word == -- ]]; then\n"
         "      _files\n"
         "      return\n"
         "    fi\n"
         "    case \"${command:+$command }$word\" in\n"
         "    "
      << PathCases(words)
      << ") command=\"${command:+$command }$word\" ;;\n"
         "    esac\n"
         "  done\n"
         "  case \"$command $previous\" in\n"
      << ValueCases(words, {"_files", "_files -/",
                            [](const std::vector<std::string>& choices) {
                              return "compadd -- " + Join(choices, " ");
                            },
                            ":"})
      << "  esac\n"
         "  local -a commands flags\n"
         "  case \"$command\" in\n";
  out << ZshWordCases(words);
  out << "  esac\n"
         "  if [[ ${words[CURRENT]} == -* ]]; then\n"
         "    _describe -o flag flags\n"
         "  else\n"
         "    _describe command commands\n"
         "  fi\n"
         "}\n"
         "if [[ ${funcstack[1]} == _muster ]]; then\n"
         "  _muster \"$@\"\n"
         "else\n"
         "  compdef _muster muster\n"
         "fi\n";
  return out.str();
}

}  // namespace muster::cli
