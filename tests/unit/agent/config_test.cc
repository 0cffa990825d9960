#include "agent/session/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <regex>

#include "tests/unit/agent/temporary_directory.h"

namespace muster::agent {
namespace {

MachineFacts Machine() {
  MachineFacts machine;
  machine.host_name = "Worker_7.Example";
  machine.cores = 12;
  machine.user = "muster";
  machine.program_directories = {"/opt/bin", "/opt/libexec/muster"};
  machine.find_uid = [](const std::string& account) -> std::optional<std::uint32_t> {
    if (account == "root" || account == "toor") return 0;
    if (account == "nobody") return 65534;
    return std::nullopt;
  };
  machine.route_address = [](const std::string& host) -> Result<std::string> {
    if (host == "127.0.0.1") return "127.0.0.1";
    return "10.0.0.7";
  };
  machine.is_executable = [](const std::string& path) {
    return path == "/opt/libexec/muster/muster-shim";
  };
  return machine;
}

std::vector<std::string> FaultyFields(const Result<AgentConfig>& config) {
  std::vector<std::string> fields;
  if (config) return fields;
  for (const Fault& fault : config.error().faults) fields.push_back(fault.field);
  return fields;
}

TEST(AgentConfig, TheServerIsAllThatMustBeGiven) {
  const auto config = ResolveConfig({}, {{"server", "head:7000"}}, Machine());
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->server, "head:7000");
  EXPECT_EQ(config->node, NodeId("worker-7-example"));
  EXPECT_EQ(config->slots, 12U);
  EXPECT_EQ(config->address, "10.0.0.7");
  EXPECT_EQ(config->host_name, "");
  EXPECT_EQ(config->interpreter, "/usr/bin/python3");
  EXPECT_EQ(config->job_user, "");
  EXPECT_EQ(config->program_directory, "/opt/libexec/muster");
  EXPECT_EQ(config->disk_reserve_bytes, 256ULL << 20);
}

TEST(AgentConfig, AFlagWinsOverTheFile) {
  const auto config =
      ResolveConfig({{"server", "file:1"}, {"slots", "3"}}, {{"server", "127.0.0.1:9"}}, Machine());
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->server, "127.0.0.1:9");
  EXPECT_EQ(config->address, "127.0.0.1");
  EXPECT_EQ(config->slots, 3U);
}

TEST(AgentConfig, AServerWithoutPortGetsTheDefaultOne) {
  EXPECT_EQ(ResolveConfig({}, {{"server", "head"}}, Machine())->server, "head:7677");
  EXPECT_EQ(ResolveConfig({}, {{"server", "[fd00::1]"}}, Machine())->server, "[fd00::1]:7677");
}

TEST(AgentConfig, AVirtualNodeIsItsOwnHost) {
  const auto config =
      ResolveConfig({}, {{"server", "head"}, {"virtual", "true"}, {"node_id", "node1"}}, Machine());
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_TRUE(config->is_virtual);
  EXPECT_EQ(config->host_name, "node1");
}

TEST(AgentConfig, AllFaultsAreNamedAtOnce) {
  const auto config = ResolveConfig({{"slots", "0"}, {"directory", "relative"}},
                                    {{"node_id", "Bad_Name"},
                                     {"interpreter", "python3"},
                                     {"host_name", "-x"},
                                     {"job_user", "someone"},
                                     {"program_directory", "/nowhere"},
                                     {"disk_reserve_bytes", "-5"},
                                     {"isolation", "some"},
                                     {"log_level", "loud"}},
                                    Machine());
  EXPECT_THAT(FaultyFields(config),
              testing::UnorderedElementsAre("server", "directory", "node_id", "slots", "host_name",
                                            "interpreter", "job_user", "program_directory",
                                            "isolation", "disk_reserve_bytes", "log_level"));
}

TEST(AgentConfig, TheModulesOfScriptsAreTheFirstThatAreThere) {
  MachineFacts machine = Machine();
  machine.job_python_directories = {"/opt/share/muster/job-python", "/src/python/job"};
  machine.is_directory = [](const std::string& path) { return path == "/src/python/job"; };
  const auto resolve = [&](const RawSettings& flags) {
    return ResolveConfig({{"server", "head:1"}}, flags, machine);
  };
  EXPECT_EQ(resolve({})->job_python_directory, "/src/python/job");
  EXPECT_THAT(FaultyFields(resolve({{"job_python_dir", "/nowhere"}})),
              testing::ElementsAre("job_python_dir"));
  machine.job_python_directories.clear();
  EXPECT_EQ(resolve({})->job_python_directory, "") << "scripts do without";
}

