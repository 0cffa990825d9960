// How a verb ends: an exit code, or a failure with the exit code it leads to.
#pragma once

#include <tl/expected.hpp>
#include <utility>

#include "base/error.h"
#include "base/result.h"

namespace muster::cli {

// Documented in `muster --help`; scripts rely on the numbers.
enum class ExitCode : int {
  kOk = 0,
  kNegative = 1,     // the job failed, or the answer to the question is no
  kUsage = 2,        // wrong words on the command line, in a file or in the source directory
  kUnreachable = 3,  // nobody answered in time
  kRefused = 4,      // the server answered, and said no
};

// A bare Error is the caller's own fault (kUsage); what a server said goes through FailureOf
// (cli/server_error.h).
struct Failure {
  Failure(Error what) : error(std::move(what)) {}  // NOLINT(google-explicit-constructor)
  Failure(ExitCode code, Error what) : exit_code(code), error(std::move(what)) {}

  ExitCode exit_code = ExitCode::kUsage;
  Error error;
};

template <class T>
using Outcome = tl::expected<T, Failure>;

// A fault of what the user gave us.
inline Error UsageError(std::string message, std::vector<Fault> faults = {}) {
  return Error{ErrorCode::kInvalidArgument, ErrorReason::kUnspecified, std::move(message),
               std::move(faults)};
}

inline tl::unexpected<Failure> FailWith(Failure failure) {
  return tl::unexpected<Failure>(std::move(failure));
}

}  // namespace muster::cli

// Like MUSTER_TRY and MUSTER_ASSIGN, in functions that return an Outcome; takes a Result too.
#define MUSTER_CLI_TRY(expression)                                \
  do {                                                            \
    if (auto cli_try = (expression); !cli_try)                    \
      return ::muster::cli::FailWith(std::move(cli_try).error()); \
  } while (false)

// NOLINTBEGIN(bugprone-macro-parentheses): a declaration cannot stand in parentheses
#define MUSTER_CLI_ASSIGN(declaration, expression)                                           \
  auto MUSTER_CONCAT(cli_result_, __LINE__) = (expression);                                  \
  if (!MUSTER_CONCAT(cli_result_, __LINE__))                                                 \
    return ::muster::cli::FailWith(std::move(MUSTER_CONCAT(cli_result_, __LINE__)).error()); \
  declaration = std::move(*MUSTER_CONCAT(cli_result_, __LINE__))
// NOLINTEND(bugprone-macro-parentheses)
