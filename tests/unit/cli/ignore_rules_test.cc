#include "cli/ignore_rules.h"

#include <gtest/gtest.h>

#include "tests/unit/cli/scratch.h"

namespace muster::cli {
namespace {

TEST(IgnoreRules, AreTheSdks) {
  struct Case {
    const char *rules, *path;
    bool is_directory, excluded;
  };
  const std::vector<Case> cases = {
      {"*.pt", "a.pt", false, true},
      {"*.pt", "deep/er/a.pt", false, true},
      {"*.pt", "a.pt.txt", false, false},
      {"data/", "data", true, true},
      {"data/", "data", false, false},
      {"data/", "x/data", true, true},
      {"/data", "x/data", true, false},
      {"/data", "data", true, true},
      {"x/data", "x/data", true, true},
      {"x/data", "y/x/data", true, false},
      {"a/**/b", "a/b", false, true},
      {"a/**/b", "a/x/y/b", false, true},
      {"a/**/b", "a/x/yb", false, false},
      {"a/**", "a", true, false},
      {"a/**", "a/x/y", false, true},
      {"**/cache", "x/cache", true, true},
      {"**/cache", "xcache", true, false},
      {"a**b", "aXYb", false, true},
      {"a**b", "aX/Yb", false, false},
      {"**", "a/b", false, true},
      {"a*/b", "ax/y/b", false, false},
      {"a?c", "abc", false, true},
      {"a?c", "a/c", false, false},
      {"a?c", "aéc", false, true},  // one character, two bytes
      {"a?c",
       "a\xFF"
       "c",
       false, true},  // a byte that is no UTF-8
      {"a\xFF"
       "c",
       "a\xFF"
       "c",
       false, true},
      {"a\xFF"
       "c",
       "a\xFE"
       "c",
       false, false},
      {"[ab].py", "b.py", false, true},
      {"[!ab].py", "b.py", false, false},
      {"[^ab].py", "c.py", false, true},
      {"[!ab]x", "/x", false, false},
      {"[a-c-e]", "-", false, true},
      {"[a-c-e]", "d", false, false},
      {"[]a]", "]", false, true},
      {"[!]a]", "]", false, false},
      {"[é-ü]", "ö", false, true},
      {"[+-/]", "/", false, false},
      {"[b-a]", "b", false, false},  // matches nothing
      {"[", "[", false, true},
      {"[!]", "[!]", false, true},
      {"*.py\n!keep.py", "keep.py", false, false},
      {"!keep.py\n*.py", "keep.py", false, true},
      {"# comment\n\n", "# comment", false, false},
      {"\\#name", "#name", false, true},
      {"\\!name", "!name", false, true},
      {"name  ", "name", false, true},
      {"name\\ ", "name ", false, true},
      {"name\\  ", "name ", false, true},
      {"name\\", "name\\", false, true},
      {" name", " name", false, true},
      {"a\r\nb\rc", "b", false, true},
      {"\xEF\xBB\xBF"
       "name",
       "name", false, true},
      {"a+b(1).py", "a+b(1).py", false, true},
      {"*", "anything", true, true},
      {"/", "x", true, false},
      {"//a//", "a", true, true},
      {"日本*", "日本語.txt", false, true},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(IgnoreRules(c.rules, "").Excludes(c.path, c.is_directory), c.excluded)
        << c.rules << " on " << c.path;
  }
}

TEST(IgnoreRules, TakeNoTimeForPatternsOfManyStars) {
  std::string stars;
  for (int i = 0; i < 500; ++i) stars += "*a";
  EXPECT_FALSE(IgnoreRules(stars + "b", "").Excludes(std::string(4000, 'a'), false));
}

TEST(IgnoreRules, AmlignoreWins) {
  const Scratch scratch;
  const auto excludes = [&](const char* path) {
    const auto rules = ReadIgnoreRules(scratch.Path("."));
    return rules && rules->Excludes(path, false);
  };
  scratch.Write("other", "");
  EXPECT_FALSE(excludes("a.log"));
  scratch.Write(".gitignore", "*.log\n");
  EXPECT_TRUE(excludes("a.log"));
  scratch.Write(".amlignore", "*.tmp\n");
  EXPECT_FALSE(excludes("a.log"));
  EXPECT_TRUE(excludes("a.tmp"));
  EXPECT_EQ(ReadIgnoreRules(scratch.Path("."))->source(), ".amlignore");
}

TEST(IgnoreRules, OfABoundedFile) {
  const Scratch scratch;
  scratch.Write(".amlignore", std::string(1 << 20, 'a'));
  EXPECT_TRUE(ReadIgnoreRules(scratch.Path(".")));
  scratch.Write(".amlignore", std::string((1 << 20) + 1, 'a'));
  EXPECT_FALSE(ReadIgnoreRules(scratch.Path(".")));
}

}  // namespace
}  // namespace muster::cli
