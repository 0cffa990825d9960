// Reads a YAML map by a list of the keys it may have, and collects every fault on the way.
#pragma once

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace muster::cli {

// What one pass over a document has found besides its values.
struct YamlFindings {
  // Of the document, for what the parser does not keep; empty: unknown.
  std::string text;
  std::vector<Fault> faults;
  // Paths of keys that are known, were given a value, and mean nothing here.
  std::vector<std::string> without_effect;

  void AddFault(const std::string& path, const std::string& value, const std::string& message) {
    faults.push_back({path, value, message});
  }
};

struct YamlKey {
  std::string_view name;
  // Called with a value that is not null. An empty function: known, without effect.
  std::function<void(const YAML::Node& value, const std::string& path)> read;
  // Known, without effect, and not worth a word: files have it whatever their author wants.
  bool is_silent = false;
};
inline YamlKey SilentKey(std::string_view name) { return {name, {}, true}; }

// Null counts as an empty map. Keys that are unknown or given twice are faults.
void ReadMap(const YAML::Node& node, const std::string& path, const std::vector<YamlKey>& keys,
             YamlFindings& findings);

// A value of the wrong kind is a fault, and nothing is returned.
std::optional<std::string> ReadText(const YAML::Node& node, const std::string& path,
                                    YamlFindings& findings);
std::optional<std::int64_t> ReadInteger(const YAML::Node& node, const std::string& path,
                                        std::int64_t lowest, std::int64_t highest,
                                        YamlFindings& findings);
std::optional<bool> ReadBool(const YAML::Node& node, const std::string& path,
                             YamlFindings& findings);
// A list of scalars, as their text: "null" and "~" too, and what is left out is the empty one.
std::vector<std::string> ReadTexts(const YAML::Node& node, const std::string& path,
                                   YamlFindings& findings);
// A map of names to scalars; a null value is the empty text.
std::vector<std::pair<std::string, std::string>> ReadTextMap(const YAML::Node& node,
                                                             const std::string& path,
                                                             YamlFindings& findings);

}  // namespace muster::cli
