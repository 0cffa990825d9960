// Gangs over two virtual nodes; the test relays what mpirun asks for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include "tests/unit/exec/node_fixture.h"

namespace muster::agent::test {
namespace {

using testing::HasSubstr;

constexpr char kHello[] = R"(from mpi4py import MPI
import os, socket
world = MPI.COMM_WORLD
total = world.allreduce(world.rank)
import array
large = array.array('d', [1.0]) * 500000
result = array.array('d', [0.0]) * 500000
world.Allreduce(large, result)
assert result[499999] == 4.0
print('rank', world.rank, 'of', world.size, 'sum', total, 'on', socket.gethostname(), os.environ['RANK'], os.environ['LOCAL_RANK'], flush=True)
)";

// Ends two seconds after SIGTERM, without MPI_Finalize, rank 0 at once.
constexpr char kSavesLate[] = R"(from mpi4py import MPI
import os, signal, time
rank = MPI.COMM_WORLD.rank
def stop(number, frame):
    time.sleep(2 if rank else 0)
    open('outputs/saved-%d' % rank, 'w').write('yes')
    os._exit(7)
signal.signal(signal.SIGTERM, stop)
print('ready', flush=True)
while True: time.sleep(0.05)
)";

class Gang : public testing::TestWithParam<Isolation> {
 protected:
  Gang() : head(world.Add("n1", GetParam())), other(world.Add("n2", GetParam())) {}
  World world;
  Node& head;
  Node& other;

  bool AllReady() {
    return head.Log("70_driver_log_0.txt").find("ready") != std::string::npos &&
           head.Log("70_driver_log_1.txt").find("ready") != std::string::npos &&
           other.Log("70_driver_log_2.txt").find("ready") != std::string::npos &&
           other.Log("70_driver_log_3.txt").find("ready") != std::string::npos;
  }
};

TEST_P(Gang, GlooRanksGetTheirPlaces) {
  world.Source("train.sh",
               "#!/bin/sh\necho $RANK/$WORLD_SIZE local $LOCAL_RANK node $NODE_RANK at "
               "$MASTER_ADDR:$MASTER_PORT\n",
               0755);
  world.Start(world.Task("train.sh", 2, v1::COMMUNICATOR_GLOO));
  ASSERT_TRUE(world.AwaitAllExited());
  EXPECT_THAT(head.Log("70_driver_log_0.txt"), HasSubstr("0/4 local 0 node 0 at 127.0.0.1:6105"));
  EXPECT_THAT(head.Log("70_driver_log_1.txt"), HasSubstr("1/4 local 1 node 0 at"));
  EXPECT_THAT(other.Log("70_driver_log_2.txt"), HasSubstr("2/4 local 0 node 1 at"));
  EXPECT_THAT(other.Log("70_driver_log_3.txt"), HasSubstr("3/4 local 1 node 1 at"));
  EXPECT_EQ(other.ranks[3].exit_code, 0);
}

TEST_P(Gang, RanksFindTheNodesOfTheirGangByName) {
  if (GetParam() == Isolation::kNone) GTEST_SKIP() << "there is no file system of its own";
  world.Source("train.sh",
               "#!/bin/sh\ngetent ahostsv4 n1 | head -1; getent ahostsv4 n2 | head -1; "
               "getent hosts localhost >/dev/null && echo the machines too\n",
               0755);
  world.Start(world.Task("train.sh", 1, v1::COMMUNICATOR_GLOO));
  ASSERT_TRUE(world.AwaitAllExited());
  for (const std::string& log :
       {head.Log("70_driver_log_0.txt"), other.Log("70_driver_log_1.txt")}) {
    EXPECT_THAT(log, testing::ContainsRegex("127.0.0.1 +STREAM n1\n127.0.0.1 +STREAM n2\n"));
    EXPECT_THAT(log, HasSubstr("the machines too"));
  }
}

