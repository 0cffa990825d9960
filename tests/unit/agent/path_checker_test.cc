#include "agent/session/path_checker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <future>

#include "agent/staging/attempt_directory.h"
#include "tests/unit/agent/temporary_directory.h"

namespace muster::agent {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

v1::CheckPaths Question(std::uint64_t id, const std::vector<std::string>& paths) {
  v1::CheckPaths question;
  question.set_id(id);
  for (const std::string& path : paths) question.add_paths(path);
  return question;
}

v1::PathsChecked AskAndWait(PathChecker& checker, const v1::CheckPaths& question) {
  std::promise<v1::PathsChecked> answer;
  EXPECT_TRUE(
      checker.Check(question, [&](v1::PathsChecked checked) { answer.set_value(checked); }));
  return answer.get_future().get();
}

TEST(PathChecker, TellsWhatIsMissing) {
  const TemporaryDirectory directory;
  PathChecker checker(LocalPathIsMissing);
  const std::string here = directory.path();
  const auto checked =
      AskAndWait(checker, Question(3, {here, here + "/nothing", "/dev/null", "relative"}));
  EXPECT_EQ(checked.id(), 3U);
  EXPECT_THAT(checked.missing(), ElementsAre(here + "/nothing", "relative"));
  EXPECT_THAT(AskAndWait(checker, Question(4, {here})).missing(), IsEmpty());
}

TEST(PathChecker, WhereALookFailsNothingIsKnownToBeMissing) {
  const TemporaryDirectory directory;
  const std::string loop = directory / "loop";
  std::filesystem::create_symlink("loop", loop);
  directory.Write("file", "");
  PathChecker checker(LocalPathIsMissing);
  const std::string below_file = directory / "file/x";
  EXPECT_THAT(AskAndWait(checker, Question(1, {loop + "/x", below_file})).missing(),
              ElementsAre(below_file));
}

TEST(PathChecker, ALookThatHangsHoldsUpNobodyAndABoundedNumberOfQuestions) {
  std::promise<void> hangs;
  std::promise<void> mounted;
  PathChecker checker([&, released = mounted.get_future().share()](const std::string& path) {
    if (path != "/dead") return false;
    hangs.set_value();
    released.wait();
    return true;
  });
  const auto ignore = [](const v1::PathsChecked&) {};

  ASSERT_TRUE(checker.Check(Question(0, {"/dead"}), ignore));
  hangs.get_future().wait();
  for (std::uint64_t id = 1; id <= PathChecker::kMaxWaiting; ++id) {
    EXPECT_TRUE(checker.Check(Question(id, {"/alive"}), ignore));
  }
  EXPECT_FALSE(checker.Check(Question(99, {"/alive"}), ignore));
  EXPECT_FALSE(checker.Drain(Duration::zero())) << "it is still looking";
  mounted.set_value();
}

TEST(PathChecker, WhatWaitedIsAnsweredOnceTheLookIsOver) {
  std::promise<void> mounted;
  PathChecker checker([released = mounted.get_future().share()](const std::string& path) {
    if (path == "/slow") released.wait();
    return false;
  });
  std::promise<void> first;
  ASSERT_TRUE(
      checker.Check(Question(1, {"/slow"}), [&](const v1::PathsChecked&) { first.set_value(); }));
  std::promise<v1::PathsChecked> second;
  ASSERT_TRUE(checker.Check(Question(2, {"/quick"}),
                            [&](v1::PathsChecked checked) { second.set_value(checked); }));
  mounted.set_value();
  first.get_future().wait();
  EXPECT_EQ(second.get_future().get().id(), 2U);
}

}  // namespace
}  // namespace muster::agent
