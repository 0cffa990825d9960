// Pure parts: what is started, with which words and variables.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/launch/network.h"
#include "agent/launch/plan.h"
#include "agent/shim/daemon_words.h"
#include "agent/shim/rank_command.h"
#include "muster/v1/agent.pb.h"

namespace muster::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Words = std::vector<std::string>;

const AttemptId kId{JobId("digits_1790000000_0a1b2c3d"), 2};

v1::AttemptTask Task(int nodes, std::uint32_t per_node, v1::Communicator communicator) {
  v1::AttemptTask task;
  task.set_workspace("default");
  task.mutable_spec()->set_experiment("digits");
  task.mutable_spec()->set_script("train.py");
  task.mutable_spec()->set_process_count_per_node(per_node);
  task.mutable_spec()->set_communicator(communicator);
  task.set_master_port(6105);
  for (int i = 1; i <= nodes; ++i) {
    v1::GangNode* node = task.add_gang();
    node->set_node_id("n" + std::to_string(i));
    node->set_address("10.77.0.1" + std::to_string(i));
  }
  return task;
}

NodeSetup NodeOne() {
  NodeSetup setup;
  setup.node = NodeId("n1");
  setup.attempt_directory = "/node/attempts/j.2";
  setup.program_directory = "/node/bin/abc";
  setup.machine_host_name = "vm";
  setup.interpreter = "/usr/bin/python3";
  setup.networks = {{"lo", 0x7f000001, 0xff000000}, {"eth0", 0x0a4d000b, 0xffffff00}};
  return setup;
}

std::string Joined(const Words& words) {
  std::string text;
  for (const std::string& word : words) text += word + " ";
  return text;
}

TEST(Launch, OnlyAGangOfSeveralNodesHasItsNamesInTheHostsFile) {
  v1::AttemptTask task = Task(3, 1, v1::COMMUNICATOR_GLOO);
  task.mutable_gang(2)->set_address("n3.lan");
  const auto launch = PlanLaunch(kId, task, NodeOne());
  ASSERT_TRUE(launch);
  EXPECT_THAT(launch->hosts,
              ElementsAre(HostEntry{"n1", "10.77.0.11"}, HostEntry{"n2", "10.77.0.12"}));
  EXPECT_EQ(ParseLaunchFile(ToJson(*launch))->hosts, launch->hosts);
  EXPECT_TRUE(PlanLaunch(kId, Task(1, 2, v1::COMMUNICATOR_GLOO), NodeOne())->hosts.empty());
  NodeSetup bare = NodeOne();
  bare.namespaces = false;
  EXPECT_TRUE(PlanLaunch(kId, task, bare)->hosts.empty());
}

TEST(Launch, MpirunGetsTheMeasuredFlags) {
  const std::string command = Joined(MpirunCommand(Task(2, 2, v1::COMMUNICATOR_MPI), NodeOne()));
  for (const char* part :
       {"mpirun --mca plm_rsh_agent muster-rsh ", "--mca plm_rsh_no_tree_spawn 1 ",
        "--leave-session-attached ", "--mca oob_tcp_if_include 10.77.0.0/24 ",
        "--mca btl_tcp_if_include 10.77.0.0/24 ", "--mca oob_tcp_keepalive_time 2 ",
        "--mca odls_base_sigkill_timeout 0 ", "--mca orte_keep_fqdn_hostnames 1 ",
        "--mca if_base_do_not_resolve 1 ", "--bind-to none ", "--mca pml ob1 ",
        "--mca btl self,vader,tcp ", "-host n1:2,n2:2 -n 4 muster-shim rank "})
    EXPECT_THAT(command, HasSubstr(part));
}

TEST(Launch, WithoutNamespacesTheHeadKeepsItsNameAndNobodySharesMemory) {
  NodeSetup setup = NodeOne();
  setup.namespaces = false;
  setup.as_root = true;
  const std::string command = Joined(MpirunCommand(Task(2, 1, v1::COMMUNICATOR_MPI), setup));
  EXPECT_THAT(command, HasSubstr("--allow-run-as-root"));
  EXPECT_THAT(command, HasSubstr("-host vm:1,n2:1 "));
  EXPECT_THAT(command, HasSubstr("--mca btl self,tcp "));
}

TEST(Launch, RanksThatOutnumberTheCoresOfTheirMachineYieldAndGetOneThread) {
  v1::AttemptTask task = Task(2, 2, v1::COMMUNICATOR_MPI);
  NodeSetup setup = NodeOne();
  setup.cores = 2;
  EXPECT_THAT(Joined(MpirunCommand(task, setup)), testing::Not(HasSubstr("yield")));
  EXPECT_EQ(JobEnvironment(kId, task, setup).at("OMP_NUM_THREADS"), "1");

  for (v1::GangNode& node : *task.mutable_gang()) node.set_address("127.0.0.1");
  EXPECT_THAT(Joined(MpirunCommand(task, setup)), HasSubstr("--mca mpi_yield_when_idle 1 "));
  setup.cores = 16;
  EXPECT_THAT(Joined(MpirunCommand(task, setup)), testing::Not(HasSubstr("yield")));
  EXPECT_EQ(JobEnvironment(kId, task, setup).at("OMP_NUM_THREADS"), "4");

  (*task.mutable_spec()->mutable_environment_variables())["OMP_NUM_THREADS"] = "7";
  EXPECT_EQ(JobEnvironment(kId, task, setup).at("OMP_NUM_THREADS"), "7");
}

