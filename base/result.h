// Result<T>: a value or an Error. We throw nothing.
#pragma once

#include <tl/expected.hpp>
#include <utility>

#include "base/error.h"

namespace muster {

template <class T>
using Result = tl::expected<T, Error>;

using Status = tl::expected<void, Error>;

inline tl::unexpected<Error> Fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

inline tl::unexpected<Error> Fail(ErrorCode code, ErrorReason reason, std::string message) {
  return Fail(Error{code, reason, std::move(message)});
}

}  // namespace muster

#define MUSTER_CONCAT_INNER(a, b) a##b
#define MUSTER_CONCAT(a, b) MUSTER_CONCAT_INNER(a, b)

// Returns the error of `expression` from the enclosing function, if it has one.
#define MUSTER_TRY(expression)                                                 \
  do {                                                                         \
    if (auto muster_try = (expression); !muster_try)                           \
      return ::tl::unexpected<::muster::Error>(std::move(muster_try).error()); \
  } while (false)

// MUSTER_ASSIGN(auto value, Parse(text)): declares value, or returns the error.
// NOLINTBEGIN(bugprone-macro-parentheses): a declaration cannot stand in parentheses
#define MUSTER_ASSIGN(declaration, expression)                       \
  auto MUSTER_CONCAT(muster_result_, __LINE__) = (expression);       \
  if (!MUSTER_CONCAT(muster_result_, __LINE__))                      \
    return ::tl::unexpected<::muster::Error>(                        \
        std::move(MUSTER_CONCAT(muster_result_, __LINE__)).error()); \
  declaration = std::move(*MUSTER_CONCAT(muster_result_, __LINE__))
// NOLINTEND(bugprone-macro-parentheses)
