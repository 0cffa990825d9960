#include "storage/files/run_file_name.h"

#include <algorithm>
#include <string>

namespace muster::storage {
namespace {

bool IsControl(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

// Fit for a message: what could confuse a terminal is replaced, and the rest cut.
std::string Shown(std::string_view name) {
  std::string shown(name.substr(0, 64));
  std::replace_if(shown.begin(), shown.end(), IsControl, '?');
  return shown + (name.size() > 64 ? "..." : "");
}

tl::unexpected<Error> Unsafe(std::string_view name, std::string_view rule) {
  return Fail(ErrorCode::kInvalidArgument, ErrorReason::kUnsafePath,
              "the run file name \"" + Shown(name) + "\" is refused: " + std::string(rule));
}

}  // namespace

Status CheckComponent(std::string_view component) {
  constexpr std::size_t kMaxBytes = 255;
  if (component.empty()) return Unsafe(component, "a component is empty");
  if (component == "." || component == "..") {
    return Unsafe(component, "\".\" and \"..\" are not allowed");
  }
  if (component.size() > kMaxBytes) {
    return Unsafe(component, "a component has more than 255 bytes");
  }
  if (std::any_of(component.begin(), component.end(), IsControl)) {
    return Unsafe(component, "it has a control character");
  }
  if (component.find('/') != std::string_view::npos) return Unsafe(component, "it has a slash");
  return {};
}

Status CheckRunFileName(std::string_view name) {
  if (name.empty()) return Unsafe(name, "it is empty");
  if (name.size() > kRunFileNameMaxBytes) return Unsafe(name, "it has more than 1,024 bytes");
  if (name.front() == '/') return Unsafe(name, "it is absolute");
  std::size_t depth = 0;
  for (std::size_t begin = 0; begin <= name.size(); ++depth) {
    const std::size_t end = std::min(name.find('/', begin), name.size());
    MUSTER_TRY(CheckComponent(name.substr(begin, end - begin)));
    begin = end + 1;
  }
  if (depth > kRunFileMaxDepth) return Unsafe(name, "it is deeper than 32 directories");
  return {};
}

}  // namespace muster::storage
