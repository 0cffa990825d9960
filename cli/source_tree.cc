#include "cli/source_tree.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>

#include "cli/outcome.h"
#include "cli/table.h"

namespace muster::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostFaults = 20;
constexpr mode_t kPermissionBits = 0777;

std::string Reason(int error) { return std::error_code(error, std::generic_category()).message(); }

// Is `path` (absolute, without links) the directory or below it?
bool IsWithin(const fs::path& directory, const fs::path& path) {
  const auto [end, unused] =
      std::mismatch(directory.begin(), directory.end(), path.begin(), path.end());
  return end == directory.end();
}

// Why a link cannot be part of a snapshot, or "".
std::string LinkFault(const fs::path& root, const fs::path& relative, const fs::path& target) {
  if (target.is_absolute()) {
    return "is a link to " + Printable(target.string()) +
           ", an absolute path that the nodes do not have; make it relative or copy the file";
  }
  // By its words: what the node will see even if something on the way is missing here.
  const fs::path words = (relative.parent_path() / target).lexically_normal();
  const bool words_escape = !words.empty() && *words.begin() == "..";
  // In fact: a link through another link may lead elsewhere than its words say.
  std::error_code error;
  const fs::path real = fs::weakly_canonical(root / relative.parent_path() / target, error);
  if (words_escape || (!error && !IsWithin(root, real))) {
    return "is a link to " + Printable(target.string()) +
           ", outside of the source directory; copy the file instead";
  }
  return {};
}

class Walk {
 public:
  Walk(fs::path root, const IgnoreRules& rules) : root_(std::move(root)), rules_(rules) {}

  Result<std::vector<SourceEntry>> Run() {
    pending_.emplace_back();
    while (!pending_.empty()) {
      const fs::path directory = std::move(pending_.back());
      pending_.pop_back();
      ListDirectory(directory);
    }
    if (fault_count_ > 0) return Fail(Faults());
    const auto by_path = [](const SourceEntry& a, const SourceEntry& b) { return a.path < b.path; };
    std::sort(entries_.begin(), entries_.end(), by_path);
    return std::move(entries_);
  }

 private:
  void ListDirectory(const fs::path& relative) {
    std::error_code error;
    fs::directory_iterator iterator(root_ / relative, error);
    for (; !error && iterator != fs::directory_iterator(); iterator.increment(error)) {
      Visit(relative / iterator->path().filename());
    }
    if (error) Refuse(relative.empty() ? "." : relative, "cannot be listed: " + error.message());
  }

  void Visit(const fs::path& relative) {
    const fs::path full = root_ / relative;
    struct stat info {};
    if (lstat(full.c_str(), &info) != 0) return Refuse(relative, Reason(errno));
    const bool is_directory = S_ISDIR(info.st_mode);
    if (is_directory && relative.filename() == ".git") return;
    if (rules_.Excludes(relative.native(), is_directory)) return;
    SourceEntry entry{relative.string(), EntryKind::kFile, info.st_mode & kPermissionBits, 0, {}};
    if (is_directory) {
      entry.kind = EntryKind::kDirectory;
      pending_.push_back(relative);
    } else if (S_ISREG(info.st_mode)) {
      if (access(full.c_str(), R_OK) != 0) {
        return Refuse(relative, "cannot be read: " + Reason(errno));
      }
      entry.size = static_cast<std::uint64_t>(info.st_size);
    } else if (S_ISLNK(info.st_mode)) {
      if (!ReadLink(relative, entry)) return;
    } else {
      const char* const kind = S_ISSOCK(info.st_mode)   ? "a socket"
                               : S_ISFIFO(info.st_mode) ? "a FIFO"
                                                        : "a device";
      return Refuse(relative, std::string("is ") + kind + "; remove it or ignore it");
    }
    entries_.push_back(std::move(entry));
  }

  bool ReadLink(const fs::path& relative, SourceEntry& entry) {
    std::error_code error;
    const fs::path target = fs::read_symlink(root_ / relative, error);
    const std::string fault =
        error ? "cannot be read: " + error.message() : LinkFault(root_, relative, target);
    if (!fault.empty()) {
      Refuse(relative, fault);
      return false;
    }
    entry.kind = EntryKind::kLink;
    entry.mode = kPermissionBits;
    entry.link_target = target.string();
    return true;
  }

  void Refuse(const fs::path& relative, const std::string& why) {
    if (++fault_count_ <= kMostFaults) {
      faults_.push_back({Printable(relative.string()), "", why});
    }
  }

  Error Faults() {
    std::sort(faults_.begin(), faults_.end(),
              [](const Fault& a, const Fault& b) { return a.field < b.field; });
    if (fault_count_ > kMostFaults) {
      faults_.push_back({"", "", "and " + std::to_string(fault_count_ - kMostFaults) + " more"});
    }
    return UsageError("the source directory " + Printable(root_.string()) + " cannot be packed:",
                      std::move(faults_));
  }

  const fs::path root_;
  const IgnoreRules& rules_;
  std::vector<fs::path> pending_;
  std::vector<SourceEntry> entries_;
  std::vector<Fault> faults_;
  std::size_t fault_count_ = 0;
};

Result<fs::path> RealDirectory(const fs::path& directory) {
  const std::string name = "the source directory " + Printable(directory.string());
  std::error_code error;
  fs::path real = fs::canonical(directory, error);
  if (error) return Fail(UsageError(name + " cannot be used: " + error.message()));
  if (!fs::is_directory(real, error)) return Fail(UsageError(name + " is no directory"));
  return real;
}

}  // namespace

Result<std::vector<SourceEntry>> ListSourceTree(const fs::path& directory,
                                                const IgnoreRules& rules) {
  MUSTER_ASSIGN(fs::path root, RealDirectory(directory));
  return Walk(std::move(root), rules).Run();
}

Result<std::string> LocateScript(const fs::path& directory, const fs::path& script) {
  MUSTER_ASSIGN(const fs::path root, RealDirectory(directory));
  const std::string name = "the entry script " + Printable(script.string());
  if (script.empty()) {
    return Fail(UsageError("an entry script is needed: --entry-script, or `script` in the file"));
  }
  std::error_code error;
  const fs::path real = fs::canonical(root / script, error);
  if (error) {
    return Fail(UsageError(name + " is not in the source directory " + Printable(root.string()) +
                           ": " + error.message()));
  }
  if (!IsWithin(root, real)) {
    return Fail(UsageError(name + " lies outside of the source directory " +
                           Printable(root.string()) + ": only what is inside reaches the nodes"));
  }
  if (!fs::is_regular_file(real, error)) return Fail(UsageError(name + " is no file"));
  // The name it was given by, if that leads there without leaving; else where it really is.
  const fs::path named = script.is_absolute() ? fs::path() : script.lexically_normal();
  if (named.empty() || *named.begin() == "..") return real.lexically_relative(root).string();
  return named.string();
}

}  // namespace muster::cli
