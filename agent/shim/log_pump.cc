#include "agent/shim/log_pump.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "agent/shim/files.h"
#include "agent/shim/launch_file.h"

namespace muster::agent {
namespace {

constexpr std::size_t kChunk = 256U << 10;
constexpr int kPipeBytes = 1 << 20;

}  // namespace

Result<LogPump> LogPump::Open(const std::string& directory, const std::string& name,
                              std::uint64_t max_bytes, const Credentials* owner) {
  MUSTER_ASSIGN(UniqueFd logs, OpenDirectory(directory));
  LogPump pump;
  pump.log_.Reset(::openat(logs.get(), name.c_str(),
                           O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
                           0644));
  struct stat status {};
  if (!pump.log_ || ::fstat(pump.log_.get(), &status) != 0 || !S_ISREG(status.st_mode) ||
      status.st_nlink != 1 ||  // a link that a rank made to a file that is not its own
      (owner != nullptr && ::fchown(pump.log_.get(), owner->uid, owner->gid) != 0))
    return Fail(SystemError(ErrorReason::kIo, "cannot open the log " + name));
  pump.size_ = static_cast<std::uint64_t>(status.st_size);
  pump.max_bytes_ = max_bytes;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Fail(SystemError(ErrorReason::kIo, "pipe"));
  pump.reader_.Reset(ends[0]);
  pump.writer_.Reset(ends[1]);
  ::fcntl(pump.reader_.get(), F_SETFL, O_NONBLOCK);
  ::fcntl(pump.reader_.get(), F_SETPIPE_SZ, kPipeBytes);  // a smaller pipe works as well
  return pump;
}

void LogPump::Write(std::string_view text) {
  if (cut_) return;
  const bool over = size_ + text.size() > max_bytes_;
  if (over) text = text.substr(0, max_bytes_ - size_);
  size_ += text.size();
  const bool written = WriteAll(log_.get(), text);
  if (written && !over) return;
  cut_ = true;
  const std::string limit = std::to_string(max_bytes_);
  WriteAll(log_.get(), written ? "\n[muster: the log reached its limit of " + limit +
                                     " bytes; the rest is dropped]\n"
                               : "\n[muster: the log could not be written; the rest is dropped]\n");
}

bool LogPump::Pump() {
  static std::unique_ptr<char[]> buffer(new char[kChunk]);
  bool any = false;
  for (int i = 0; i < 16 && reader_; ++i) {
    const ssize_t got = ::read(reader_.get(), buffer.get(), kChunk);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) break;
    if (got == 0) {
      reader_.Reset();
      break;
    }
    any = true;
    Write({buffer.get(), static_cast<std::size_t>(got)});
  }
  return any;
}

}  // namespace muster::agent
