// One process on one node, with and without namespaces.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>

#include "tests/unit/exec/node_fixture.h"

namespace muster::agent::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class Single : public testing::TestWithParam<Isolation> {
 protected:
  Single() : node(world.Add("n1", GetParam())) {}
  World world;
  Node& node;
  // On the command line of what a script leaves running; unique, since tests run side by side.
  const std::string marker = "314" + std::to_string(::getpid());
};

TEST_P(Single, ScriptThatReturnsEndsWithZeroAndItsLogHasAzuresLines) {
  world.Source("train.py", "import sys\nprint('hello', sys.argv[1:])\n");
  auto task = world.Task("train.py");
  (*task.mutable_spec()->mutable_environment_variables())["LEVEL"] = "7";
  for (const char* argument : {"--level", "$LEVEL", "${LEVEL}x", "$UNKNOWN", "${}", "$"})
    task.mutable_spec()->add_arguments(argument);
  world.Start(task);
  ASSERT_TRUE(world.AwaitAllExited());
  EXPECT_FALSE(node.failure);
  EXPECT_TRUE(node.running);
  EXPECT_EQ(node.ranks[0].exit_code, 0);
  const std::string log = node.Log("70_driver_log.txt");
  EXPECT_THAT(
      log, HasSubstr("Preparing to call script [ train.py ] with arguments: ['--level', '$LEVEL'"));
  EXPECT_THAT(log,
              HasSubstr("After variable expansion, calling script [ train.py ] with arguments: "
                        "['--level', '7', '7x', '$UNKNOWN', '${}', '$']"));
  EXPECT_THAT(log, HasSubstr("hello ['--level', '7', '7x', '$UNKNOWN', '${}', '$']"));
}

TEST_P(Single, ExitCodeAndLastLinesOfAFailureAreKept) {
  world.Source("train.py", "print('about to fail')\nraise SystemExit(3)\n");
  world.Start(world.Task("train.py"));
  ASSERT_TRUE(world.AwaitAllExited());
  EXPECT_FALSE(node.failure);
  EXPECT_EQ(node.ranks[0].exit_code, 3);
  EXPECT_THAT(node.tail, HasSubstr("about to fail"));
}

TEST_P(Single, SignalOfARankIsKept) {
  world.Source("train.py", "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n");
  world.Start(world.Task("train.py"));
  ASSERT_TRUE(world.AwaitAllExited());
  EXPECT_EQ(node.ranks[0].signal, SIGSEGV);
  EXPECT_FALSE(node.ranks[0].exit_code);
}

TEST_P(Single, MissingInterpreterIsALaunchFailureThatNamesIt) {
  world.Source("train.py", "");
  auto task = world.Task("train.py");
  task.mutable_spec()->mutable_environment()->set_interpreter_path("/opt/none/python");
  world.Start(task);
  ASSERT_TRUE(world.AwaitAllExited());
  ASSERT_TRUE(node.failure);
  EXPECT_EQ(node.failure->code, FailureCode::kLaunchFailed);
  EXPECT_THAT(node.failure->message, HasSubstr("/opt/none/python does not exist"));
  EXPECT_EQ(node.ranks[0].exit_code, 127);
}

TEST_P(Single, ScriptThatIsNotExecutableIsALaunchFailure) {
  world.Source("train.sh", "#!/bin/sh\n");
  world.Start(world.Task("train.sh"));
  ASSERT_TRUE(world.AwaitAllExited());
  ASSERT_TRUE(node.failure);
  EXPECT_EQ(node.failure->code, FailureCode::kLaunchFailed);
  EXPECT_THAT(node.failure->message, HasSubstr("is not executable"));
  EXPECT_EQ(node.ranks[0].exit_code, 126);
}

