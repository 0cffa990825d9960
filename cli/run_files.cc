#include "cli/run_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ostream>

#include "cli/format.h"
#include "cli/owned_fd.h"
#include "cli/table.h"
#include "muster/v1/files.grpc.pb.h"

namespace muster::cli {
namespace {

namespace v1 = muster::v1;

tl::unexpected<Failure> CannotWrite(const std::string& path) {
  const int number = errno;
  return FailWith(UsageError("can't write " + Printable(path) + ": " + std::strerror(number)));
}

// The folder below `directory` that `name` is in, made if need be; no link is followed below
// `directory`. `name` becomes its last component.
Outcome<OwnedFd> MakeFolder(const std::string& directory, std::string& name) {
  OwnedFd folder(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return CannotWrite(directory);
  for (std::size_t slash = name.find('/');; slash = name.find('/')) {
    const std::string component = name.substr(0, slash);
    if (component.empty() || component == "." || component == "..") {
      return FailWith(UsageError("the server names a file " + Printable(name) +
                                 ", which would leave " + Printable(directory)));
    }
    if (slash == std::string::npos) return folder;
    if (::mkdirat(folder.get(), component.c_str(), 0777) != 0 && errno != EEXIST) {
      return CannotWrite(directory + "/" + component);
    }
    OwnedFd below(
        ::openat(folder.get(), component.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!below) return CannotWrite(directory + "/" + component);
    folder = std::move(below);
    name.erase(0, slash + 1);
  }
}

Outcome<void> WriteAll(int fd, std::string_view data, const std::string& name) {
  while (!data.empty()) {
    const ssize_t written = ::write(fd, data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return CannotWrite(name);
    data.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

// The whole file into `fd`, across breaks.
Outcome<void> ReadInto(Client& client, v1::ReadRunFileRequest request, int fd) {
  const auto stub = v1::RunFileService::NewStub(client.channel());
  Backoff backoff(kFollowPatience, client.random());
  while (true) {
    const std::uint64_t before = request.offset();
    const auto context = client.NewContext(kStreamDeadline);
    const auto reader = stub->ReadRunFile(context.get(), request);
    v1::RunFileChunk chunk;
    while (reader->Read(&chunk)) {
      if (chunk.offset() != request.offset()) {
        return FailWith(Failure(ExitCode::kRefused,
                                Error{ErrorCode::kDataLoss, ErrorReason::kUnspecified,
                                      "the server sent another part of " +
                                          Printable(request.name()) + " than it was asked for"}));
      }
      MUSTER_CLI_TRY(WriteAll(fd, chunk.data(), request.name()));
      request.set_offset(request.offset() + chunk.data().size());
    }
    const grpc::Status status = reader->Finish();
    if (status.ok()) return {};
    if (request.offset() != before) backoff.Reset();
    const bool timed_out = status.error_code() == grpc::DEADLINE_EXCEEDED;
    if (timed_out && request.offset() != before) continue;
    MUSTER_CLI_TRY(client.WaitAfterBreak(status, backoff));
  }
}

}  // namespace

Outcome<v1::ListRunFilesReply> ListRunFiles(Client& client, const std::string& workspace,
                                            const std::string& run_id) {
  v1::ListRunFilesRequest request;
  request.set_workspace(workspace);
  request.set_job_id(run_id);
  // All pages are of the attempt that the first one was of.
  const auto stay = [](v1::ListRunFilesRequest& next, const v1::ListRunFilesReply& page) {
    next.set_attempt(page.attempt());
  };
  return CallForPages<v1::RunFileService>(client, &v1::RunFileService::Stub::ListRunFiles, request,
                                          stay);
}

void ShowRunFiles(Session& session, const v1::ListRunFilesReply& reply) {
  if (session.json) return session.PrintJson(reply);
  Table table{{{"FILE"}, {"SIZE", Align::kRight}}, {}};
  for (const v1::RunFile& file : reply.files()) {
    table.rows.push_back({file.name(), FormatBytes(file.size_bytes())});
  }
  session.out << LayOut(table, session.terminal.width);
}

Outcome<void> FetchRunFile(Client& client, const Fetch& fetch, std::uint32_t attempt,
                           const std::string& name) {
  std::string last = name;
  MUSTER_CLI_ASSIGN(const OwnedFd folder, MakeFolder(fetch.directory, last));
  const bool there = ::faccessat(folder.get(), last.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
  if (there && !fetch.overwrite) {
    return FailWith(UsageError(Printable(fetch.directory + "/" + name) +
                               " is there already; --overwrite replaces it"));
  }
  // Without a name until it is whole, so that nothing stays behind.
  const OwnedFd file(::openat(folder.get(), ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666));
  if (!file) return CannotWrite(fetch.directory + "/" + name);
  v1::ReadRunFileRequest request;
  request.set_workspace(fetch.workspace);
  request.set_job_id(fetch.run_id);
  request.set_attempt(attempt);
  request.set_name(name);
  MUSTER_CLI_TRY(ReadInto(client, std::move(request), file.get()));
  if (there) ::unlinkat(folder.get(), last.c_str(), 0);
  const std::string link = "/proc/self/fd/" + std::to_string(file.get());
  if (::linkat(AT_FDCWD, link.c_str(), folder.get(), last.c_str(), AT_SYMLINK_FOLLOW) != 0) {
    return CannotWrite(fetch.directory + "/" + name);
  }
  return {};
}

}  // namespace muster::cli
