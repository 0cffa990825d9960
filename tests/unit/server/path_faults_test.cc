// Which paths of a specification must be there, what is said where they are not, and how long it
// is known that they are.
#include "server/rpc/path_faults.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/rpc/settled_paths.h"

namespace muster::server {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

const WorkspaceName kWorkspace("default");

scheduler::State StateWithDigits() {
  scheduler::State state;
  const scheduler::DatastoreKey key{kWorkspace, DatastoreName("digits")};
  state.datastores[key] = {key, "/data/digits"};
  return state;
}

void Refer(v1::JobSpec& spec, const std::string& datastore, const std::string& path,
           v1::DataMode mode = v1::DATA_MODE_UNSPECIFIED) {
  v1::DataReference& reference = *spec.add_data_references();
  reference.set_name("d" + std::to_string(spec.data_references_size()));
  reference.set_datastore(datastore);
  reference.set_path(path);
  reference.set_mode(mode);
}

TEST(PathsOf, AreThoseThatStagingWillLookFor) {
  v1::JobSpec spec;
  Refer(spec, "Digits", "2024/a");
  Refer(spec, "digits", "", v1::DATA_MODE_DOWNLOAD);
  const auto wanted = PathsOf(StateWithDigits(), kWorkspace, spec);
  ASSERT_EQ(wanted.size(), 2U);
  EXPECT_EQ(wanted[0].path, "/data/digits/2024/a");
  EXPECT_EQ(wanted[1].path, "/data/digits");
  EXPECT_EQ(wanted[1].reference, 1);
}

TEST(PathsOf, LeavesOutWhatIsFaultyOrMadeByTheJob) {
  v1::JobSpec spec;
  Refer(spec, "digits", "results", v1::DATA_MODE_UPLOAD);
  Refer(spec, "unknown", "a");
  Refer(spec, "digits", "../etc");
  Refer(spec, "digits", "/etc");
  Refer(spec, "digits", std::string(4'096, 'x'));
  EXPECT_THAT(PathsOf(StateWithDigits(), kWorkspace, spec), IsEmpty());
  EXPECT_THAT(PathsOf(StateWithDigits(), WorkspaceName("other"), spec), IsEmpty());
  for (int i = 0; i < 300; ++i) Refer(spec, "digits", "a");
  EXPECT_THAT(PathsOf(StateWithDigits(), kWorkspace, spec), IsEmpty());
}

TEST(PathFaults, NameFieldValueNodesAndWhatWouldWork) {
  v1::JobSpec spec;
  Refer(spec, "digits", "there");
  Refer(spec, "digits", "x");
  Refer(spec, "Digits", "x");
  Refer(spec, "digits", "");
  const auto wanted = PathsOf(StateWithDigits(), kWorkspace, spec);
  PathVerdict verdict{{NodeId("n1")}, {"/data/digits", "/data/digits/x"}};
  auto faults = PathFaults(spec, wanted, verdict);
  ASSERT_EQ(faults.size(), 3U);
  EXPECT_EQ(faults[0].field, "data_references[1].path");
  EXPECT_EQ(faults[0].value, "x");
  EXPECT_EQ(faults[0].message,
            "node n1 has no /data/digits/x: put it there, or name a path below /data/digits, the "
            "root of datastore \"digits\", that the nodes have");
  EXPECT_EQ(faults[1].field, "data_references[2].path");
  EXPECT_EQ(faults[2].message,
            "node n1 has no /data/digits, the root of datastore \"digits\": put it there, or "
            "register the datastore with a path that the nodes have");

  verdict.answered = {NodeId("n1"), NodeId("n2"), NodeId("n3")};
  faults = PathFaults(spec, wanted, verdict);
  EXPECT_THAT(faults[0].message, HasSubstr("nodes n1, n2 and n3 have no /data/digits/x"));
  verdict.answered.insert(verdict.answered.end(), {NodeId("n4"), NodeId("n5")});
  faults = PathFaults(spec, wanted, verdict);
  EXPECT_THAT(faults[0].message, HasSubstr("nodes n1, n2, n3 and 2 more have no /data/digits/x"));
  EXPECT_THAT(PathFaults(spec, wanted, {{NodeId("n1")}, {}}), IsEmpty());
}

TEST(SettledPaths, AreKnownForAMinute) {
  const SteadyPoint now{std::chrono::hours(1)};
  SettledPaths settled;
  settled.Add(Sha256("a"), settled.epoch(), now);
  EXPECT_TRUE(settled.Contains(Sha256("a"), now + std::chrono::seconds(59)));
  EXPECT_FALSE(settled.Contains(Sha256("a"), now + std::chrono::seconds(60)));
  EXPECT_FALSE(settled.Contains(Sha256("b"), now));
}

TEST(SettledPaths, WhatWasAskedBeforeAChangeIsNotKnownAfterIt) {
  const SteadyPoint now{std::chrono::hours(1)};
  SettledPaths settled;
  settled.Add(Sha256("before"), settled.epoch(), now);
  const std::uint64_t asked = settled.epoch();
  settled.Clear();
  settled.Add(Sha256("meanwhile"), asked, now);
  EXPECT_FALSE(settled.Contains(Sha256("before"), now));
  EXPECT_FALSE(settled.Contains(Sha256("meanwhile"), now));
}

TEST(SettledPaths, AreOfABoundedNumber) {
  const SteadyPoint now{std::chrono::hours(1)};
  SettledPaths settled;
  std::size_t known = 0;
  const auto key = [](std::size_t i) { return Sha256(std::to_string(i)); };
  for (std::size_t i = 0; i < SettledPaths::kMax + 5; ++i) {
    settled.Add(key(i), settled.epoch(), now);
    EXPECT_TRUE(settled.Contains(key(i), now));
  }
  for (std::size_t i = 0; i < SettledPaths::kMax + 5; ++i) known += settled.Contains(key(i), now);
  EXPECT_LE(known, SettledPaths::kMax);
}

}  // namespace
}  // namespace muster::server
