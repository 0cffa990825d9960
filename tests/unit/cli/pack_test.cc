#include "cli/pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>
#include <map>
#include <memory>

#include "cli/source_tree.h"
#include "tests/unit/cli/scratch.h"

namespace muster::cli {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

void MakeTree(const Scratch& scratch) {
  scratch.Write("src/train.py", "print(1)\n");
  scratch.Write("src/lib/a.py", "a");
  scratch.Write("src/lib.py", "b");
  scratch.Write("src/größe.txt", "c");
  scratch.Write("src/.git/config", "secret");
  scratch.Write("src/sub/.git/config", "secret");
  fs::create_directories(scratch.Path("src/empty"));
  fs::create_symlink("../train.py", scratch.Path("src/lib/link.py"));
  fs::permissions(scratch.Path("src/train.py"), static_cast<fs::perms>(04755));
}

struct Unpacked {
  std::string content, link;
  mode_t mode;
  std::int64_t mtime, uid;
};

std::map<std::string, Unpacked> Unpack(const PackedDirectory& packed) {
  std::map<std::string, Unpacked> entries;
  lseek(packed.file.get(), 0, SEEK_SET);
  const std::unique_ptr<archive, int (*)(archive*)> reader(archive_read_new(), archive_read_free);
  archive_read_support_format_tar(reader.get());
  EXPECT_EQ(archive_read_open_fd(reader.get(), packed.file.get(), 10240), ARCHIVE_OK);
  archive_entry* entry = nullptr;
  while (archive_read_next_header(reader.get(), &entry) >= ARCHIVE_WARN &&
         archive_entry_pathname(entry) != nullptr) {
    const char* const link = archive_entry_symlink(entry);
    Unpacked unpacked{std::string(static_cast<std::size_t>(archive_entry_size(entry)), '\0'),
                      link == nullptr ? "" : link, archive_entry_perm(entry),
                      archive_entry_mtime(entry), archive_entry_uid(entry)};
    archive_read_data(reader.get(), unpacked.content.data(), unpacked.content.size());
    if (!entries.emplace(archive_entry_pathname(entry), unpacked).second) break;
  }
  return entries;
}

std::vector<std::string> RefusedIn(const Scratch& scratch) {
  const auto packed = PackDirectory(scratch.Path("src"));
  std::vector<std::string> fields;
  if (packed) return fields;
  for (const Fault& fault : packed.error().faults) fields.push_back(fault.field);
  return fields;
}

TEST(Pack, HoldsWhatTheJobNeedsAndNothingElse) {
  const Scratch scratch;
  MakeTree(scratch);
  const auto packed = PackDirectory(scratch.Path("src"));
  ASSERT_TRUE(packed) << packed.error().message;
  const auto entries = Unpack(*packed);
  std::vector<std::string> names;
  for (const auto& [name, unused] : entries) names.push_back(name);
  EXPECT_THAT(names, ElementsAre("empty/", "größe.txt", "lib.py", "lib/", "lib/a.py", "lib/link.py",
                                 "sub/", "train.py"));
  EXPECT_EQ(entries.at("train.py").content, "print(1)\n");
  EXPECT_EQ(entries.at("train.py").mode, 0755U);  // without setuid
  EXPECT_EQ(entries.at("train.py").mtime, 0);
  EXPECT_EQ(entries.at("train.py").uid, 0);
  EXPECT_EQ(entries.at("lib/link.py").link, "../train.py");
  EXPECT_EQ(packed->file_count, 4U);
}

TEST(Pack, TheSameContentHasTheSameDigestWhereverAndWheneverItIs) {
  const Scratch one, other;
  MakeTree(one);
  MakeTree(other);
  fs::last_write_time(other.Path("src/lib.py"),
                      fs::file_time_type::clock::now() - std::chrono::hours(1000));
  const auto first = PackDirectory(one.Path("src"));
  const auto second = PackDirectory(other.Path("src/."));
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->digest, second->digest);
  EXPECT_EQ(first->size_bytes, second->size_bytes);
  other.Write("src/lib.py", "changed");
  EXPECT_NE(PackDirectory(other.Path("src"))->digest, first->digest);
}

TEST(Pack, TheDigestIsThatOfTheBytes) {
  const Scratch scratch;
  MakeTree(scratch);
  const auto packed = PackDirectory(scratch.Path("src"));
  ASSERT_TRUE(packed);
  std::string bytes(packed->size_bytes, '\0');
  ASSERT_EQ(pread(packed->file.get(), bytes.data(), bytes.size(), 0),
            static_cast<ssize_t>(bytes.size()));
  EXPECT_EQ(packed->digest, Sha256(bytes));
}