TEST_P(Single, ExecutableScriptIsRunByItself) {
  world.Source("train.sh", "#!/bin/sh\necho \"$HOME\"; pwd; id -u; exit 5\n", 0755);
  world.Start(world.Task("train.sh"));
  ASSERT_TRUE(world.AwaitAllExited());
  EXPECT_EQ(node.ranks[0].exit_code, 5);
  const std::string work = node.AttemptDirectory() + "/work";
  EXPECT_THAT(node.Log("70_driver_log.txt"), HasSubstr(work + "\n" + work + "\n"));
  EXPECT_THAT(node.Log("70_driver_log.txt"), Not(HasSubstr("\n0\n"))) << "a job is never root";
}

TEST_P(Single, KillReachesADaemonisedGrandchild) {
  world.Source(
      "train.sh",
      "#!/bin/sh\nsetsid sh -c 'setsid sleep " + marker + " &' &\nexec sleep " + marker + "\n",
      0755);
  world.Start(world.Task("train.sh"));
  ASSERT_TRUE(world.Await([&] { return CountProcesses(marker) >= 2; }));
  node.runner().Kill(World::Id());
  ASSERT_TRUE(world.AwaitAllExited());
  EXPECT_EQ(CountProcesses(marker), 0);
  EXPECT_FALSE(node.failure);
  EXPECT_EQ(node.ranks[0].signal, SIGKILL);
}

TEST_P(Single, WhatARankLeavesRunningEndsWithIt) {
  world.Source("train.sh", "#!/bin/sh\nsetsid sleep " + marker + " &\nexit 0\n", 0755);
  world.Start(world.Task("train.sh"));
  ASSERT_TRUE(world.AwaitAllExited());
  EXPECT_EQ(node.ranks[0].exit_code, 0);
  EXPECT_EQ(CountProcesses(marker), 0);
}

TEST_P(Single, TerminateGivesTheGracePeriodAndThenKills) {
  world.Source("train.py", R"(import signal, time, sys
def stop(number, frame):
    time.sleep(1)
    open('outputs/saved', 'w').write('yes')
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
print('ready')
while True: time.sleep(0.05)
)");
  world.Start(world.Task("train.py"));
  ASSERT_TRUE(world.Await(
      [&] { return node.Log("70_driver_log.txt").find("\nready") != std::string::npos; }));
  node.runner().Terminate(World::Id(), std::chrono::seconds(10));
  ASSERT_TRUE(world.AwaitAllExited());
  EXPECT_EQ(node.ranks[0].exit_code, 0);
  EXPECT_EQ(ReadAll(node.AttemptDirectory() + "/work/outputs/saved"), "yes");
}

TEST_P(Single, ARankThatIgnoresSigtermIsKilledAfterTheGracePeriod) {
  world.Source("train.sh", "#!/bin/sh\ntrap '' TERM\necho ready\nwhile :; do sleep 0.1; done\n",
               0755);
  world.Start(world.Task("train.sh"));
  ASSERT_TRUE(world.Await(
      [&] { return node.Log("70_driver_log.txt").find("\nready") != std::string::npos; }));
  node.runner().Terminate(World::Id(), std::chrono::milliseconds(300));
  ASSERT_TRUE(world.AwaitAllExited());
  EXPECT_EQ(node.ranks[0].signal, SIGKILL);
}

TEST_P(Single, AnotherRunnerAdoptsTheRunningAttempt) {
  world.Source("train.py",
               "import os, time\nprint('up')\nwhile not os.path.exists('go'): "
               "time.sleep(0.02)\nprint('on')\n");
  world.Start(world.Task("train.py"));
  ASSERT_TRUE(world.Await([&] { return !node.ranks.empty(); }));
  const auto recovered = node.Restart();
  ASSERT_EQ(recovered.size(), 1U);
  EXPECT_EQ(recovered[0].id, World::Id());
  EXPECT_EQ(recovered[0].phase, ObservedPhase::kRunning);
  ASSERT_EQ(recovered[0].ranks.size(), 1U);
  EXPECT_FALSE(recovered[0].ranks[0].ended);
  std::filesystem::create_directory(node.AttemptDirectory() + "/work/go");
  ASSERT_TRUE(world.AwaitAllExited());
  EXPECT_EQ(node.ranks[0].exit_code, 0);
  EXPECT_THAT(node.Log("70_driver_log.txt"), HasSubstr("up\non\n"));
}