TEST(Launch, AProcessOfItsOwnKeepsAllThreads) {
  NodeSetup setup = NodeOne();
  setup.cores = 8;
  const auto environment = JobEnvironment(kId, Task(1, 1, v1::COMMUNICATOR_NONE), setup);
  EXPECT_EQ(environment.count("OMP_NUM_THREADS"), 0U);
}

TEST(Launch, NetworkIsChosenOnlyWhenItIsKnown) {
  const auto networks = NodeOne().networks;
  EXPECT_EQ(ChooseNetwork({"127.0.0.1", "127.0.0.2"}, networks), "lo");
  EXPECT_EQ(ChooseNetwork({"localhost"}, networks), "lo");
  EXPECT_EQ(ChooseNetwork({"10.77.0.11", "10.77.0.99"}, networks), "10.77.0.0/24");
  EXPECT_EQ(ChooseNetwork({"10.77.0.11", "10.78.0.1"}, networks), "");
  EXPECT_EQ(ChooseNetwork({"127.0.0.1", "10.77.0.11"}, networks), "");
  EXPECT_EQ(ChooseNetwork({"node-a.example"}, networks), "");
  EXPECT_EQ(ChooseNetwork({"::1"}, networks), "");
}

TEST(Launch, ModeFollowsTheCommunicatorAndThePlaceInTheGang) {
  auto task = Task(2, 2, v1::COMMUNICATOR_MPI);
  EXPECT_EQ(PlanLaunch(kId, task, NodeOne())->mode, LaunchMode::kMpirun);
  EXPECT_EQ(PlanLaunch(kId, task, NodeOne())->host_name, "n1");
  task.set_node_rank(1);
  EXPECT_EQ(PlanLaunch(kId, task, NodeOne())->mode, LaunchMode::kDaemon);
  task = Task(3, 2, v1::COMMUNICATOR_GLOO);
  task.set_node_rank(2);
  const auto gloo = PlanLaunch(kId, task, NodeOne());
  EXPECT_EQ(gloo->mode, LaunchMode::kRanks);
  EXPECT_EQ(gloo->first_rank, 4U);
  EXPECT_EQ(gloo->world_size, 6U);
}

TEST(Launch, WhatCanNotRunIsRefusedWithASentence) {
  const auto message = [](const v1::AttemptTask& task) {
    const auto plan = PlanLaunch(kId, task, NodeOne());
    return plan ? std::string("accepted") : plan.error().message;
  };
  EXPECT_THAT(message(Task(2, 1, v1::COMMUNICATOR_PARAMETER_SERVER)), HasSubstr("not supported"));
  EXPECT_THAT(message(Task(1, 2, v1::COMMUNICATOR_NONE)), HasSubstr("need a communicator"));
  EXPECT_THAT(message(v1::AttemptTask()), HasSubstr("does not place this node"));
}

TEST(Launch, EnvironmentOfARankHasBothFamilies) {
  auto task = Task(2, 2, v1::COMMUNICATOR_GLOO);
  task.set_node_rank(1);
  auto& variables = *task.mutable_spec()->mutable_environment_variables();
  variables["PATH"] = "/opt/bin";
  variables["WORLD_SIZE"] = "99";
  task.add_data()->set_name("digits");
  const auto plan = PlanLaunch(kId, task, NodeOne());
  Environment environment = RankEnvironment(*plan, 3, 1, {"OMPI_COMM_WORLD_SIZE=4", "HOME=/root"});
  EXPECT_EQ(environment["PATH"], "/opt/bin") << "the user's word over our base";
  EXPECT_EQ(environment["WORLD_SIZE"], "4") << "a rank's place is not the user's to say";
  EXPECT_EQ(environment["RANK"], "3");
  EXPECT_EQ(environment["LOCAL_RANK"], "1");
  EXPECT_EQ(environment["NODE_RANK"], "1");
  EXPECT_EQ(environment["MASTER_ADDR"], "10.77.0.11");
  EXPECT_EQ(environment["OMPI_COMM_WORLD_SIZE"], "4");
  EXPECT_EQ(environment["HOME"], "/node/attempts/j.2/work");
  EXPECT_EQ(environment["AZUREML_RUN_ID"], kId.job.str());
  EXPECT_EQ(environment["AZUREML_DATAREFERENCE_digits"], "/node/attempts/j.2/mounts/digits");
  EXPECT_EQ(environment["AZ_BATCH_NODE_LIST"], "10.77.0.11;10.77.0.12");
  EXPECT_EQ(environment["AZ_BATCH_MASTER_NODE"], "10.77.0.11:6105");
  EXPECT_EQ(environment["AZ_BATCH_IS_CURRENT_NODE_MASTER"], "false");
  EXPECT_EQ(environment["CCP_NODES"], "2 10.77.0.11 1 10.77.0.12 1");
}

