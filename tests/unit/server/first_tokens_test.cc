#include "server/first_tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "security/secret_file.h"
#include "tests/unit/security/inline_loop.h"
#include "tests/unit/security/temporary_directory.h"

namespace muster::server {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class FirstTokens : public ::testing::Test {
 protected:
  Status Ensure(const std::string& key = "key") {
    return EnsureFirstTokens(directory_.path(), TokenMint(key, Sha256("ca")), loop_);
  }
  fs::path admin() const { return directory_.path() / "admin.token"; }
  std::string AdminToken() const { return *security::ReadSecretFile(admin()); }

  TemporaryDirectory directory_;
  InlineLoop loop_;
};

TEST_F(FirstTokens, ALostFileIsWrittenAgainWithTheSameToken) {
  ASSERT_TRUE(Ensure());
  const std::string before = AdminToken();
  fs::remove(admin());
  ASSERT_TRUE(Ensure());
  EXPECT_EQ(AdminToken(), before);
  EXPECT_EQ(loop_.state().tokens.size(), 2U);
}

TEST_F(FirstTokens, ARevokedOneStaysWithoutAFile) {
  ASSERT_TRUE(Ensure());
  scheduler::Principal admin_user;
  admin_user.role = scheduler::Role::kAdmin;
  const TokenId id = TokenMint("key", Sha256("ca")).FirstAdminToken({}).command.definition.id;
  ASSERT_TRUE(loop_.Run(
      {admin_user, scheduler::RevokeToken{WorkspaceName("default"), {"r", Sha256("r")}, id}}));
  fs::remove(admin());
  ASSERT_TRUE(Ensure());
  EXPECT_FALSE(fs::exists(admin()));
}

TEST_F(FirstTokens, AnotherTokenKeyIsRefusedRatherThanWritingATokenThatNobodyKnows) {
  ASSERT_TRUE(Ensure());
  fs::remove(admin());
  const Status refused = Ensure("another key");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_THAT(refused.error().message, HasSubstr("token.key"));
  EXPECT_FALSE(fs::exists(admin()));
}

}  // namespace
}  // namespace muster::server
