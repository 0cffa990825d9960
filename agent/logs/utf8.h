// What a job wrote may be any bytes; the protocol's texts must be UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace muster::agent {

bool IsUtf8(std::string_view text);

// The first `max_bytes` of `text` at most, cut between characters. What begins in the middle of a
// character loses it; every other byte that is of no character becomes "?". Never longer than
// `text`.
std::string ToUtf8(std::string_view text, std::size_t max_bytes);

}  // namespace muster::agent
