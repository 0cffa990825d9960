// Writes batches into the tables. Belongs to the writer thread; used inside its transaction.
#pragma once

#include <memory>
#include <span>

#include "base/result.h"
#include "storage/sqlite/connection.h"
#include "storage/store.h"

namespace muster::storage {

class RowWriter {
 public:
  static Result<std::unique_ptr<RowWriter>> Create(Connection& connection);
  virtual ~RowWriter() = default;

  // The rows of all batches, each entity once, as the last batch that has it says; then all events.
  virtual Status Write(std::span<const Batch* const> batches) = 0;
};

}  // namespace muster::storage