TEST_P(Gang, AFailedRankEndsTheRestOfItsNode) {
  world.Source("train.sh", "#!/bin/sh\n[ $RANK = 1 ] && exit 3\nexec sleep 1000\n", 0755);
  auto task = world.Task("train.sh", 2, v1::COMMUNICATOR_GLOO);
  world.Start(task);
  ASSERT_TRUE(world.Await([&] { return head.exited; }));
  EXPECT_EQ(head.ranks[1].exit_code, 3);
  EXPECT_EQ(head.ranks[0].signal, SIGKILL);
  EXPECT_FALSE(head.failure);
  EXPECT_FALSE(other.exited) << "other nodes are the server's matter";
}

TEST_P(Gang, MpiRanksOnTwoNodesComputeTogether) {
  world.Source("hello.py", kHello);
  world.Start(world.Task("hello.py", 2, v1::COMMUNICATOR_MPI));
  ASSERT_TRUE(world.AwaitAllExited()) << head.Log("70_mpi_log.txt");
  EXPECT_FALSE(head.failure) << head.failure->message << head.Log("70_mpi_log.txt");
  EXPECT_FALSE(other.failure) << other.failure->message << other.Log("70_mpi_log_n2.txt");
  for (const std::uint32_t rank : {0U, 1U, 2U, 3U}) {
    Node& node = rank < 2 ? head : other;
    EXPECT_EQ(node.ranks[rank].exit_code, 0);
    EXPECT_THAT(node.Log("70_driver_log_" + std::to_string(rank) + ".txt"),
                HasSubstr("rank " + std::to_string(rank) + " of 4 sum 6"));
  }
  if (GetParam() == Isolation::kNamespaces) {
    EXPECT_THAT(other.Log("70_driver_log_2.txt"), HasSubstr("on n2 2 0"));
  }
  ASSERT_EQ(other.daemon_exits.size(), 1U);
}

TEST_P(Gang, EveryMpiRankHasItsWholeGracePeriod) {
  world.Source("save.py", kSavesLate);
  world.Start(world.Task("save.py", 2, v1::COMMUNICATOR_MPI));
  ASSERT_TRUE(world.Await([&] { return AllReady(); })) << head.Log("70_mpi_log.txt");
  for (Node* node : {&head, &other})
    node->runner().Terminate(World::Id(), std::chrono::seconds(10));
  ASSERT_TRUE(world.AwaitAllExited());
  for (const std::uint32_t rank : {0U, 1U, 2U, 3U}) {
    Node& node = rank < 2 ? head : other;
    EXPECT_EQ(ReadAll(node.AttemptDirectory() + "/work/outputs/saved-" + std::to_string(rank)),
              "yes");
    EXPECT_EQ(node.ranks[rank].exit_code, 7);
  }
  EXPECT_FALSE(head.failure);
}

TEST_P(Gang, AFailedMpiRankIsKeptWithItsCode) {
  world.Source("fail.py",
               "from mpi4py import MPI\nimport os, time\n"
               "if MPI.COMM_WORLD.rank == 3:\n  print('oh no', flush=True)\n  "
               "os._exit(3)\ntime.sleep(1000)\n");
  world.Start(world.Task("fail.py", 2, v1::COMMUNICATOR_MPI));
  ASSERT_TRUE(world.AwaitAllExited());
  EXPECT_EQ(other.ranks[3].exit_code, 3);
  EXPECT_FALSE(other.failure);
  EXPECT_THAT(other.tail, HasSubstr("oh no"));
}