TEST_P(Single, TheEndIsFoundByARunnerThatWasNotThere) {
  world.Source("train.py", "raise SystemExit(4)\n");
  world.Start(world.Task("train.py"));
  ASSERT_TRUE(world.AwaitAllExited());
  const auto recovered = node.Restart();
  ASSERT_EQ(recovered.size(), 1U);
  EXPECT_EQ(recovered[0].phase, ObservedPhase::kExited);
  ASSERT_EQ(recovered[0].ranks.size(), 1U);
  EXPECT_EQ(recovered[0].ranks[0].exit_code, 4);
  EXPECT_FALSE(recovered[0].failure);
}

TEST_P(Single, ShimThatIsKilledLeavesNothingAndIsNamedAsTheCause) {
  world.Source("train.sh", "#!/bin/sh\nsetsid sleep " + marker + " &\nexec sleep " + marker + "\n",
               0755);
  world.Start(world.Task("train.sh"));
  ASSERT_TRUE(world.Await([&] { return CountProcesses(marker) >= 2; }));
  const int shim = node.ShimPid();
  ASSERT_GT(shim, 1);
  ::kill(shim, SIGKILL);
  ASSERT_TRUE(world.AwaitAllExited());
  ASSERT_TRUE(node.failure);
  EXPECT_EQ(node.failure->code, FailureCode::kShimLost);
  EXPECT_TRUE(world.Await([&] { return CountProcesses(marker) == 0; }, std::chrono::seconds(2)));
}

TEST_P(Single, AShimThatIsStoppedAndCannotBeReachedIsEndedByTheNextRunner) {
  world.Source("train.sh", "#!/bin/sh\nsetsid sleep " + marker + " &\nexec sleep " + marker + "\n",
               0755);
  world.Start(world.Task("train.sh"));
  ASSERT_TRUE(world.Await([&] { return CountProcesses(marker) >= 2; }));
  const int shim = node.ShimPid();
  ASSERT_GT(shim, 1);
  ::kill(shim, SIGSTOP);
  std::filesystem::remove(node.AttemptDirectory() + "/run/control.sock");
  const auto recovered = node.Restart();
  ASSERT_EQ(recovered.size(), 1U);
  EXPECT_EQ(recovered[0].phase, ObservedPhase::kExited);
  ASSERT_TRUE(recovered[0].failure);
  EXPECT_EQ(recovered[0].failure->code, FailureCode::kShimLost);
  EXPECT_EQ(CountProcesses(marker), 0);
  EXPECT_EQ(CountProcesses(node.AttemptDirectory()), 0) << "the shim is alive";
}

