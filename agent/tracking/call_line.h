// The lines of tracking/rpc. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace muster::agent {

struct ScriptCall {
  std::string method;
  std::string request_json;
};

// Of a line without its newline. INVALID_ARGUMENT if it is no
// {"method":"GetRun","request":{...}}.
Result<ScriptCall> ParseCall(std::string_view line);

// With the newline. `reply_json`: an object on one line.
std::string ReplyLine(const std::string& reply_json);
std::string ErrorLine(const Error& error);

}  // namespace muster::agent
