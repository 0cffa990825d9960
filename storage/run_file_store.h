// A run's logs and outputs: files below <directory>/<workspace>/<run id>/<attempt>/, attempt 0
// being the run itself, whatever its attempts. Names are of nodes and clients, so hostile:
// relative, no
// "..", opened beneath the attempt's directory. Thread-safe; calls do I/O.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace muster::storage {

struct RunFileInfo {
  std::string name;
  std::uint64_t size_bytes = 0;
};

// What is to be added to one file. The views outlive the call.
struct RunFilePart {
  WorkspaceName workspace;
  AttemptId attempt;
  std::string_view name;
  std::uint64_t offset = 0;
  std::string_view data;
};

// What an attempt may store, whatever nodes send: its logs must not fill the server's disk. Above
// what agents send of one file.
struct RunFileLimits {
  std::uint64_t max_file_bytes = std::uint64_t{11} << 30;
  std::uint64_t max_attempt_bytes = std::uint64_t{64} << 30;
};

class RunFileStore {
 public:
  static Result<std::unique_ptr<RunFileStore>> Open(std::string directory,
                                                    RunFileLimits limits = {});
  virtual ~RunFileStore() = default;

  // Writes what is new of [offset, offset + data), answers with the size then. An offset beyond
  // the end is OUT_OF_RANGE, bytes over a limit are FAILED_PRECONDITION (kTooLarge). With `sync` it
  // is on disk (fdatasync) when this returns.
  virtual Result<std::uint64_t> Append(const WorkspaceName& workspace, const AttemptId& attempt,
                                       std::string_view name, std::uint64_t offset,
                                       std::string_view data, bool sync) = 0;
  // The same for each part, in order and with an answer each; all of it is on disk when this
  // returns, at the price of syncing each file and each new directory once.
  virtual std::vector<Result<std::uint64_t>> AppendAll(std::span<const RunFilePart> parts) = 0;
  // Makes `source`, a path to which nobody writes any more, a file of the run itself: linked, or
  // copied from another file system. It is whole and on disk when this returns. ALREADY_EXISTS
  // (kNameTaken) if one with other content is there.
  virtual Status Add(const WorkspaceName& workspace, const JobId& run, std::string_view name,
                     const std::string& source) = 0;
  // Up to max_bytes; empty at the end; NOT_FOUND if there is no such file.
  virtual Result<std::string> Read(const WorkspaceName& workspace, const AttemptId& attempt,
                                   std::string_view name, std::uint64_t offset,
                                   std::size_t max_bytes) = 0;
  // At most `max_files` of those whose names come after `after`, by name; all from "" on. Reads the
  // attempt's directories once a call.
  virtual Result<std::vector<RunFileInfo>> List(const WorkspaceName& workspace,
                                                const AttemptId& attempt, std::string_view after,
                                                std::size_t max_files) = 0;
};

}  // namespace muster::storage
