#include "agent/exec/node_programs.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "agent/shim/launch_file.h"
#include "tests/unit/agent/temporary_directory.h"

namespace muster::agent {
namespace {

class NodeProgramsTest : public testing::Test {
 protected:
  NodeProgramsTest() {
    for (const char* name : {"source", "attempts", "attempts/job.1/run", "attempts/job.2/run"}) {
      std::filesystem::create_directories(directory_ / name);
    }
    directory_.Write("source/muster-rsh", "rsh");
  }
  std::string Install(const std::string& shim) const {
    directory_.Write("source/muster-shim", shim);
    const auto path = InstallPrograms(directory_ / "source", directory_.path());
    EXPECT_TRUE(path);
    return path.value_or("");
  }

  TemporaryDirectory directory_;
};

TEST_F(NodeProgramsTest, OldVersionsGoUnlessAnAttemptWasLaunchedWithThem) {
  const std::string used = Install("version 1");
  LaunchFile launch;
  launch.attempt_directory = directory_ / "attempts/job.1";
  launch.program_directory = used;
  directory_.Write("attempts/job.1/run/" + std::string(kLaunchFileName), ToJson(launch));
  const std::string unused = Install("version 2");
  EXPECT_TRUE(std::filesystem::exists(used));
  const std::string current = Install("version 3");
  EXPECT_TRUE(std::filesystem::exists(used + "/muster-shim"));
  EXPECT_TRUE(std::filesystem::exists(current + "/muster-shim"));
  EXPECT_FALSE(std::filesystem::exists(unused));
}

TEST_F(NodeProgramsTest, NothingGoesWhileALaunchFileCannotBeRead) {
  directory_.Write("attempts/job.1/run/" + std::string(kLaunchFileName), "{");
  const std::string before = Install("version 1");
  Install("version 2");
  EXPECT_TRUE(std::filesystem::exists(before));
}

}  // namespace
}  // namespace muster::agent
