// Pools, workspaces, datastores and tokens.
#include <gtest/gtest.h>

#include "tests/support/scheduler_builders.h"

namespace muster::scheduler {
namespace {

class Definitions : public ::testing::Test {
 protected:
  CreatePool NewPool(const std::string& name, const std::string& key) {
    CreatePool command;
    command.idempotency = Key(key);
    command.definition = PoolCreated{kDefault, PoolName(name), 4, 0, 3, SharingMode::kExclusive};
    return command;
  }
  UpdatePool Change(const std::string& name) {
    UpdatePool command;
    command.workspace = kDefault;
    command.name = PoolName(name);
    return command;
  }
  Cluster cluster;
};

TEST_F(Definitions, APoolIsCreatedOnceAndARepetitionIsAnsweredAsBefore) {
  ASSERT_TRUE(cluster.Ask(NewPool("cpu", "a")).has_value());
  EXPECT_TRUE(cluster.Ask(NewPool("cpu", "a"))->repeated);
  EXPECT_EQ(cluster.Ask(NewPool("cpu", "b")).error().reason, ErrorReason::kNameTaken);
}

TEST_F(Definitions, APoolKeepsWhatAnUpdateDoesNotName) {
  ASSERT_TRUE(cluster.Ask(NewPool("cpu", "a")).has_value());
  UpdatePool change = Change("cpu");
  change.max_nodes = 7;
  ASSERT_TRUE(cluster.Ask(change).has_value());
  const Pool& pool = cluster.state.pools.at({kDefault, PoolName("cpu")});
  EXPECT_EQ(pool.max_nodes, 7U);
  EXPECT_EQ(pool.slots_per_node, 4U);
}

TEST_F(Definitions, AnAcceptedJobStaysFeasible) {
  ASSERT_TRUE(cluster.Ask(NewPool("cpu", "a")).has_value());
  cluster.Submit(Needs(3, 4, "cpu"));
  UpdatePool change = Change("cpu");
  change.max_nodes = 2;
  EXPECT_EQ(cluster.Ask(change).error().reason, ErrorReason::kInfeasible);
}

TEST_F(Definitions, TheSharingModeIsFixedWhileJobsHoldNodes) {
  cluster.AddNode(kN1);
  cluster.SubmitAndStart(Needs(), {kN1});
  UpdatePool change = Change("default");
  change.sharing = SharingMode::kSlots;
  EXPECT_EQ(cluster.Ask(change).error().reason, ErrorReason::kInUse);
}

TEST_F(Definitions, AMaximumBelowTheMinimumIsRefused) {
  UpdatePool change = Change("default");
  change.min_nodes = 5;
  change.max_nodes = 4;
  EXPECT_EQ(cluster.Ask(change).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(Definitions, APoolInUseIsNotDeleted) {
  DeletePool command;
  command.workspace = kDefault;
  command.name = PoolName("default");
  cluster.AddNode(kN1);
  EXPECT_EQ(cluster.Ask(command).error().reason, ErrorReason::kInUse);
  command.name = PoolName("nowhere");
  EXPECT_EQ(cluster.Ask(command).error().reason, ErrorReason::kUnknownPool);
}

TEST_F(Definitions, ADatastoreIsReplacedByOneOfItsName) {
  RegisterDatastore command;
  command.definition = DatastoreRegistered{kDefault, DatastoreName("digits"), "/a"};
  ASSERT_TRUE(cluster.Ask(command).has_value());
  command.definition.local_path = "/b";
  ASSERT_TRUE(cluster.Ask(command).has_value());
  EXPECT_EQ(cluster.state.datastores.at({kDefault, DatastoreName("digits")}).local_path, "/b");
}

TEST_F(Definitions, ATokenIsRevokedInItsOwnWorkspaceOnly) {
  CreateToken create;
  create.idempotency = Key("token");
  create.definition.id = TokenId("0123456789abcdef");
  create.definition.workspace = kDefault;
  create.definition.role = Role::kUser;
  ASSERT_TRUE(cluster.Ask(create).has_value());
  RevokeToken revoke;
  revoke.id = create.definition.id;
  revoke.workspace = WorkspaceName("other");
  EXPECT_EQ(cluster.Ask(revoke).error().reason, ErrorReason::kUnknownToken);
  revoke.workspace = kDefault;
  ASSERT_TRUE(cluster.Ask(revoke).has_value());
  EXPECT_TRUE(cluster.state.tokens.at(revoke.id).revoked);
}

TEST_F(Definitions, ATokenThatExpiredLongAgoIsForgottenWithTheNextThatIsMade) {
  const auto make = [this](const std::string& id, Duration life) {
    CreateToken create;
    create.definition.workspace = kDefault;
    create.definition.id = TokenId(id);
    create.definition.expires = kStartTime + life;
    return cluster.Ask(create).has_value();
  };
  ASSERT_TRUE(make("long ago", -kTokenRetention - std::chrono::seconds(1)));
  ASSERT_TRUE(make("of late", -kTokenRetention + std::chrono::seconds(1)));
  EXPECT_FALSE(cluster.state.tokens.contains(TokenId("long ago")));
  ASSERT_TRUE(make("valid", std::chrono::hours(1)));
  EXPECT_TRUE(cluster.state.tokens.contains(TokenId("of late")));
  EXPECT_TRUE(cluster.state.tokens.contains(TokenId("valid")));
}

TEST_F(Definitions, AJoinTokenNeedsAPoolToJoin) {
  CreateToken create;
  create.definition.id = TokenId("join");
  create.definition.workspace = kDefault;
  create.definition.role = Role::kJoin;
  create.definition.pool = PoolName("nowhere");
  EXPECT_EQ(cluster.Ask(create).error().reason, ErrorReason::kUnknownPool);
}

TEST_F(Definitions, AWorkspaceHasNamesOfItsOwn) {
  CreateWorkspace create;
  create.name = WorkspaceName("other");
  ASSERT_TRUE(cluster.Ask(create).has_value());
  EXPECT_EQ(cluster.Ask(create).error().reason, ErrorReason::kNameTaken);
  CreatePool pool = NewPool("default", "a");
  pool.definition.workspace = create.name;
  EXPECT_TRUE(cluster.Ask(pool).has_value());
}

}  // namespace
}  // namespace muster::scheduler
