// Opens the read side: see storage/history.h.
#pragma once

#include <memory>
#include <string>

#include "storage/history.h"

namespace muster::storage {

Result<std::unique_ptr<History>> OpenSqliteHistory(const std::string& path);

}  // namespace muster::storage