TEST(Pack, LinksThatLeaveTheDirectoryAreRefusedByName) {
  const Scratch scratch;
  MakeTree(scratch);
  scratch.Write("outside.txt", "x");
  fs::create_symlink("/etc/passwd", scratch.Path("src/absolute"));
  fs::create_symlink("../outside.txt", scratch.Path("src/upwards"));
  fs::create_symlink("../../missing", scratch.Path("src/lib/dangling_out"));
  fs::create_symlink("not_there_yet", scratch.Path("src/dangling_in"));
  fs::create_directories(scratch.Path("src/a/b"));
  fs::create_symlink("a/b", scratch.Path("src/deep"));
  // By its words this stays inside ("x"), but deep/.. is a, and a/../.. is above.
  fs::create_symlink("deep/../../../outside.txt", scratch.Path("src/sly"));
  EXPECT_THAT(RefusedIn(scratch), ElementsAre("absolute", "lib/dangling_out", "sly", "upwards"));
}

TEST(Pack, SocketsAndFifosAreRefusedByName) {
  const Scratch scratch;
  MakeTree(scratch);
  ASSERT_EQ(mkfifo(scratch.Path("src/lib/pipe").c_str(), 0600), 0);
  const OwnedFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = scratch.Path("src/sock").string();
  ASSERT_LT(path.size(), sizeof address.sun_path);
  std::memcpy(address.sun_path, path.c_str(), path.size());
  ASSERT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_THAT(RefusedIn(scratch), ElementsAre("lib/pipe", "sock"));
}

TEST(Pack, WhatIsIgnoredIsNeitherSentNorAFault) {
  const Scratch scratch;
  MakeTree(scratch);
  ASSERT_EQ(mkfifo(scratch.Path("src/pipe").c_str(), 0600), 0);
  scratch.Write("src/.gitignore", "*\n");
  scratch.Write("src/.amlignore", "pipe\nlib/\n*.txt\n");
  const auto packed = PackDirectory(scratch.Path("src"), "train.py");
  ASSERT_TRUE(packed) << packed.error().message;
  std::vector<std::string> names;
  for (const auto& [name, unused] : Unpack(*packed)) names.push_back(name);
  EXPECT_THAT(names,
              ElementsAre(".amlignore", ".gitignore", "empty/", "lib.py", "sub/", "train.py"));
  const auto excluded = PackDirectory(scratch.Path("src"), "lib/a.py");
  ASSERT_FALSE(excluded);
  EXPECT_EQ(excluded.error().message,
            "the entry script lib/a.py would not reach the nodes: .amlignore of the source "
            "directory excludes it");
}

TEST(Pack, ManyFaultsAreCounted) {
  const Scratch scratch;
  fs::create_directories(scratch.Path("src"));
  for (int i = 0; i < 50; ++i) {
    fs::create_symlink("/x", scratch.Path("src/l" + std::to_string(i)));
  }
  const auto packed = PackDirectory(scratch.Path("src"));
  ASSERT_FALSE(packed);
  EXPECT_EQ(packed.error().faults.size(), 21U);
  EXPECT_EQ(packed.error().faults.back().message, "and 30 more");
}

TEST(LocateScript, FindsItInsideAndNowhereElse) {
  const Scratch scratch;
  MakeTree(scratch);
  scratch.Write("outside.py", "x");
  fs::create_symlink("../outside.py", scratch.Path("src/out.py"));
  const fs::path source = scratch.Path("src");
  EXPECT_EQ(LocateScript(source, "train.py"), "train.py");
  EXPECT_EQ(LocateScript(source, "./lib/../lib/a.py"), "lib/a.py");
  EXPECT_EQ(LocateScript(source, source / "lib/a.py"), "lib/a.py");
  EXPECT_EQ(LocateScript(source, "lib/link.py"), "lib/link.py");
  const auto error_of = [&](const fs::path& script) {
    const auto located = LocateScript(source, script);
    return located ? std::string() : located.error().message;
  };
  EXPECT_THAT(error_of("missing.py"), HasSubstr("is not in the source directory"));
  EXPECT_THAT(error_of("../outside.py"), HasSubstr("lies outside"));
  EXPECT_THAT(error_of("out.py"), HasSubstr("lies outside"));
  EXPECT_THAT(error_of("lib"), HasSubstr("is no file"));
  const auto nowhere = LocateScript("/nowhere", "a.py");
  ASSERT_FALSE(nowhere);
  EXPECT_THAT(nowhere.error().message, HasSubstr("the source directory /nowhere"));
}

}  // namespace
}  // namespace muster::cli
