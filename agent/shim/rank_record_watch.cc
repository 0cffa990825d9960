#include "agent/shim/rank_record_watch.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "agent/shim/files.h"

namespace muster::agent {
namespace {

constexpr std::string_view kPrefix = "rank-";
constexpr std::string_view kStart = ".start";
constexpr std::string_view kEnd = ".json";

// The number in "rank-<n>.start" or "rank-<n>.json".
std::optional<std::uint32_t> RankIn(std::string_view name) {
  if (name.substr(0, kPrefix.size()) != kPrefix) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  std::uint32_t rank = 0;
  const auto [stop, error] = std::from_chars(name.data(), name.data() + name.size(), rank);
  const std::string_view rest = name.substr(static_cast<std::size_t>(stop - name.data()));
  if (error != std::errc() || (rest != kStart && rest != kEnd)) return std::nullopt;
  return rank;
}

}  // namespace

Result<RankRecordWatch> RankRecordWatch::Open(UniqueFd exits, const std::string& path,
                                              std::uint32_t world_size) {
  RankRecordWatch watch;
  watch.exits_ = std::move(exits);
  watch.world_size_ = world_size;
  watch.inotify_.Reset(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!watch.inotify_ || ::inotify_add_watch(watch.fd(), path.c_str(), IN_MOVED_TO) < 0)
    return Fail(SystemError(ErrorReason::kLaunch, "cannot watch " + path));
  return watch;
}

std::vector<RankRecord> RankRecordWatch::Changed() {
  std::vector<RankRecord> records;
  alignas(inotify_event) char buffer[8192];
  const ssize_t got = ::read(fd(), buffer, sizeof(buffer));
  for (const char* at = buffer; at < buffer + got;) {
    const auto* event = reinterpret_cast<const inotify_event*>(at);
    if ((event->mask & IN_Q_OVERFLOW) != 0) return All();
    if (event->len > 0) Read(event->name, records);
    at += sizeof(inotify_event) + event->len;
  }
  return records;
}

std::vector<RankRecord> RankRecordWatch::All() const {
  std::vector<RankRecord> records;
  const int copy = ::openat(exits_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* directory = copy < 0 ? nullptr : ::fdopendir(copy);
  if (directory == nullptr) return records;
  // More entries than ranks can have made are not worth reading.
  for (std::uint64_t left = 4ULL * world_size_ + 16; left > 0; --left) {
    const dirent* entry = ::readdir(directory);
    if (entry == nullptr) break;
    Read(entry->d_name, records);
  }
  ::closedir(directory);
  std::stable_sort(records.begin(), records.end(), [](const RankRecord& a, const RankRecord& b) {
    return a.ended_us == 0 && b.ended_us != 0;
  });
  return records;
}

bool RankRecordWatch::Read(const std::string& name, std::vector<RankRecord>& records) const {
  const auto rank = RankIn(name);
  if (!rank || *rank >= world_size_) return false;
  const auto text = ReadFileAt(exits_.get(), name, kRankRecordMaxBytes);
  if (!text) return false;
  auto record = ParseRankRecord(*text);
  if (!record || record->rank != *rank) return false;
  const bool ended = record->ended_us != 0;
  if (ended != (record->exit_code.has_value() || record->signal.has_value())) return false;
  if (record->exit_code && record->signal) return false;
  record->collateral = false;
  records.push_back(std::move(*record));
  return true;
}

}  // namespace muster::agent
