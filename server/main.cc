// musterd: reads flags and configuration, runs the server until SIGTERM or SIGINT.
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "base/log.h"
#include "security/tls_policy.h"
#include "server/config.h"
#include "server/server.h"
#include "storage/sqlite/database.h"

namespace {

using muster::Result;
using muster::server::ServerConfig;

struct Flags {
  std::string config_file;
  std::string state_dir;
  std::string listen;
  std::string log_level;
  std::string log_file;
  bool fsck = false;
};

void Declare(CLI::App& app, Flags& flags) {
  app.set_version_flag("--version", std::string("musterd ") + MUSTER_VERSION);
  app.add_option("--config", flags.config_file, "TOML file with settings; every one has a default");
  app.add_option("--state-dir", flags.state_dir, "State directory [/var/lib/muster]");
  app.add_option("--listen", flags.listen, "HOST:PORT to serve on; port 0: any [0.0.0.0:7677]");
  app.add_option("--log-level", flags.log_level, "debug, info, warning or error [info]");
  app.add_option("--log-file", flags.log_file, "File for the log, in place of stderr");
  app.add_flag("--fsck", flags.fsck, "Check the state database of a stopped server, then exit");
  app.footer(
      "The first start writes admin.token (for `muster login`) and join.token (for agents) into\n"
      "the state directory. SIGTERM stops the server; jobs run on.");
}

Result<ServerConfig> ConfigOf(const Flags& flags) {
  ServerConfig config;
  if (!flags.config_file.empty()) {
    MUSTER_ASSIGN(config, muster::server::ReadServerConfig(flags.config_file));
  }
  if (!flags.state_dir.empty()) config.state_dir = flags.state_dir;
  if (!flags.listen.empty()) config.listen = flags.listen;
  if (!flags.log_level.empty() && !muster::ParseLogLevel(flags.log_level, config.log_level)) {
    return muster::Fail(muster::ErrorCode::kInvalidArgument, muster::ErrorReason::kInvalidSpec,
                        "--log-level must be debug, info, warning or error");
  }
  if (!flags.log_file.empty()) config.log_file = flags.log_file;
  return config;
}

int FailWith(const muster::Error& error) {
  std::fprintf(stderr, "musterd: %s\n", error.message.c_str());
  return 1;
}

int CheckState(const ServerConfig& config) {
  auto database = muster::storage::Database::Open(config.state_dir);
  if (!database) return FailWith(database.error());
  const auto differences = (*database)->Fsck();
  if (!differences) return FailWith(differences.error());
  for (const std::string& difference : *differences) std::printf("%s\n", difference.c_str());
  if (!differences->empty()) return 1;
  std::printf("%s: events and rows agree\n", config.state_dir.c_str());
  return 0;
}

// In a child: events that do not fit together break an invariant of the fold, which aborts.
int Fsck(const ServerConfig& config) {
  const pid_t child = fork();
  if (child < 0) {
    std::perror("musterd: fork");
    return 1;
  }
  if (child == 0) {
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    std::exit(CheckState(config));
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  std::fprintf(stderr,
               "musterd: %s/state.db is damaged: its events cannot be folded, the line above says "
               "at what (signal %d). Nothing was changed. Restore the last backup: "
               "docs/operations.md#restore-the-state-database\n",
               config.state_dir.c_str(), WTERMSIG(status));
  return 1;
}

// Waits for SIGTERM or SIGINT on a thread of its own. Construct before any other thread.
class StopSignal {
 public:
  StopSignal() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // in the threads to come, too
    std::thread([shared = shared_, signals] {
      int received = 0;
      sigwait(&signals, &received);
      // Nothing was promised to anybody yet; perhaps the start waits for disk space.
      if (!shared->serving.load()) std::_Exit(0);
      shared->received.set_value(received);
    }).detach();
  }
  // The signal. Until this is called, one ends the process at once.
  int Wait() {
    shared_->serving.store(true);
    return shared_->received.get_future().get();
  }

 private:
  struct Shared {
    std::atomic<bool> serving = false;
    std::promise<int> received;
  };
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

int Run(const ServerConfig& config) {
  signal(SIGPIPE, SIG_IGN);
  StopSignal stop_signal;
  auto server = muster::server::Server::Start(config);
  if (!server) return FailWith(server.error());
  muster::Log(muster::LogLevel::kInfo, "stopping", {{"signal", stop_signal.Wait()}});
  (*server)->Stop();
  muster::Log(muster::LogLevel::kInfo, "stopped");
  std::_Exit(0);  // all is on disk; gRPC's own way out can take seconds
}

}  // namespace

int main(int argc, char** argv) {
  muster::security::ApplyTlsPolicy();
  CLI::App app("The Muster server: takes jobs, starts them on nodes, keeps their state.",
               "musterd");
  Flags flags;
  Declare(app, flags);
  CLI11_PARSE(app, argc, argv);
  const Result<ServerConfig> config = ConfigOf(flags);
  if (!config) return FailWith(config.error());
  if (config->log_file.empty() || flags.fsck) {
    muster::InitLog("musterd", config->log_level);
  } else if (const auto opened =
                 muster::InitLogFile("musterd", config->log_level, config->log_file);
             !opened) {
    return FailWith(opened.error());
  }
  return flags.fsck ? Fsck(*config) : Run(*config);
}
