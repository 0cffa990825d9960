// Cuts a byte stream into lines of bounded length.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace muster::agent {

class LineBuffer {
 public:
  explicit LineBuffer(std::size_t max_line_bytes) : max_line_bytes_(max_line_bytes) {}

  // False: a line longer than the limit; the stream is of no use any more.
  bool Add(std::string_view data) {
    bytes_.append(data);
    return bytes_.find('\n') != std::string::npos || bytes_.size() <= max_line_bytes_;
  }

  // The next whole line, without its newline.
  std::optional<std::string> Next() {
    const std::size_t end = bytes_.find('\n');
    if (end == std::string::npos) return std::nullopt;
    std::string line = bytes_.substr(0, end);
    bytes_.erase(0, end + 1);
    return line;
  }

 private:
  std::string bytes_;
  std::size_t max_line_bytes_;
};

}  // namespace muster::agent
