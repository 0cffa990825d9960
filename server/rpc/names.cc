#include "server/rpc/names.h"

#include <algorithm>
#include <string>
#include <utility>

#include "server/rpc/status.h"

namespace muster::server {
namespace {

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return IsLower(c) || (c >= 'A' && c <= 'Z'); }
bool IsLowerOrDigit(char c) { return IsLower(c) || IsDigit(c); }
bool IsLetterOrDigit(char c) { return IsLetter(c) || IsDigit(c); }
bool IsPrintable(char c) { return c >= ' ' && c <= '~'; }

// Every character is allowed by `letters` or stands in `others`.
bool Consists(std::string_view value, bool (*letters)(char), std::string_view others) {
  return std::all_of(value.begin(), value.end(), [&](char c) {
    return letters(c) || others.find(c) != std::string_view::npos;
  });
}

bool HasLength(std::string_view value, std::size_t shortest, std::size_t longest) {
  return value.size() >= shortest && value.size() <= longest;
}

void Require(bool holds, std::string_view field, std::string_view value, std::string rule,
             std::vector<Fault>& faults) {
  if (!holds)
    faults.push_back({std::string(field), std::string(value), "must be " + std::move(rule)});
}

}  // namespace

void CheckWorkspaceName(std::string_view field, std::string_view value,
                        std::vector<Fault>& faults) {
  Require(HasLength(value, 1, 64) && Consists(value, IsLowerOrDigit, "-") && IsLower(value.front()),
          field, value, "1 to 64 characters of a-z, 0-9 and \"-\", the first a letter", faults);
}

void CheckPoolName(std::string_view field, std::string_view value, std::vector<Fault>& faults) {
  Require(HasLength(value, 2, 24) && Consists(value, IsLowerOrDigit, "-") && IsLower(value.front()),
          field, value, "2 to 24 characters of a-z, 0-9 and \"-\", the first a letter", faults);
}

void CheckNodeId(std::string_view field, std::string_view value, std::vector<Fault>& faults) {
  Require(HasLength(value, 1, 63) && Consists(value, IsLowerOrDigit, "-") && value.front() != '-' &&
              value.back() != '-',
          field, value,
          "1 to 63 characters of a-z, 0-9 and \"-\", neither the first nor the last a \"-\"",
          faults);
}

void CheckDatastoreName(std::string_view field, std::string_view value,
                        std::vector<Fault>& faults) {
  Require(HasLength(value, 1, 255) && Consists(value, IsLetterOrDigit, "_"), field, value,
          "1 to 255 characters of A-Z, a-z, 0-9 and \"_\"", faults);
}

void CheckUserName(std::string_view field, std::string_view value, std::vector<Fault>& faults) {
  Require(HasLength(value, 1, 64) && Consists(value, IsLetterOrDigit, "_.@-"), field, value,
          "1 to 64 characters of A-Z, a-z, 0-9 and \"_.@-\"", faults);
}

void CheckHost(std::string_view field, std::string_view value, std::vector<Fault>& faults) {
  Require(
      HasLength(value, 1, 255) && Consists(value, IsLetterOrDigit, "._:-") && value.front() != '-',
      field, value, "a host name or address of 1 to 255 characters of A-Z, a-z, 0-9 and \"._:-\"",
      faults);
}

void CheckPrintable(std::string_view field, std::string_view value, std::size_t max_bytes,
                    std::vector<Fault>& faults) {
  Require(HasLength(value, 0, max_bytes) && Consists(value, IsPrintable, ""), field, value,
          "at most " + std::to_string(max_bytes) + " printable ASCII characters", faults);
}

void CheckRange(std::string_view field, std::int64_t value, std::int64_t lowest,
                std::int64_t highest, std::vector<Fault>& faults) {
  Require(value >= lowest && value <= highest, field, std::to_string(value),
          std::to_string(lowest) + " to " + std::to_string(highest), faults);
}

Error InvalidRequest(std::vector<Fault> faults) {
  std::string message = faults.size() == 1
                            ? "the request has a fault:"
                            : "the request has " + std::to_string(faults.size()) + " faults:";
  for (const Fault& fault : faults) {
    message += "\n  " + fault.field + ": " + fault.message;
    if (!fault.value.empty()) message += ", not \"" + CutUtf8(fault.value, 100) + "\"";
  }
  return Error{ErrorCode::kInvalidArgument, ErrorReason::kInvalidSpec, std::move(message),
               std::move(faults)};
}

}  // namespace muster::server
