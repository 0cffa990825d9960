#include "agent/logs/attempt_notes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace muster::agent {
namespace {

// The directory may belong to the job: links that it has planted are not followed.
void WriteText(const std::string& path, int extra_flags, const std::string& text) {
  const int fd =
      open(path.c_str(),
           O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | extra_flags, 0644);
  if (fd < 0) return;
  struct stat info {};
  if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_nlink == 1) {
    [[maybe_unused]] const ssize_t written = write(fd, text.data(), text.size());
  }
  close(fd);
}

void WriteLines(const std::string& path, int extra_flags, TimePoint now,
                const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += FormatUtc(now) + " " + line + "\n";
  WriteText(path, extra_flags, text);
}

}  // namespace

void WriteExecutionNote(const std::string& log_directory, const NodeId& node, TimePoint now,
                        const std::vector<std::string>& lines) {
  WriteLines(log_directory + "/55_azureml-execution-" + node.str() + ".txt", 0, now, lines);
}

void WriteProcessInfo(const std::string& log_directory, const std::string& json) {
  WriteText(log_directory + "/process_info.json", O_EXCL, json);
}

void WritePrepNote(const std::string& log_directory, const NodeId& node, TimePoint now,
                   const std::vector<std::string>& lines) {
  WriteLines(log_directory + "/65_job_prep-" + node.str() + ".txt", 0, now, lines);
}

void WritePostNote(const std::string& log_directory, const NodeId& node, TimePoint now,
                   const std::vector<std::string>& lines) {
  WriteLines(log_directory + "/75_job_post-" + node.str() + ".txt", O_EXCL, now, lines);
}

}  // namespace muster::agent
