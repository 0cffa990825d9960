#include "server/rpc/spec_resolution.h"

#include <gtest/gtest.h>

namespace muster::server {
namespace {

namespace v1 = muster::v1;

scheduler::JobRequirements Resolved(const v1::JobSpec& spec, const SpecDefaults& defaults) {
  google::protobuf::Arena arena;
  return RequirementsOf(*ResolveSpec(spec, defaults, arena));
}

TEST(SpecResolution, EveryDefaultIsWrittenOut) {
  v1::JobSpec spec;
  spec.add_data_references()->set_name("d");
  google::protobuf::Arena arena;
  const v1::JobSpec& resolved = *ResolveSpec(spec, SpecDefaults{}, arena);
  EXPECT_EQ(resolved.pool(), "default");
  EXPECT_EQ(resolved.node_count(), 1U);
  EXPECT_EQ(resolved.process_count_per_node(), 1U);
  EXPECT_EQ(resolved.communicator(), v1::COMMUNICATOR_NONE);
  EXPECT_EQ(resolved.grace_period_ms(), 10'000);
  EXPECT_EQ(resolved.data_references(0).mode(), v1::DATA_MODE_MOUNT);
}

TEST(SpecResolution, OnlyAJobThatMayBeRetriedHasALease) {
  v1::JobSpec spec;
  spec.mutable_restart_policy()->set_lease_ms(5'000);
  EXPECT_EQ(Resolved(spec, SpecDefaults{}).lease, Duration::zero());
  spec.mutable_restart_policy()->set_node_loss_retries(1);
  EXPECT_EQ(Resolved(spec, SpecDefaults{}).lease, std::chrono::seconds(5));
  spec.mutable_restart_policy()->set_lease_ms(0);
  EXPECT_EQ(Resolved(spec, SpecDefaults{std::chrono::seconds(9)}).lease, std::chrono::seconds(9));
}

TEST(SpecResolution, AGraceOfZeroStaysZero) {
  v1::JobSpec spec;
  spec.set_grace_period_ms(0);
  EXPECT_EQ(Resolved(spec, SpecDefaults{}).grace_period, Duration::zero());
}

TEST(SpecResolution, EqualMessagesHaveEqualBytes) {
  v1::JobSpec one;
  v1::JobSpec other;
  for (int i = 0; i < 100; ++i) (*one.mutable_tags())[std::to_string(i)] = "x";
  for (int i = 99; i >= 0; --i) (*other.mutable_tags())[std::to_string(i)] = "x";
  EXPECT_EQ(SerializeDeterministic(one), SerializeDeterministic(other));
  v1::JobSpec parsed;
  ASSERT_TRUE(parsed.ParseFromString(SerializeDeterministic(one)));
  EXPECT_EQ(parsed.tags().size(), 100U);
}

TEST(SpecResolution, DatastoresAreComparedWithoutCase) {
  v1::JobSpec spec;
  spec.add_data_references()->set_datastore("MyStore");
  EXPECT_EQ(DatastoresOf(spec).at(0).str(), "mystore");
}

}  // namespace
}  // namespace muster::server
