// Names of run files come from nodes and are hostile.
#pragma once

#include <string_view>

#include "base/result.h"

namespace muster::storage {

inline constexpr std::size_t kRunFileNameMaxBytes = 1'024;
inline constexpr std::size_t kRunFileMaxDepth = 32;
inline constexpr std::size_t kRunFilesPerAttempt = 100'000;

// INVALID_ARGUMENT (kUnsafePath), naming the rule, for everything but a relative path of ordinary
// components: no "..", ".", empty component, control character or NUL; each at most 255 bytes.
Status CheckRunFileName(std::string_view name);
// The same for one component (a workspace, a job id).
Status CheckComponent(std::string_view component);

}  // namespace muster::storage