// The test holds the lock in the place of a shim that SIGKILL does not end, since it hangs in the
// kernel.
TEST_P(Single, AShimThatCannotBeEndedCountsAsRunningUntilItIsGone) {
  world.Source("train.sh", "#!/bin/sh\nexec sleep " + marker + "\n", 0755);
  world.Start(world.Task("train.sh"));
  ASSERT_TRUE(world.Await([&] { return CountProcesses(marker) >= 1; }));
  node.StopAgent();
  const std::string run = node.AttemptDirectory() + "/run";
  const int lock = ::open((run + "/shim.lock").c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(lock, 0);
  ::kill(node.ShimPid(), SIGKILL);
  ASSERT_EQ(::flock(lock, LOCK_EX), 0);
  const auto recovered = node.Restart();
  ASSERT_EQ(recovered.size(), 1U);
  EXPECT_EQ(recovered[0].phase, ObservedPhase::kRunning);
  node.runner().Kill(World::Id());
  EXPECT_FALSE(node.runner().Remove(World::Id()));
  world.loop().poll();
  EXPECT_FALSE(node.exited);
  ::close(lock);
  ASSERT_TRUE(world.AwaitAllExited());
  ASSERT_TRUE(node.failure);
  EXPECT_EQ(node.failure->code, FailureCode::kShimLost);
  EXPECT_TRUE(node.runner().Remove(World::Id()));
}

TEST_P(Single, RemoveTakesTheDirectoryAwayOnlyWhenNothingRuns) {
  world.Source("train.sh",
               "#!/bin/sh\nmkdir -p outputs/a/b; chmod 0 outputs/a; exec sleep " + marker + "\n",
               0755);
  world.Start(world.Task("train.sh"));
  ASSERT_TRUE(world.Await([&] { return CountProcesses(marker) >= 1; }));
  EXPECT_FALSE(node.runner().Remove(World::Id()));
  node.runner().Kill(World::Id());
  ASSERT_TRUE(world.AwaitAllExited());
  EXPECT_TRUE(node.runner().Remove(World::Id()));
  EXPECT_FALSE(std::filesystem::exists(node.AttemptDirectory()));
  EXPECT_TRUE(world.Await([&] { return std::filesystem::is_empty(node.directory() + "/trash"); }));
}

TEST_P(Single, DataIsSeenByTheScriptUnderItsVariable) {
  std::filesystem::create_directory(world.directory() + "/digits");
  std::filesystem::permissions(world.directory() + "/digits", std::filesystem::perms(0777));
  world.Source("train.sh",
               "#!/bin/sh\nls \"$1\"; ls in/digits; touch \"$1/new\" && echo written\nexit 0\n",
               0755);
  std::filesystem::create_directory(world.directory() + "/digits/one");
  auto task = world.Task("train.sh");
  task.mutable_spec()->add_arguments("$AZUREML_DATAREFERENCE_digits");
  auto* data = task.add_data();
  data->set_name("digits");
  data->set_local_path(world.directory() + "/digits");
  data->set_mode(v1::DATA_MODE_MOUNT);
  data->set_path_on_compute("in/digits");
  world.Start(task);
  ASSERT_TRUE(world.AwaitAllExited());
  const std::string log = node.Log("70_driver_log.txt");
  EXPECT_THAT(log, HasSubstr("\none\none\n"));
  if (GetParam() == Isolation::kNamespaces) {
    EXPECT_THAT(log, Not(HasSubstr("written")));
  }
}

INSTANTIATE_TEST_SUITE_P(Isolation, Single,
                         testing::Values(Isolation::kNamespaces, Isolation::kNone),
                         [](const auto& param) {
                           return param.param == Isolation::kNone ? "Bare" : "Namespaces";
                         });

TEST(SingleInNamespaces, SeesOnlyItsOwnProcessesAndNotTheNodesDirectory) {
  World world;
  Node& node = world.Add("n1", Isolation::kNamespaces);
  world.Source("train.sh",
               "#!/bin/sh\necho pids $(ls /proc | grep -c '^[0-9]')\nls " + node.directory() +
                   "\nls " + node.directory() + "/attempts\n",
               0755);
  world.Start(world.Task("train.sh"));
  ASSERT_TRUE(world.AwaitAllExited());
  const std::string log = node.Log("70_driver_log.txt");
  EXPECT_THAT(log, HasSubstr("attempts\nbin\n" + World::Id().job.str() + ".1\n"));
  EXPECT_THAT(log, testing::ContainsRegex("pids [3-6]\n"));
}

TEST(SingleLog, IsCutAtItsLimitWhileTheScriptRunsOn) {
  World world;
  Node& node = world.Add("n1", Isolation::kAuto, 1 << 20);
  world.Source("train.sh", "#!/bin/sh\nhead -c 50000000 /dev/zero\nexit 6\n", 0755);
  world.Start(world.Task("train.sh"));
  ASSERT_TRUE(world.AwaitAllExited());
  EXPECT_EQ(node.ranks[0].exit_code, 6);
  const std::string log = node.Log("70_driver_log.txt");
  EXPECT_LT(log.size(), (1U << 20) + 200U);
  EXPECT_THAT(log.substr(log.size() - 100), HasSubstr("reached its limit of 1048576 bytes"));
}

}  // namespace
}  // namespace muster::agent::test
