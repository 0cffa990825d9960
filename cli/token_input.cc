#include "cli/token_input.h"

#include <signal.h>
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

// Of the terminal, for the signal handler: complete before the handler is installed.
termios before_silence;

extern "C" void RestoreEchoAndEnd(int signal_number) {
  tcsetattr(STDIN_FILENO, TCSANOW, &before_silence);
  // Back to the default by SA_RESETHAND: this ends the process.
  raise(signal_number);
}

// The terminal shows nothing that is typed while this lives, and has its echo back even if Ctrl-C
// ends the process meanwhile.
class WithoutEcho {
 public:
  WithoutEcho() {
    if (tcgetattr(STDIN_FILENO, &before_silence) != 0) return;
    struct sigaction action {};
    action.sa_handler = RestoreEchoAndEnd;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, &before_interrupt_);
    termios silent = before_silence;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    changed_ = tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0;
  }
  ~WithoutEcho() {
    if (!changed_) return;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_silence);
    sigaction(SIGINT, &before_interrupt_, nullptr);
  }
  WithoutEcho(const WithoutEcho&) = delete;
  WithoutEcho& operator=(const WithoutEcho&) = delete;

 private:
  struct sigaction before_interrupt_ {};
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
