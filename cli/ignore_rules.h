// Which files of a source directory stay at home: .amlignore, or else .gitignore, at its top. The
// same rules as the Python SDK's (muster/_snapshot/ignore.py), so that both send the same snapshot.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace muster::cli {

// Git's kind of pattern for one path, in characters (a byte that is no UTF-8 is one, too).
class GlobPattern {
 public:
  // Nothing for a pattern that can match nothing, such as "[b-a]".
  static std::optional<GlobPattern> Parse(std::u32string_view glob, bool anchored);

  // The whole of `path`. Takes time in proportion to the product of both lengths.
  bool Matches(std::u32string_view path) const;

 private:
  enum class Kind : std::uint8_t {
    kCharacter,    // itself
    kAny,          // "?": one that is no slash
    kSet,          // "[a-z]": one of them that is no slash
    kStar,         // "*": any number of them
    kDirectories,  // "**/": nothing, or anything up to a slash
    kRest,         // "**" at the end: one character or more
  };
  struct Range {
    char32_t first, last;
  };
  struct Token {
    Kind kind;
    char32_t character = 0;
    bool negated = false;
    std::vector<Range> ranges = {};
  };

  static bool MatchesOne(const Token& token, char32_t character);
  bool AddSet(std::u32string_view content);

  std::vector<Token> tokens_;
};

class IgnoreRules {
 public:
  // Nothing is excluded.
  IgnoreRules() = default;
  // `text`: the content of the file `source`.
  IgnoreRules(std::string_view text, std::string source);

  // Of the rules that match `path` (relative, with "/") the last one decides. What is below an
  // excluded directory is not to be asked for: nothing takes it in again.
  bool Excludes(std::string_view path, bool is_directory) const;
  // Name of the file; empty: there is none.
  const std::string& source() const { return source_; }

 private:
  struct Rule {
    GlobPattern pattern;
    bool excludes;
    bool directories_only;
  };
  void AddLine(std::u32string_view line);

  std::string source_;
  std::vector<Rule> rules_;
};

// Of a source directory. Fails when the file cannot be read or has more than a Mi of characters.
Result<IgnoreRules> ReadIgnoreRules(const std::filesystem::path& directory);

}  // namespace muster::cli
