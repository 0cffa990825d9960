// The configuration of `muster login`, as `muster up` and `muster down` see it.
#pragma once

#include "base/result.h"
#include "cli/config.h"
#include "cli/personal/layout.h"
#include "cli/personal/plan.h"

namespace muster::cli {

// What stands at `path`, beside the personal server of `layout`.
LoginFacts LookAtLogin(const std::filesystem::path& path, const PersonalLayout& layout);

// Fails, with what to do, when a login to another server is there and not to be replaced.
Status CheckLogin(const std::filesystem::path& path, const PersonalLayout& layout, bool force);

// Writes `own`, or only its address into a login to this server. Fails as CheckLogin.
Status WriteLogin(const std::filesystem::path& path, const PersonalLayout& layout,
                  const Config& own, bool force);

}  // namespace muster::cli