TEST(Launch, AScriptFindsWhereToLogAndTheModulesForIt) {
  auto task = Task(1, 1, v1::COMMUNICATOR_NONE);
  task.set_workspace("vision");
  NodeSetup setup = NodeOne();
  setup.job_python_directory = "/usr/share/muster/job-python";
  Environment environment = RankEnvironment(*PlanLaunch(kId, task, setup), 0, 0, {});
  EXPECT_EQ(environment["MUSTER_TRACKING_DIR"], "/node/attempts/j.2/tracking");
  EXPECT_EQ(environment["MUSTER_WORKSPACE"], "vision");
  EXPECT_EQ(environment["MUSTER_RANK"], "0");
  EXPECT_EQ(environment["PYTHONPATH"], "/usr/share/muster/job-python");
  auto& variables = *task.mutable_spec()->mutable_environment_variables();
  variables["PYTHONPATH"] = "lib:/opt/lib";
  variables["MUSTER_TRACKING_DIR"] = "/elsewhere";
  environment = RankEnvironment(*PlanLaunch(kId, task, setup), 0, 0, {});
  EXPECT_EQ(environment["PYTHONPATH"], "lib:/opt/lib:/usr/share/muster/job-python");
  EXPECT_EQ(environment["MUSTER_TRACKING_DIR"], "/node/attempts/j.2/tracking");
  setup.job_python_directory.clear();
  environment = RankEnvironment(*PlanLaunch(kId, task, setup), 0, 0, {});
  EXPECT_EQ(environment["PYTHONPATH"], "lib:/opt/lib");
}

TEST(Launch, MpirunAndOrtedGetNothingOfTheUsers) {
  auto task = Task(2, 1, v1::COMMUNICATOR_MPI);
  (*task.mutable_spec()->mutable_environment_variables())["LD_PRELOAD"] = "/tmp/evil.so";
  const auto plan = PlanLaunch(kId, task, NodeOne());
  EXPECT_EQ(plan->launcher_environment.count("LD_PRELOAD"), 0U);
  EXPECT_THAT(plan->launcher_environment.at("PATH"), testing::StartsWith("/node/bin/abc:"));
}

TEST(Launch, LaunchFileSurvivesTheDisk) {
  auto plan = PlanLaunch(kId, Task(2, 2, v1::COMMUNICATOR_MPI), NodeOne());
  plan->credentials = Credentials{65534, 65534, {65534, 100}};
  const auto again = ParseLaunchFile(ToJson(*plan));
  ASSERT_TRUE(again);
  EXPECT_EQ(ToJson(*again), ToJson(*plan));
  EXPECT_FALSE(ParseLaunchFile("{\"attempt\": 3}"));
}

TEST(DaemonWords, QuotesOfTheRemoteShellComeOff) {
  EXPECT_THAT(StripShellQuotes({" orted", "-mca", "ess", "\"env\""}),
              ElementsAre("orted", "-mca", "ess", "env"));
}

TEST(DaemonWords, OnlyOrtedIsAllowedAndOnlyPlainParameters) {
  EXPECT_TRUE(CheckDaemonWords({"orted", "-mca", "ess", "env", "-mca", "orte_node_regex",
                                "n[1:1-3]@0(3)", "-mca", "orte_hnp_uri",
                                "872415232.0;tcp://10.77.0.11:40543", "--mca", "plm_rsh_agent",
                                "muster-rsh", "--tree-spawn", "-mca", "pmix", "^s1,s2,cray"}));
  const Words bad[] = {
      {},
      {"sh", "-c", "id"},
      {"orted;id"},
      {"orted", "id"},
      {"orted", "-mca", "ess"},
      {"orted", "-mca", "ess", "env;id"},
      {"orted", "-mca", "ess", "$(id)"},
      {"orted", "-mca", "ess", "a|b"},
      {"orted", "-mca", "orte_hnp_uri", "1.0;tcp://a:1`id`"},
      {"orted", "-mca", "plm_rsh_agent", "/tmp/evil"},
      {"orted", "-mca", "orte_launch_agent", "evil"},
      {"orted", "-mca", "orte_fork_agent", "evil"},
      {"orted", "-mca", "mca_base_component_path", "/tmp"},
      {"orted", "--prefix", "/tmp"},
      Words(300, "orted"),
  };
  for (const Words& words : bad) EXPECT_FALSE(CheckDaemonWords(words)) << Joined(words);
}

TEST(DaemonWords, TheSameRequestHasTheSameId) {
  EXPECT_EQ(DaemonRequestId("n2", {"orted", "1"}), DaemonRequestId("n2", {"orted", "1"}));
  EXPECT_NE(DaemonRequestId("n2", {"orted", "1"}), DaemonRequestId("n3", {"orted", "1"}));
  EXPECT_NE(DaemonRequestId("n2", {"orted", "1"}), DaemonRequestId("n2", {"orted1"}));
}

}  // namespace
}  // namespace muster::agent
