// Snapshots that are not what they should be.
#include "agent/staging/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "agent/shim/files.h"
#include "agent/staging/attempt_directory.h"
#include "agent/staging/tree_writer.h"
#include "muster/v1/agent.pb.h"

namespace muster::agent {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Unpack : public testing::Test {
 protected:
  Unpack() {
    char path[] = "/tmp/muster-unpack-XXXXXX";
    root_ = ::mkdtemp(path);
    fs::create_directory(root_ + "/work");
    std::ofstream(root_ + "/outside") << "untouched";
    writer_ = archive_write_new();
    archive_write_set_format_pax(writer_);
    archive_write_open_filename(writer_, (root_ + "/snapshot.tar").c_str());
  }
  ~Unpack() override {
    EXPECT_EQ(fs::file_size(root_ + "/outside"), 9U) << "nothing outside may change";
    fs::remove_all(root_);
  }

  void Add(const std::string& name, mode_t type, const std::string& content = "",
           const std::string& link = "", mode_t mode = 0644) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry_set_filetype(entry, type);
    archive_entry_set_perm(entry, mode);
    archive_entry_set_size(entry, static_cast<la_int64_t>(content.size()));
    if (type == AE_IFLNK) archive_entry_set_symlink(entry, link.c_str());
    if (type == AE_IFREG && !link.empty()) archive_entry_set_hardlink(entry, link.c_str());
    archive_write_header(writer_, entry);
    archive_write_data(writer_, content.data(), content.size());
    archive_entry_free(entry);
  }

  Result<UnpackedCounts> Run(UnpackLimits limits = {1 << 20, 100}) {
    archive_write_close(writer_);
    archive_write_free(writer_);
    auto work = OpenDirectory(root_ + "/work");
    return UnpackSnapshot(root_ + "/snapshot.tar", std::move(*work), std::nullopt, limits);
  }
  std::string RefusedBecause() {
    const auto result = Run();
    return result ? "not refused" : result.error().message;
  }

  std::string root_;
  archive* writer_;
};

TEST_F(Unpack, FilesDirectoriesAndLinksInsideArriveAsTheyAre) {
  Add("./", AE_IFDIR, "", "", 0755);
  Add("./a/b/train.py", AE_IFREG, "print(1)", "", 0755);
  Add("./a/link.py", AE_IFLNK, "", "b/train.py");
  Add("./a/b/up", AE_IFLNK, "", "../../top");
  Add("./top", AE_IFREG, "t");
  Add("./same", AE_IFREG, "", "top");
  Add("./gr\xc3\xbc\xc3\x9f.txt", AE_IFREG, "x");
  const auto counts = Run();
  ASSERT_TRUE(counts) << counts.error().message;
  EXPECT_EQ(counts->bytes, 10U);
  EXPECT_EQ(fs::file_size(root_ + "/work/a/link.py"), 8U);
  EXPECT_EQ(fs::status(root_ + "/work/a/b/train.py").permissions(), fs::perms(0755));
  EXPECT_EQ(fs::file_size(root_ + "/work/a/b/up"), 1U);
  EXPECT_EQ(fs::hard_link_count(root_ + "/work/same"), 2U);
  EXPECT_TRUE(fs::exists(root_ + "/work/gr\xc3\xbc\xc3\x9f.txt"));
}

TEST_F(Unpack, AbsolutePathIsRefused) {
  Add(root_ + "/outside", AE_IFREG, "evil");
  EXPECT_THAT(RefusedBecause(), HasSubstr("has an absolute path"));
}

TEST_F(Unpack, ParentPathIsRefused) {
  Add("a/../../outside", AE_IFREG, "evil");
  EXPECT_THAT(RefusedBecause(), HasSubstr("has \"..\" in its path"));
}

TEST_F(Unpack, LinkToAnAbsolutePathIsRefused) {
  Add("link", AE_IFLNK, "", "/etc");
  EXPECT_THAT(RefusedBecause(), HasSubstr("may lead outside"));
}

TEST_F(Unpack, LinkAboveTheRootIsRefused) {
  Add("a/link", AE_IFLNK, "", "../../outside");
  EXPECT_THAT(RefusedBecause(), HasSubstr("may lead outside"));
}

TEST_F(Unpack, LinkThatClimbsOutOfAnotherLinkIsRefused) {
  Add("p/q/a", AE_IFLNK, "", "../..");
  Add("p/q/b", AE_IFLNK, "", "a/..");
  EXPECT_THAT(RefusedBecause(), HasSubstr("may lead outside"));
}

TEST_F(Unpack, FileThroughALinkIsRefused) {
  Add("real/x", AE_IFREG, "1");
  Add("link", AE_IFLNK, "", "real");
  Add("link/y", AE_IFREG, "2");
  EXPECT_THAT(RefusedBecause(), HasSubstr("goes through a symbolic link"));
}

TEST_F(Unpack, FileInPlaceOfALinkIsRefused) {
  Add("top", AE_IFREG, "1");
  Add("link", AE_IFLNK, "", "top");
  Add("link", AE_IFREG, "2");
  EXPECT_THAT(RefusedBecause(), HasSubstr("appears twice"));
}

