#include "cli/ignore_rules.h"

#include <algorithm>
#include <fstream>
#include <system_error>

#include "cli/outcome.h"
#include "cli/table.h"
#include "cli/utf8.h"

namespace muster::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostCharacters = 1 << 20;
// A character has at most 4 bytes, and a line's end may have one that does not count.
constexpr std::size_t kMostBytes = 5 * (kMostCharacters + 1);

// A byte that is no UTF-8 becomes what nothing else is, as Python's "surrogateescape" does.
std::u32string Characters(std::string_view text) {
  constexpr char32_t kEscape = 0xDC00;
  std::u32string characters;
  while (!text.empty()) {
    const Character character = Decode(text);
    characters += character.valid ? char32_t{character.code} : kEscape + character.code;
    text.remove_prefix(character.bytes);
  }
  return characters;
}

// Python's str.splitlines.
bool EndsLine(char32_t c) {
  return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 ||
         c == 0x2029;
}

// Python's str.isspace.
bool IsBlank(char32_t c) {
  return EndsLine(c) || c == 0x09 || c == 0x1F || c == 0x20 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x202F || c == 0x205F || c == 0x3000;
}

// "\r\n" and "\r" are line ends.
std::u32string WithPlainLineEnds(const std::u32string& text) {
  std::u32string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == U'\r' && i + 1 < text.size() && text[i + 1] == U'\n') continue;
    plain += text[i] == U'\r' ? U'\n' : text[i];
  }
  return plain;
}

// A blank at the end counts only behind a backslash.
std::u32string_view WithoutBlanks(std::u32string_view line) {
  while (!line.empty() && line.front() == 0xFEFF) line.remove_prefix(1);
  std::size_t end = line.size();
  while (end > 0 && IsBlank(line[end - 1])) --end;
  if (end > 0 && end < line.size() && line[end - 1] == U'\\') ++end;
  return line.substr(0, end);
}

}  // namespace

std::optional<GlobPattern> GlobPattern::Parse(std::u32string_view glob, bool anchored) {
  GlobPattern pattern;
  std::vector<Token>& tokens = pattern.tokens_;
  if (!anchored) tokens.push_back({Kind::kDirectories});
  for (std::size_t at = 0; at < glob.size();) {
    const std::u32string_view rest = glob.substr(at);
    const bool begins = at == 0 || glob[at - 1] == U'/';
    if (begins && rest.starts_with(U"**/")) {
      tokens.push_back({Kind::kDirectories});
      at += 3;
    } else if (begins && rest == U"**") {
      tokens.push_back({Kind::kRest});
      at += 2;
    } else if (glob[at] == U'*') {
      tokens.push_back({Kind::kStar});
      ++at;
    } else if (glob[at] == U'?') {
      tokens.push_back({Kind::kAny});
      ++at;
    } else if (glob[at] == U'[') {
      const std::size_t negation = rest.size() > 1 && (rest[1] == U'!' || rest[1] == U'^') ? 1 : 0;
      // A bracket right at the beginning is one of the set.
      const std::size_t end = rest.find(U']', 2 + negation);
      if (end == std::u32string_view::npos) {
        tokens.push_back({Kind::kCharacter, U'['});
        ++at;
        continue;
      }
      tokens.push_back({Kind::kSet, 0, negation == 1});
      if (!pattern.AddSet(rest.substr(1 + negation, end - 1 - negation))) return std::nullopt;
      at += end + 1;
    } else {
      if (glob[at] == U'\\' && at + 1 < glob.size()) ++at;
      tokens.push_back({Kind::kCharacter, glob[at]});
      ++at;
    }
  }
  return pattern;
}

// False for a range from high to low.
bool GlobPattern::AddSet(std::u32string_view content) {
  std::vector<Range>& ranges = tokens_.back().ranges;
  for (std::size_t i = 0; i < content.size(); ++i) {
    Range range{content[i], content[i]};
    if (i + 2 < content.size() && content[i + 1] == U'-') {
      range.last = content[i + 2];
      i += 2;
    }
    if (range.first > range.last) return false;
    ranges.push_back(range);
  }
  return true;
}

