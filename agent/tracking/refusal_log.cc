#include "agent/tracking/refusal_log.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "agent/logs/utf8.h"
#include "agent/shim/unique_fd.h"

namespace muster::agent {
namespace {

constexpr std::size_t kMaxRefusalBytes = 300;
constexpr off_t kMaxRefusalLogBytes = 1'000 * 300;

std::string LineOf(const std::string& sentence, TimePoint now) {
  std::string line = ToUtf8(sentence, kMaxRefusalBytes - 40);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return FormatUtc(now) + " " + line + "\n";
}

}  // namespace

void AppendRefusals(const std::string& log_directory, const std::string& name, TimePoint now,
                    const std::vector<std::string>& sentences, std::size_t untold) {
  // The directory belongs to the job: links that it has planted are not followed.
  const UniqueFd fd(::open((log_directory + "/" + name).c_str(),
                           O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
                           0644));
  struct stat info {};
  if (!fd || ::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode) || info.st_nlink != 1) return;
  std::string text;
  const off_t room = kMaxRefusalLogBytes - info.st_size;
  const auto add = [&](const std::string& line) {
    if (static_cast<off_t>(text.size() + line.size()) <= room) text += line;
  };
  for (const std::string& sentence : sentences) add(LineOf(sentence, now));
  if (untold > 0) add(LineOf("and " + std::to_string(untold) + " more lines were refused", now));
  [[maybe_unused]] const ssize_t written = ::write(fd.get(), text.data(), text.size());
}

}  // namespace muster::agent
