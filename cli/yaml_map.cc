#include "cli/yaml_map.h"

#include <algorithm>
#include <charconv>
#include <set>

namespace muster::cli {
namespace {

std::string Join(const std::string& path, const std::string& key) {
  return path.empty() ? key : path + "." + key;
}

std::string KnownNames(const std::vector<YamlKey>& keys) {
  std::vector<std::string_view> names;
  for (const YamlKey& key : keys) {
    if (key.read) names.push_back(key.name);
  }
  std::sort(names.begin(), names.end());
  std::string text;
  for (const std::string_view name : names) {
    if (!text.empty()) text += ", ";
    text += name;
  }
  return text;
}

std::string Shown(const YAML::Node& node) {
  if (node.IsScalar()) return node.Scalar();
  return node.IsSequence() ? "a list" : node.IsMap() ? "a map" : "";
}

bool IsEmpty(const YAML::Node& node) {
  return node.IsNull() || (node.IsScalar() && node.Scalar().empty()) ||
         (!node.IsScalar() && node.size() == 0);
}

// "null" or "~" as it stands in the text; "" for a value that is left out.
std::string NullWord(const YAML::Node& node, std::string_view text) {
  const int at = node.Mark().pos;
  if (at < 0 || static_cast<std::size_t>(at) >= text.size()) return {};
  const std::string_view rest = text.substr(static_cast<std::size_t>(at));
  for (const std::string_view word : {"null", "Null", "NULL", "~"}) {
    if (rest.starts_with(word)) return std::string(word);
  }
  return {};
}

}  // namespace

void ReadMap(const YAML::Node& node, const std::string& path, const std::vector<YamlKey>& keys,
             YamlFindings& findings) {
  if (!node.IsDefined() || node.IsNull()) return;
  if (!node.IsMap()) {
    findings.AddFault(path.empty() ? "(document)" : path, Shown(node), "must be a map of keys");
    return;
  }
  std::set<std::string> seen;
  for (const auto& pair : node) {
    const std::string name = pair.first.IsScalar() ? pair.first.Scalar() : "(no text)";
    const std::string full = Join(path, name);
    const auto key = std::find_if(keys.begin(), keys.end(),
                                  [&](const YamlKey& known) { return known.name == name; });
    if (key == keys.end()) {
      findings.AddFault(full, "", "unknown key; known here: " + KnownNames(keys));
    } else if (!seen.insert(name).second) {
      findings.AddFault(full, "", "given twice");
    } else if (!key->read) {
      if (!key->is_silent && !IsEmpty(pair.second)) findings.without_effect.push_back(full);
    } else if (!pair.second.IsNull()) {
      key->read(pair.second, full);
    }
  }
}

std::optional<std::string> ReadText(const YAML::Node& node, const std::string& path,
                                    YamlFindings& findings) {
  if (node.IsScalar()) return node.Scalar();
  findings.AddFault(path, Shown(node), "must be a text");
  return std::nullopt;
}

std::optional<std::int64_t> ReadInteger(const YAML::Node& node, const std::string& path,
                                        std::int64_t lowest, std::int64_t highest,
                                        YamlFindings& findings) {
  if (node.IsScalar()) {
    const std::string& text = node.Scalar();
    const char* const end = text.data() + text.size();
    std::int64_t number = 0;
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    if (error == std::errc() && rest == end && number >= lowest && number <= highest) {
      return number;
    }
  }
  findings.AddFault(
      path, Shown(node),
      "must be a whole number from " + std::to_string(lowest) + " to " + std::to_string(highest));
  return std::nullopt;
}

std::optional<bool> ReadBool(const YAML::Node& node, const std::string& path,
                             YamlFindings& findings) {
  bool value = false;
  if (node.IsScalar() && YAML::convert<bool>::decode(node, value)) return value;
  findings.AddFault(path, Shown(node), "must be true or false");
  return std::nullopt;
}

std::vector<std::string> ReadTexts(const YAML::Node& node, const std::string& path,
                                   YamlFindings& findings) {
  std::vector<std::string> texts;
  if (!node.IsSequence()) {
    findings.AddFault(path, Shown(node), "must be a list");
    return texts;
  }
  for (std::size_t i = 0; i < node.size(); ++i) {
    const std::string place = path + "[" + std::to_string(i) + "]";
    if (node[i].IsNull()) {
      texts.push_back(NullWord(node[i], findings.text));
    } else if (const auto text = ReadText(node[i], place, findings))
      texts.push_back(*text);
  }
  return texts;
}

std::vector<std::pair<std::string, std::string>> ReadTextMap(const YAML::Node& node,
                                                             const std::string& path,
                                                             YamlFindings& findings) {
  std::vector<std::pair<std::string, std::string>> texts;
  if (!node.IsMap()) {
    findings.AddFault(path, Shown(node), "must be a map of names to values");
    return texts;
  }
  for (const auto& pair : node) {
    const std::string name = pair.first.IsScalar() ? pair.first.Scalar() : "";
    if (pair.second.IsNull()) {
      texts.emplace_back(name, "");
    } else if (const auto text = ReadText(pair.second, Join(path, name), findings)) {
      texts.emplace_back(name, *text);
    }
  }
  return texts;
}

}  // namespace muster::cli
