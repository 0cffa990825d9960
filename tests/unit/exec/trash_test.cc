// The trash of a node: what is thrown away is gone from its place at once and deleted soon.
#include "agent/exec/trash.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

namespace muster::agent {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

class TrashOfANode : public ::testing::Test {
 protected:
  TrashOfANode() {
    std::string pattern = "/tmp/muster-trash-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
  }
  ~TrashOfANode() override { std::filesystem::remove_all(root_); }

  std::unique_ptr<Trash> Open(const TrashPace& pace) {
    auto trash = Trash::Open(root_ / "trash", pace);
    EXPECT_TRUE(trash) << trash.error().message;
    return std::move(*trash);
  }
  std::filesystem::path MakeTree(const std::string& name) {
    const std::filesystem::path tree = root_ / name;
    std::filesystem::create_directories(tree / "closed" / "below");
    std::ofstream(tree / "closed" / "file") << "text";
    std::filesystem::permissions(tree / "closed", std::filesystem::perms::none);
    return tree;
  }
  std::size_t Waiting() const {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(root_ / "trash"),
                      std::filesystem::directory_iterator()));
  }
  bool AwaitEmpty() const {
    const auto end = std::chrono::steady_clock::now() + seconds(20);
    while (Waiting() != 0) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(milliseconds(1));
    }
    return true;
  }

  std::filesystem::path root_;
};

TEST_F(TrashOfANode, DeletesWhenNothingWasThrownForAWhile) {
  const auto trash = Open({milliseconds(5), hours(1), 1'000});
  const auto tree = MakeTree("one");
  ASSERT_TRUE(trash->Throw(tree));
  EXPECT_FALSE(std::filesystem::exists(tree));
  EXPECT_TRUE(AwaitEmpty());
}

TEST_F(TrashOfANode, DeletesTheOldestInTimeHoweverMuchFollows) {
  const auto trash = Open({hours(1), milliseconds(5), 1'000});
  ASSERT_TRUE(trash->Throw(MakeTree("one")));
  EXPECT_TRUE(AwaitEmpty());
}

TEST_F(TrashOfANode, DeletesWhenManyWait) {
  const auto trash = Open({hours(1), hours(1), 3});
  ASSERT_TRUE(trash->Throw(MakeTree("one")));
  ASSERT_TRUE(trash->Throw(MakeTree("two")));
  EXPECT_EQ(Waiting(), 2U);
  ASSERT_TRUE(trash->Throw(MakeTree("three")));
  EXPECT_TRUE(AwaitEmpty());
}

TEST_F(TrashOfANode, TheNextStartDeletesWhatWasLeft) {
  ASSERT_TRUE(Open({hours(1), hours(1), 1'000})->Throw(MakeTree("one")));
  EXPECT_EQ(Waiting(), 1U);
  const auto trash = Open({hours(1), hours(1), 1'000});
  EXPECT_TRUE(AwaitEmpty());
}

TEST_F(TrashOfANode, WhatIsNotThereNeedsNoDeleting) {
  EXPECT_TRUE(Open({})->Throw(root_ / "nothing"));
}

}  // namespace
}  // namespace muster::agent
