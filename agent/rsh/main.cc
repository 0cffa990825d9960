// muster-rsh NODE WORDS...: what mpirun calls in place of ssh. Asks the agent of its own node,
// through $MUSTER_RSH_SOCKET, to have orted started on NODE, and ends only with that orted's exit
// code: when the agent goes away it asks the next one the same, under the same id.
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "agent/shim/daemon_words.h"
#include "agent/shim/files.h"
#include "agent/shim/line_buffer.h"
#include "agent/shim/records.h"

namespace muster::agent {
namespace {

constexpr int kFirstDelayMs = 20;
constexpr int kMaxDelayMs = 1'000;
constexpr std::size_t kMaxAnswerBytes = 4'096;

// Sends the request and waits for the answer; nothing if the connection ends before.
std::optional<std::int32_t> Ask(int fd, const std::string& request) {
  pollfd poll_entry{fd, POLLOUT, 0};
  for (std::size_t done = 0; done < request.size();) {
    const ssize_t put = ::send(fd, request.data() + done, request.size() - done, MSG_NOSIGNAL);
    if (put > 0) {
      done += static_cast<std::size_t>(put);
    } else if (errno == EAGAIN || errno == EINTR) {
      ::poll(&poll_entry, 1, -1);
    } else {
      return std::nullopt;
    }
  }
  LineBuffer input(kMaxAnswerBytes);
  poll_entry.events = POLLIN;
  for (;;) {
    ::poll(&poll_entry, 1, -1);
    char buffer[1024];
    const ssize_t got = ::read(fd, buffer, sizeof(buffer));
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got <= 0 || !input.Add({buffer, static_cast<std::size_t>(got)})) return std::nullopt;
    if (const auto line = input.Next()) {
      const auto answer = ParseRshAnswer(*line);
      return answer ? std::optional<std::int32_t>(*answer) : std::nullopt;
    }
  }
}

// One try at the socket of `path`.
std::optional<std::int32_t> Try(const std::string& path, const std::string& request) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return std::nullopt;
  const auto directory = OpenDirectory(path.substr(0, slash));
  if (!directory) return std::nullopt;
  const auto socket = ConnectAt(directory->get(), path.substr(slash + 1));
  if (!socket) return std::nullopt;
  return Ask(socket->get(), request);
}

int Main(int argc, char** argv) {
  const char* path = std::getenv("MUSTER_RSH_SOCKET");
  if (path == nullptr || argc < 3) {
    std::fprintf(stderr, "muster-rsh is started by mpirun in an attempt, not by hand\n");
    return 255;
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  RshRequest request;
  request.node = argv[1];
  request.words = StripShellQuotes(std::vector<std::string>(argv + 2, argv + argc));
  if (const Status allowed = CheckDaemonWords(request.words); !allowed) {
    std::fprintf(stderr, "muster-rsh: %s\n", allowed.error().message.c_str());
    return 255;
  }
  request.id = DaemonRequestId(request.node, request.words);
  const std::string line = ToLine(request);
  for (int delay_ms = kFirstDelayMs;; delay_ms = std::min(2 * delay_ms, kMaxDelayMs)) {
    const std::int64_t begin = SteadyMicros();
    if (const auto answer = Try(path, line)) return *answer;
    // A connection that held for a while was a working one: begin anew.
    if (SteadyMicros() - begin > 1'000'000) delay_ms = kFirstDelayMs;
    ::poll(nullptr, 0, delay_ms);
  }
}

}  // namespace
}  // namespace muster::agent

int main(int argc, char** argv) { return muster::agent::Main(argc, argv); }
