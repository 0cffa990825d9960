// Content-addressed blobs in a directory: objects/ab/cdef..., SHA-256, 0600. A blob appears whole
// or not at all (temporary file, fsync, rename, fsync of the directory). Thread-safe; calls do I/O.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "base/time.h"

namespace muster::storage {

struct BlobEntry {
  Digest digest;
  std::uint64_t size_bytes = 0;
  TimePoint used_at{};  // when it was committed, or noted as used
};

class BlobStore {
 public:
  // Makes the directory if needed and removes temporary files of a crash.
  static Result<std::unique_ptr<BlobStore>> Open(const std::string& directory);
  virtual ~BlobStore() = default;

  virtual bool Has(const Digest& digest) const = 0;
  // Bytes; NOT_FOUND if it is not there.
  virtual Result<std::uint64_t> Size(const Digest& digest) const = 0;
  // Up to max_bytes from an offset; empty at the end.
  virtual Result<std::string> Read(const Digest& digest, std::uint64_t offset,
                                   std::size_t max_bytes) const = 0;
  // Absolute path of a blob that is there (for unpacking in place).
  virtual std::string PathOf(const Digest& digest) const = 0;

  // All blobs, in no order. Cost: a stat each.
  virtual Result<std::vector<BlobEntry>> List() const = 0;
  // The file's time of modification says it, so that it outlives the process. No fsync.
  virtual void NoteUsed(const Digest& digest) = 0;
  // One that is not there is fine. Whoever has it open reads on.
  virtual Status Remove(const Digest& digest) = 0;

  class Writer {
   public:
    virtual ~Writer() = default;  // without Commit: nothing remains
    virtual Status Append(std::string_view data) = 0;
    // DATA_LOSS (kDigestMismatch) if the content is not what was announced.
    virtual Status Commit() = 0;
  };
  virtual Result<std::unique_ptr<Writer>> Create(const Digest& digest,
                                                 std::uint64_t size_bytes) = 0;
  // Takes in a file that is whole and that nobody writes to any more, by renaming it: it must be on
  // the store's file system. DATA_LOSS (kDigestMismatch) if its content is another; then, as after
  // every failure, it stays where it is.
  virtual Status Adopt(const Digest& digest, const std::string& path) = 0;
};

}  // namespace muster::storage