TEST_P(Gang, MpiRunsOnWhileBothAgentsAreReplaced) {
  world.Source("wait.py",
               "from mpi4py import MPI\nimport os, time\nprint('ready', flush=True)\n"
               "while not os.path.exists('go'): time.sleep(0.05)\n"
               "print('sum', MPI.COMM_WORLD.allreduce(1), flush=True)\n");
  world.Start(world.Task("wait.py", 2, v1::COMMUNICATOR_MPI));
  ASSERT_TRUE(world.Await([&] { return AllReady(); })) << head.Log("70_mpi_log.txt");
  for (Node* node : {&head, &other}) {
    const auto recovered = node->Restart();
    ASSERT_EQ(recovered.size(), 1U);
    EXPECT_EQ(recovered[0].phase, ObservedPhase::kRunning);
    EXPECT_EQ(recovered[0].ranks.size(), 2U);
    EXPECT_EQ(recovered[0].daemons_started.size(), node == &other ? 1U : 0U);
  }
  for (Node* node : {&head, &other})
    ASSERT_EQ(::mkdir((node->AttemptDirectory() + "/work/go").c_str(), 0755), 0);
  ASSERT_TRUE(world.AwaitAllExited());
  EXPECT_FALSE(head.failure);
  EXPECT_EQ(head.ranks[0].exit_code, 0);
  EXPECT_EQ(other.ranks[3].exit_code, 0);
  EXPECT_THAT(other.Log("70_driver_log_3.txt"), HasSubstr("sum 4"));
}

TEST_P(Gang, MpirunThatIsKilledIsALauncherFailure) {
  world.Source(
      "wait.py",
      "from mpi4py import MPI\nimport time\nprint('ready', flush=True)\ntime.sleep(1000)\n");
  world.Start(world.Task("wait.py", 2, v1::COMMUNICATOR_MPI));
  ASSERT_TRUE(world.Await([&] { return AllReady(); })) << head.Log("70_mpi_log.txt");
  ASSERT_GT(KillChildOf(head.ShimPid(), "mpirun"), 0);
  ASSERT_TRUE(world.AwaitAllExited());
  ASSERT_TRUE(head.failure);
  EXPECT_EQ(head.failure->code, FailureCode::kLauncherFailed);
  EXPECT_THAT(head.failure->message, HasSubstr("mpirun on node n1 was ended by signal 9"));
}

TEST(GangPaths, AreNotLimitedByTheLengthOfASocketsName) {
  World world(std::string(180, 'd'));
  Node& head = world.Add("n1");
  Node& other = world.Add("n2");
  world.Source("hello.py", kHello);
  world.Start(world.Task("hello.py", 2, v1::COMMUNICATOR_MPI));
  ASSERT_TRUE(world.AwaitAllExited()) << head.Log("70_mpi_log.txt");
  EXPECT_EQ(head.ranks[0].exit_code, 0) << head.Log("70_mpi_log.txt");
  EXPECT_EQ(other.ranks[3].exit_code, 0);
}

TEST(GangRecords, ThatTheJobForgesReachNobodyElse) {
  World world;
  Node& node = world.Add("n1");
  world.Source("forge.py", R"(from mpi4py import MPI
import json, os, time
exits = os.environ['MUSTER_ATTEMPT_DIRECTORY'] + '/run/exits/'
if MPI.COMM_WORLD.rank: time.sleep(1000)
os.symlink('/etc/passwd', exits + 'x')
os.rename(exits + 'x', exits + 'rank-1.json')
open(exits + 'x', 'w').write('{' * 100000)
os.rename(exits + 'x', exits + 'rank-2.start')
for pid in (1, -1, 0, 2, 999999):
    open(exits + 'x', 'w').write(json.dumps({'rank': 1, 'pid': pid, 'started_us': 1, 'ended_us': 0}))
    os.rename(exits + 'x', exits + 'rank-1.start')
print('ready', flush=True)
time.sleep(1000)
)");
  world.Start(world.Task("forge.py", 2, v1::COMMUNICATOR_MPI));
  ASSERT_TRUE(world.Await(
      [&] { return node.Log("70_driver_log_0.txt").find("ready") != std::string::npos; }));
  node.runner().Terminate(World::Id(), std::chrono::seconds(1));
  ASSERT_TRUE(world.AwaitAllExited());
  EXPECT_LE(node.ranks.size(), 2U);
}

INSTANTIATE_TEST_SUITE_P(Isolation, Gang, testing::Values(Isolation::kNamespaces, Isolation::kNone),
                         [](const auto& param) {
                           return param.param == Isolation::kNone ? "Bare" : "Namespaces";
                         });

}  // namespace
}  // namespace muster::agent::test
