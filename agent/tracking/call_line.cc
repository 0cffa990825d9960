#include "agent/tracking/call_line.h"

#include <nlohmann/json.hpp>

#include "base/json_nesting.h"

namespace muster::agent {
namespace {

using nlohmann::json;

tl::unexpected<Error> Malformed(const char* what) {
  return Fail(ErrorCode::kInvalidArgument, ErrorReason::kInvalidSpec,
              std::string("a call is one line {\"method\":\"GetRun\",\"request\":{...}}: ") + what);
}

}  // namespace

Result<ScriptCall> ParseCall(std::string_view line) {
  if (IsNestedDeeper(line, kMaxJsonNesting)) return Malformed("it is nested too deep");
  const json call = json::parse(line, nullptr, false);
  if (!call.is_object()) return Malformed("it is no JSON object in UTF-8");
  const auto method = call.find("method");
  if (method == call.end() || !method->is_string()) return Malformed("method is no text");
  const auto request = call.find("request");
  if (request == call.end() || !request->is_object()) return Malformed("request is no object");
  return ScriptCall{method->get<std::string>(), request->dump()};
}

std::string ReplyLine(const std::string& reply_json) { return "{\"reply\":" + reply_json + "}\n"; }

std::string ErrorLine(const Error& error) {
  const json line = {{"error", {{"code", CodeName(error.code)}, {"message", error.message}}}};
  return line.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace muster::agent
