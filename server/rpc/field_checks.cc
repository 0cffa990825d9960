#include "server/rpc/field_checks.h"

#include <algorithm>
#include <utility>

namespace muster::server {
namespace {

constexpr std::size_t kShownBytes = 200;

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsAlphanumeric(char c) { return IsLower(c) || IsDigit(c) || (c >= 'A' && c <= 'Z'); }
bool IsWordCharacter(char c) { return IsAlphanumeric(c) || c == '_'; }

bool HasParentComponent(std::string_view path) {
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    if (path.substr(0, slash) == "..") return true;
    if (slash == std::string_view::npos) return false;
    path.remove_prefix(slash + 1);
  }
  return false;
}

}  // namespace

std::string CutForFault(std::string_view value) {
  if (value.size() <= kShownBytes) return std::string(value);
  std::size_t end = kShownBytes - 3;
  while (end > 0 && (static_cast<unsigned char>(value[end]) & 0xC0U) == 0x80U) --end;
  return std::string(value.substr(0, end)) + "...";
}

void AddFault(std::vector<Fault>& faults, std::string field, std::string_view value,
              std::string message) {
  faults.push_back(Fault{std::move(field), CutForFault(value), std::move(message)});
}

std::string PathFault(std::string_view path, std::size_t max_bytes) {
  if (path.size() > max_bytes) {
    return "is " + std::to_string(path.size()) + " bytes long; at most " +
           std::to_string(max_bytes) + " are allowed";
  }
  if (path.find('\0') != std::string_view::npos) return "contains a NUL byte";
  if (path.starts_with('/')) return "is absolute; give a path relative to its root";
  if (HasParentComponent(path)) return "contains \"..\"; give a path that stays below its root";
  return {};
}

bool IsVariableName(std::string_view name) {
  return !name.empty() && !IsDigit(name.front()) && std::ranges::all_of(name, IsWordCharacter);
}

bool IsWord(std::string_view name, std::size_t max_bytes) {
  return !name.empty() && name.size() <= max_bytes && std::ranges::all_of(name, IsWordCharacter);
}

bool IsExperimentName(std::string_view name) {
  // The job id and the names of its directories are made of it, and a file name has 255 bytes at
  // most.
  return !name.empty() && name.size() <= 200 && IsAlphanumeric(name.front()) &&
         std::ranges::all_of(name, [](char c) { return IsWordCharacter(c) || c == '-'; });
}

bool IsPoolName(std::string_view name) {
  return name.size() >= 2 && name.size() <= 24 && IsLower(name.front()) &&
         std::ranges::all_of(name, [](char c) { return IsLower(c) || IsDigit(c) || c == '-'; });
}

}  // namespace muster::server
