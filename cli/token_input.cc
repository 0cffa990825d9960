#include "cli/token_input.h"

#include <termios.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>

#include "cli/outcome.h"

namespace muster::cli {
namespace {

// Longer than any token; what is longer is none.
constexpr std::size_t kMaxBytes = 4096;

// The terminal shows nothing that is typed while this lives.
class WithoutEcho {
 public:
  WithoutEcho() {
    if (tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    changed_ = tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0;
  }
  ~WithoutEcho() {
    if (changed_) tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  WithoutEcho(const WithoutEcho&) = delete;
  WithoutEcho& operator=(const WithoutEcho&) = delete;

 private:
  termios before_{};
  bool changed_ = false;
};

Result<std::string> ReadLine(std::istream& stream, const std::string& name) {
  std::string line(kMaxBytes, '\0');
  stream.read(line.data(), static_cast<std::streamsize>(line.size()));
  line.resize(static_cast<std::size_t>(stream.gcount()));
  line = line.substr(0, line.find('\n'));
  if (line.empty()) return Fail(UsageError(name + " holds no token"));
  return line;
}

Result<std::string> Ask(std::ostream& prompt) {
  prompt << "Token: " << std::flush;
  std::string line;
  {
    const WithoutEcho without_echo;
    std::getline(std::cin, line);
  }
  prompt << std::endl;
  if (line.empty()) return Fail(UsageError("no token was given"));
  return line;
}

}  // namespace

Result<std::string> ReadToken(const std::optional<std::string>& file, std::ostream& prompt) {
  std::string path = file.value_or("");
  const char* const variable = std::getenv("MUSTER_TOKEN_FILE");
  if (path.empty() && variable != nullptr) path = variable;
  if (path.empty() && isatty(STDIN_FILENO) == 1) return Ask(prompt);
  if (path.empty() || path == "-") return ReadLine(std::cin, "stdin");
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return Fail(UsageError("the token file " + path + " cannot be read"));
  return ReadLine(stream, "the token file " + path);
}

}  // namespace muster::cli
