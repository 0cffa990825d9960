// The two tokens a new server begins with, in files of the state directory: admin.token for people,
// join.token for agents of the pool "default".
#pragma once

#include <filesystem>

#include "base/result.h"
#include "server/auth/token_mint.h"
#include "server/core_loop.h"

namespace muster::server {

// Writes each file that is missing, once its token is durable; a start that was killed in between
// is repeated safely. A token that was revoked stays without a file. FAILED_PRECONDITION when the
// state was made with another token key. Blocks; not on the core thread.
Status EnsureFirstTokens(const std::filesystem::path& state_directory, const TokenMint& mint,
                         CoreLoop& loop);

}  // namespace muster::server