bool GlobPattern::MatchesOne(const Token& token, char32_t character) {
  if (token.kind == Kind::kCharacter) return character == token.character;
  if (character == U'/') return false;
  if (token.kind == Kind::kAny) return true;
  const bool found = std::any_of(token.ranges.begin(), token.ranges.end(), [&](const Range& r) {
    return r.first <= character && character <= r.last;
  });
  return found != token.negated;
}

bool GlobPattern::Matches(std::u32string_view path) const {
  const std::size_t length = path.size();
  // reached[i]: the tokens so far match the first i characters.
  std::vector<bool> reached(length + 1), next(length + 1);
  reached[0] = true;
  for (const Token& token : tokens_) {
    std::fill(next.begin(), next.end(), false);
    bool before = false;  // some i up to here is reached, for "*" since the last slash
    for (std::size_t i = 0; i <= length; ++i) {
      const bool more = i < length;
      switch (token.kind) {
        case Kind::kCharacter:
        case Kind::kAny:
        case Kind::kSet:
          if (reached[i] && more && MatchesOne(token, path[i])) next[i + 1] = true;
          break;
        case Kind::kStar:
          before = before || reached[i];
          if (before) next[i] = true;
          if (more && path[i] == U'/') before = false;
          break;
        case Kind::kDirectories:
          before = before || reached[i];
          if (reached[i]) next[i] = true;
          if (before && more && path[i] == U'/') next[i + 1] = true;
          break;
        case Kind::kRest:
          if (before) next[i] = true;
          before = before || reached[i];
          break;
      }
    }
    std::swap(reached, next);
  }
  return reached[length];
}

IgnoreRules::IgnoreRules(std::string_view text, std::string source) : source_(std::move(source)) {
  const std::u32string characters = Characters(text);
  std::u32string_view rest = characters;
  while (!rest.empty()) {
    const auto end = std::find_if(rest.begin(), rest.end(), EndsLine);
    const auto size = static_cast<std::size_t>(end - rest.begin());
    AddLine(rest.substr(0, size));
    rest.remove_prefix(std::min(size + 1, rest.size()));
  }
}

void IgnoreRules::AddLine(std::u32string_view line) {
  line = WithoutBlanks(line);
  if (line.empty() || line.front() == U'#') return;
  const bool excludes = line.front() != U'!';
  if (!excludes) line.remove_prefix(1);
  const bool directories_only = line.ends_with(U'/');
  while (line.ends_with(U'/')) line.remove_suffix(1);
  if (line.empty()) return;
  const bool anchored = line.find(U'/') != std::u32string_view::npos;
  while (line.starts_with(U'/')) line.remove_prefix(1);
  auto pattern = GlobPattern::Parse(line, anchored);
  if (pattern) rules_.push_back({std::move(*pattern), excludes, directories_only});
}

bool IgnoreRules::Excludes(std::string_view path, bool is_directory) const {
  if (rules_.empty()) return false;
  const std::u32string characters = Characters(path);
  const auto decides = [&](const Rule& rule) {
    return (is_directory || !rule.directories_only) && rule.pattern.Matches(characters);
  };
  const auto found = std::find_if(rules_.rbegin(), rules_.rend(), decides);
  return found != rules_.rend() && found->excludes;
}

Result<IgnoreRules> ReadIgnoreRules(const fs::path& directory) {
  for (const char* const name : {".amlignore", ".gitignore"}) {
    const fs::path path = directory / name;
    std::error_code error;
    if (!fs::is_regular_file(path, error)) continue;
    std::ifstream file(path, std::ios::binary);
    std::string text(kMostBytes + 1, '\0');
    if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (!file && !file.eof()) {
      return Fail(UsageError(Printable(path.string()) + " cannot be read"));
    }
    text.resize(static_cast<std::size_t>(file.gcount()));
    const std::u32string characters = WithPlainLineEnds(Characters(text));
    if (characters.size() > kMostCharacters) {
      return Fail(UsageError(Printable(path.string()) + " is larger than " +
                             std::to_string(kMostCharacters) + " bytes"));
    }
    return IgnoreRules(text, name);
  }
  return IgnoreRules();
}

}  // namespace muster::cli