TEST(AgentConfig, MalformedServersAreRefused) {
  for (const char* server : {"head:", "head:0", "head:70000", "a:b:c", ":7677", "head:7x"}) {
    const auto config = ResolveConfig({}, {{"server", server}}, Machine());
    EXPECT_THAT(FaultyFields(config), testing::ElementsAre("server")) << server;
  }
}

TEST(AgentConfig, JobsOfARootAgentNeverRunAsRoot) {
  MachineFacts machine = Machine();
  machine.root = true;
  EXPECT_EQ(ResolveConfig({}, {{"server", "h"}}, machine)->job_user, "nobody");
  for (const char* account : {"root", "toor", "missing"}) {
    const auto config = ResolveConfig({}, {{"server", "h"}, {"job_user", account}}, machine);
    EXPECT_THAT(FaultyFields(config), testing::ElementsAre("job_user")) << account;
  }
}

TEST(AgentConfig, TheTokenComesFromAFileOnly) {
  const char* argv[] = {"muster-agent", "--join-token-file", "/t", "--node-id", "n", "--virtual"};
  const CommandLine line = ParseCommandLine(6, argv);
  EXPECT_FALSE(line.exit_code);
  EXPECT_THAT(line.settings, testing::ElementsAre(testing::Pair("join_token_file", "/t"),
                                                  testing::Pair("node_id", "n"),
                                                  testing::Pair("virtual", "true")));
  const char* secret[] = {"muster-agent", "--join-token", "mjn1.x"};
  testing::internal::CaptureStderr();
  EXPECT_EQ(ParseCommandLine(3, secret).exit_code, 2);
  testing::internal::GetCapturedStderr();
}

TEST(AgentConfig, UnknownSettingsAndWrongTypesOfTheFileAreNamed) {
  const TemporaryDirectory directory;
  directory.Write("agent.toml", "slots = \"four\"\nserver = 7\ncolour = \"red\"\nvirtual = true\n");
  const auto settings = ReadConfigFile(directory / "agent.toml");
  ASSERT_FALSE(settings);
  std::vector<std::string> fields;
  for (const Fault& fault : settings.error().faults) fields.push_back(fault.field);
  EXPECT_THAT(fields, testing::UnorderedElementsAre("slots", "server", "colour"));
}

TEST(AgentConfig, TheExampleFileIsReadAsItIsAndWithEveryLineUncommented) {
  const auto as_it_is = ReadConfigFile(MUSTER_CONFIG_EXAMPLES "/muster-agent.toml");
  ASSERT_TRUE(as_it_is) << as_it_is.error().message;
  EXPECT_TRUE(ResolveConfig(*as_it_is, {{"server", "head.lan"}}, Machine()));

  std::ifstream example(MUSTER_CONFIG_EXAMPLES "/muster-agent.toml");
  std::string uncommented;
  for (std::string line; std::getline(example, line);) {
    uncommented += std::regex_replace(line, std::regex("^# ([a-z_]+ = )"), "$1") + "\n";
  }
  const TemporaryDirectory directory;
  directory.Write("agent.toml", uncommented);
  const auto settings = ReadConfigFile(directory / "agent.toml");
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->size(), 17U);
  EXPECT_EQ(settings->at("disk_reserve_bytes"), "268435456");
}

TEST(AgentConfig, AFileThatIsNoTomlIsRefusedWithItsLine) {
  const TemporaryDirectory directory;
  directory.Write("agent.toml", "slots = 4\nserver = \n");
  const auto settings = ReadConfigFile(directory / "agent.toml");
  ASSERT_FALSE(settings);
  EXPECT_THAT(settings.error().message, testing::HasSubstr("line 2"));
}

TEST(AgentConfig, AHostNameBecomesANodeId) {
  EXPECT_EQ(NodeIdFromHostName("N1.Lab"), "n1-lab");
  EXPECT_EQ(NodeIdFromHostName(std::string(100, 'x')).size(), 63U);
}

}  // namespace
}  // namespace muster::agent