TEST_F(Unpack, DirectoryInPlaceOfALinkIsRefused) {
  Add("d/x", AE_IFREG, "1");
  Add("link", AE_IFLNK, "", "d");
  Add("link", AE_IFDIR);
  EXPECT_THAT(RefusedBecause(), HasSubstr("appears twice"));
}

TEST_F(Unpack, HardLinkOutsideIsRefused) {
  Add("evil", AE_IFREG, "", "../outside");
  EXPECT_THAT(RefusedBecause(), HasSubstr("has \"..\" in its path"));
}

TEST_F(Unpack, HardLinkToALinkIsRefused) {
  Add("top", AE_IFREG, "1");
  Add("link", AE_IFLNK, "", "top");
  Add("evil", AE_IFREG, "", "link");
  EXPECT_THAT(RefusedBecause(), HasSubstr("is a hard link"));
}

TEST_F(Unpack, DevicePipeAndSpecialBitsAreRefused) {
  const struct {
    mode_t type;
    mode_t mode;
    const char* why;
  } cases[] = {{AE_IFCHR, 0600, "is a device"},     {AE_IFBLK, 0600, "is a device"},
               {AE_IFIFO, 0600, "is a named pipe"}, {AE_IFREG, 04755, "set-user"},
               {AE_IFREG, 02755, "set-user"},       {AE_IFDIR, 01777, "sticky"}};
  for (const auto& one : cases) {
    Add("thing", one.type, "", "", one.mode);
    EXPECT_THAT(RefusedBecause(), HasSubstr(one.why));
    EXPECT_TRUE(fs::is_empty(root_ + "/work"));
    writer_ = archive_write_new();
    archive_write_set_format_pax(writer_);
    archive_write_open_filename(writer_, (root_ + "/snapshot.tar").c_str());
  }
  archive_write_free(writer_);
}

TEST_F(Unpack, MoreEntriesThanAllowedAreRefused) {
  for (int i = 0; i < 11; ++i) Add("f" + std::to_string(i), AE_IFREG, "x");
  const auto result = Run({1 << 20, 10});
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("more than 10 entries"));
}

TEST_F(Unpack, MoreBytesThanAllowedAreRefusedBeforeTheyAreWritten) {
  Add("big", AE_IFREG, std::string(5000, 'x'));
  const auto result = Run({4096, 10});
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("more than 4096 bytes"));
  EXPECT_FALSE(fs::exists(root_ + "/work/big"));
}

TEST_F(Unpack, AHoleCountsAsWhatItStandsFor) {
  archive_entry* entry = archive_entry_new();
  archive_entry_set_pathname(entry, "sparse");
  archive_entry_set_filetype(entry, AE_IFREG);
  archive_entry_set_perm(entry, 0644);
  archive_entry_set_size(entry, 1LL << 40);
  archive_entry_sparse_add_entry(entry, 0, 1);
  archive_write_header(writer_, entry);
  archive_write_data(writer_, "x", 1);
  archive_entry_free(entry);
  EXPECT_THAT(RefusedBecause(), HasSubstr("more than 1048576 bytes"));
}

TEST_F(Unpack, TruncatedArchiveIsRefused) {
  Add("big", AE_IFREG, std::string(100'000, 'x'));
  archive_write_close(writer_);
  fs::resize_file(root_ + "/snapshot.tar", 50'000);
  EXPECT_THAT(RefusedBecause(), HasSubstr("not a readable tar archive"));
}

TEST_F(Unpack, StagingRefusesScriptsAndDataThatAreNotThere) {
  Add("train.py", AE_IFREG, "");
  archive_write_close(writer_);
  archive_write_free(writer_);
  const auto stage = [this](const std::string& script, const std::string& data) {
    v1::AttemptTask task;
    task.mutable_spec()->set_script(script);
    if (!data.empty()) {
      auto* reference = task.mutable_spec()->add_data_references();
      reference->set_name("digits");
      reference->set_datastore("lake");
      reference->set_path("2024");
      auto* resolved = task.add_data();
      resolved->set_name("digits");
      resolved->set_local_path(data);
    }
    const std::string attempt = root_ + "/attempt";
    fs::remove_all(attempt);
    const Status status = StageAttempt(
        task, {NodeId("n1"), attempt, std::nullopt, true, {1 << 20, 100}}, root_ + "/snapshot.tar");
    EXPECT_EQ(static_cast<bool>(status), IsStaged(attempt));
    return status ? std::string("staged") : status.error().message;
  };
  EXPECT_EQ(stage("train.py", ""), "staged");
  EXPECT_EQ(stage("train.py", root_), "staged");
  EXPECT_THAT(stage("other.py", ""), HasSubstr("\"other.py\" is not in the snapshot"));
  EXPECT_THAT(stage("../../outside", ""), HasSubstr("lies outside the source directory"));
  EXPECT_THAT(stage("/etc/passwd", ""), HasSubstr("lies outside the source directory"));
  EXPECT_THAT(stage("outputs", ""), HasSubstr("is not a file"));
  EXPECT_THAT(
      stage("train.py", "/nowhere/digits"),
      HasSubstr("/nowhere/digits (datastore \"lake\", path \"2024\") does not exist on node n1"));
  writer_ = archive_write_new();
  archive_write_free(writer_);
}

}  // namespace
}  // namespace muster::agent
