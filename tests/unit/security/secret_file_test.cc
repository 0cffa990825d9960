#include "security/secret_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/unit/security/temporary_directory.h"

namespace muster::security {
namespace {

namespace fs = std::filesystem;

class SecretFile : public ::testing::Test {
 protected:
  fs::path PathOf(const std::string& name) const { return directory_.path() / name; }

  static mode_t ModeOf(const fs::path& path) {
    struct stat info {};
    EXPECT_EQ(::stat(path.c_str(), &info), 0);
    return info.st_mode & 07777;
  }

  TemporaryDirectory directory_;
};

TEST_F(SecretFile, IsWrittenForItsOwnerAloneWhateverTheUmask) {
  const mode_t before = ::umask(0);
  const Status written = WriteSecretFile(PathOf("token"), "secret");
  ::umask(before);
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(ModeOf(PathOf("token")), 0600U);
  EXPECT_EQ(ReadSecretFile(PathOf("token")), "secret");
}

TEST_F(SecretFile, ReplacesAnOlderOneAndLeavesNothingElseBehind) {
  std::ofstream(PathOf("token")) << "old, and readable by all";
  fs::permissions(PathOf("token"), fs::perms(0644));
  ASSERT_TRUE(WriteSecretFile(PathOf("token"), "new"));
  EXPECT_EQ(ModeOf(PathOf("token")), 0600U);
  EXPECT_EQ(ReadSecretFile(PathOf("token")), "new");
  EXPECT_EQ(std::distance(fs::directory_iterator(directory_.path()), fs::directory_iterator()), 1);
}

TEST_F(SecretFile, IsNotReadWhenOthersMayUseIt) {
  ASSERT_TRUE(WriteSecretFile(PathOf("token"), "secret"));
  for (const unsigned mode : {0640U, 0604U, 0620U, 0666U, 0610U}) {
    fs::permissions(PathOf("token"), fs::perms(mode));
    const Result<std::string> read = ReadSecretFile(PathOf("token"));
    ASSERT_FALSE(read) << std::oct << mode;
    EXPECT_EQ(read.error().code, ErrorCode::kFailedPrecondition);
    EXPECT_NE(read.error().message.find("chmod 600"), std::string::npos);
  }
}

TEST_F(SecretFile, OnesOfPublicContentMayBeReadByAllButWrittenByNobodyElse) {
  ASSERT_TRUE(WriteSecretFile(PathOf("ca.crt"), "certificate"));
  fs::permissions(PathOf("ca.crt"), fs::perms(0644));
  EXPECT_EQ(ReadPublicFile(PathOf("ca.crt")), "certificate");
  for (const unsigned mode : {0664U, 0646U}) {
    fs::permissions(PathOf("ca.crt"), fs::perms(mode));
    EXPECT_EQ(ReadPublicFile(PathOf("ca.crt")).error().code, ErrorCode::kFailedPrecondition);
  }
}

TEST_F(SecretFile, SaysWhatIsNotThereOrNoFile) {
  EXPECT_EQ(ReadSecretFile(PathOf("absent")).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(MakeSecretDirectory(PathOf("directory")));
  EXPECT_EQ(ModeOf(PathOf("directory")), 0700U);
  EXPECT_EQ(ReadSecretFile(PathOf("directory")).error().code, ErrorCode::kFailedPrecondition);
  ASSERT_EQ(::mkfifo(PathOf("fifo").c_str(), 0600), 0);
  EXPECT_EQ(ReadSecretFile(PathOf("fifo")).error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(WriteSecretFile(PathOf("absent/token"), "x").error().reason, ErrorReason::kIo);
}

TEST_F(SecretFile, TooLargeIsRefused) {
  ASSERT_TRUE(WriteSecretFile(PathOf("large"), std::string(kMaxSecretFileBytes + 1, 'x')));
  EXPECT_EQ(ReadSecretFile(PathOf("large")).error().reason, ErrorReason::kTooLarge);
}

}  // namespace
}  // namespace muster::security
