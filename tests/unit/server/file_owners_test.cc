#include "server/rpc/file_owners.h"

#include <gtest/gtest.h>

namespace muster::server {
namespace {

TEST(FileOwners, AFileBelongsToTheNodeThatCameFirst) {
  FileOwners owners;
  EXPECT_TRUE(owners.Claim("job.1 model", NodeId("n1")));
  EXPECT_FALSE(owners.Claim("job.1 model", NodeId("n2")));
  EXPECT_TRUE(owners.Claim("job.1 model", NodeId("n1")));
  EXPECT_TRUE(owners.Claim("job.1 other", NodeId("n2")));
  EXPECT_TRUE(owners.Claim("job.2 model", NodeId("n2")));
}

}  // namespace
}  // namespace muster::server
