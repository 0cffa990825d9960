// The `muster` command line.
#include <grpc/support/log.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "cli/command_line.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"
#include "security/tls_policy.h"

namespace {

constexpr char kFooter[] =
    "Begin with:\n"
    "  muster login --server HOST:PORT\n"
    "  muster job submit --experiment digits --source-directory . --entry-script train.py "
    "--follow\n"
    "  muster job list\n"
    "\n"
    "Each command has --help with examples, and --json for machines: the fields of the .proto "
    "files\n"
    "with their names there, 64-bit numbers as strings, times in microseconds since 1970 UTC.\n"
    "\n"
    "Exit codes:\n"
    "  0  done; the job is Completed\n"
    "  1  the job failed or was canceled; the answer is no\n"
    "  2  wrong usage: the command line, a file, the source directory\n"
    "  3  the server could not be reached\n"
    "  4  the server refused\n"
    "  130  interrupted by Ctrl-C (the job goes on)\n"
    "\n"
    "Environment: MUSTER_CONFIG (default ~/.config/muster/config.json), MUSTER_TOKEN_FILE (for\n"
    "login), TMPDIR (for packing, default /var/tmp), TZ (times are local).";

muster::cli::Session::Terminal LookAtTerminal() {
  muster::cli::Session::Terminal terminal;
  terminal.out = isatty(STDOUT_FILENO) == 1;
  terminal.err = isatty(STDERR_FILENO) == 1;
  winsize size{};
  if (terminal.out && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) terminal.width = size.ws_col;
  return terminal;
}

// gRPC writes what it thinks of connections to stderr; whoever wants that sets GRPC_VERBOSITY.
void SilenceGrpc() {
  if (std::getenv("GRPC_VERBOSITY") == nullptr) {
    gpr_set_log_function([](gpr_log_func_args*) {});
  }
}

}  // namespace

int main(int argc, char** argv) {
  muster::security::ApplyTlsPolicy();
  SilenceGrpc();
  std::ios::sync_with_stdio(false);
  muster::cli::Session session(std::cout, std::cerr, LookAtTerminal());
  muster::cli::CommandLine line("Muster: submit jobs to a cluster, follow them, run the cluster.",
                                kFooter);
  muster::cli::AddAllVerbs(line);
  return static_cast<int>(line.Run({argv + 1, argv + argc}, session));
}
