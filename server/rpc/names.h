// The rules for names in requests. Each Check adds a fault for `field` where the value breaks its
// rule.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace muster::server {

// 1..64 of [a-z0-9-], first a letter.
void CheckWorkspaceName(std::string_view field, std::string_view value, std::vector<Fault>& faults);
// 2..24 of [a-z0-9-], first a letter.
void CheckPoolName(std::string_view field, std::string_view value, std::vector<Fault>& faults);
// 1..63 of [a-z0-9-], first and last a letter or digit.
void CheckNodeId(std::string_view field, std::string_view value, std::vector<Fault>& faults);
// 1..255 of [A-Za-z0-9_].
void CheckDatastoreName(std::string_view field, std::string_view value, std::vector<Fault>& faults);
// 1..64 of [A-Za-z0-9_.@-].
void CheckUserName(std::string_view field, std::string_view value, std::vector<Fault>& faults);
// What host lists can hold: at most 255 of [A-Za-z0-9._:-], not empty, first no "-".
void CheckHost(std::string_view field, std::string_view value, std::vector<Fault>& faults);
// At most `max_bytes` printable ASCII characters.
void CheckPrintable(std::string_view field, std::string_view value, std::size_t max_bytes,
                    std::vector<Fault>& faults);
void CheckRange(std::string_view field, std::int64_t value, std::int64_t lowest,
                std::int64_t highest, std::vector<Fault>& faults);

// INVALID_ARGUMENT (kInvalidSpec) whose message lists every fault on a line of its own.
Error InvalidRequest(std::vector<Fault> faults);

}  // namespace muster::server
