#include "server/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace muster::server {
namespace {

using ::testing::HasSubstr;

TEST(ServerConfig, AnEmptyFileIsAllDefaults) {
  const auto config = ParseServerConfig("");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->listen, "0.0.0.0:7677");
  EXPECT_EQ(config->core.lost_after, std::chrono::minutes(15));
}

TEST(ServerConfig, SettingsAreRead) {
  const auto config = ParseServerConfig(
      "listen = \"127.0.0.1:0\"\nlost_after_ms = 4000\nnot_responding_after_ms = 1000\n"
      "heartbeat_interval_ms = 200\nnames = [\"a.lan\"]\ndisk_reserve_bytes = 0\n"
      "log_level = \"debug\"\npath_check_timeout_ms = 0\nmax_run_metric_names = 5\n"
      "max_run_metric_values = 100\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->core.lost_after, std::chrono::seconds(4));
  EXPECT_EQ(config->names.dns_names, std::vector<std::string>{"a.lan"});
  EXPECT_EQ(config->disk_reserve_bytes, 0U);
  EXPECT_EQ(config->log_level, LogLevel::kDebug);
  EXPECT_EQ(config->rpc.path_check_timeout, Duration::zero());
  EXPECT_EQ(config->tracking.max_metric_names, 5U);
  EXPECT_EQ(config->tracking.max_metric_values, 100U);
}

TEST(ServerConfig, AllFaultsAreListed) {
  const auto config =
      ParseServerConfig("lost_after = 3\nlisten = 7\nio_threads = 0\nlog_level = \"loud\"\n");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().faults.size(), 4U);
  for (const char* name : {"lost_after", "listen", "io_threads", "log_level"}) {
    EXPECT_THAT(config.error().message, HasSubstr(name));
  }
}

TEST(ServerConfig, TimesThatContradictEachOtherAreRefused) {
  const auto config = ParseServerConfig("heartbeat_interval_ms = 20000\n");
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().message, HasSubstr("not_responding_after_ms"));
}

TEST(ServerConfig, AMalformedFileNamesTheLine) {
  const auto config = ParseServerConfig("a = 1\nb =\n");
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().message, HasSubstr("line 2"));
}

}  // namespace
}  // namespace muster::server
