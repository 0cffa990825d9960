// Follows the log files of the node's attempts and brings every byte to the server, once, in order,
// however long the server is away. Holds no log bytes but those of the calls under way. All on the
// loop's thread (the sink answers on any); file reads are of one chunk at a time.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/logs/append_sink.h"
#include "agent/logs/directory_watch.h"
#include "agent/logs/log_file.h"
#include "base/time.h"

namespace muster::agent {

struct LogShipperConfig {
  LogDirectory::Depth depth = LogDirectory::Depth::kOne;
  bool hidden = false;       // those whose names begin with a dot too
  bool final_files = false;  // a file that has been read to its end does not grow any more
  std::size_t chunk_bytes = 256 << 10;
  std::size_t max_calls = 32;  // appends under way, of the whole agent
  std::size_t max_files_per_attempt = 4096;
  // More of a file, or of all files of an attempt on this node, is left where it is: a job must not
  // fill the server's disk, be it with one file that is all hole. A rank's own output ends before.
  std::uint64_t max_file_bytes = (10ULL << 30) + (1U << 20);
  std::uint64_t max_attempt_bytes = 64ULL << 30;
  // A file that grows without pause is sent at most so often until its attempt ends.
  Duration pace = std::chrono::milliseconds(20);
  // Looks for changes that no watch reported, and where there is no watch.
  Duration poll = std::chrono::seconds(1);
  Duration poll_unwatched = std::chrono::milliseconds(50);
  // After a call that found no server.
  Duration first_pause = std::chrono::milliseconds(100);
  Duration longest_pause = std::chrono::seconds(5);
  // Errors of its own making that a file may have in a row before it is given up.
  unsigned max_refusals = 8;
};

class LogShipper {
 public:
  // `sink` outlives it.
  LogShipper(boost::asio::io_context& loop, AppendSink& sink, LogShipperConfig config);
  ~LogShipper();
  LogShipper(const LogShipper&) = delete;
  LogShipper& operator=(const LogShipper&) = delete;

  // From now on the files in `directory` are sent as <prefix><file>, from where the
  // server's copies end, but for those whose names are no UTF-8. Repeating it is harmless. The
  // directory exists.
  void Follow(const AttemptId& id, const std::string& directory,
              const std::string& prefix = "azureml-logs/");
  // Nothing writes any more: `on_shipped` runs, later and once, when all files are at the server to
  // their end or to a limit, or given up. At once (on the loop) for an attempt that is not
  // followed.
  void ShipRest(const AttemptId& id, std::function<void()> on_shipped);
  // What there is of the attempt's files so far.
  struct Summary {
    std::size_t files = 0;
    std::uint64_t bytes = 0;        // at the server
    std::vector<std::string> lost;  // given up: names, at most 20
    std::size_t lost_files = 0;
    bool full = false;  // there may be more files than are sent
  };
  Summary SummaryOf(const AttemptId& id) const;
  // The same for people: "<what>: 3 files, 8 bytes" and what is not kept; nothing of no files.
  std::vector<std::string> Describe(const std::string& what, const AttemptId& id) const;
  void Forget(const AttemptId& id);
  // A refusal counts only from a server that is there; a session that opens ends the pause.
  void OnSession(bool open);

 private:
  struct File;
  struct Attempt;
  using FileKey = std::pair<AttemptId, std::string>;
  // What became of an append that has been answered.
  struct Answer {
    FileKey key;
    std::uint64_t offset = 0;
    std::size_t bytes = 0;
    std::uint64_t generation = 0;
    Result<std::uint64_t> size;
  };

  void FileChanged(int watch, const std::string& name);
  void ScanAll();
  void Scan(Attempt& attempt);
  void Enqueue(Attempt& attempt, const std::string& name);
  void Pump();
  // False if there was nothing to send.
  bool SendNext(Attempt& attempt, const std::string& name, File& file);
  void Send(const Attempt& attempt, const std::string& name, File& file, std::uint64_t offset,
            std::string data);
  void TakeAnswer(const Answer& answer);
  void TakeSize(Attempt& attempt, File& file, const Answer& answer);
  void TakeError(Attempt& attempt, File& file, const Answer& answer);
  bool IsOverLimit(const Attempt& attempt, const File& file) const;
  void GiveUp(const FileKey& key, File& file, const Error& error);
  void FinishIfShipped(Attempt& attempt);
  void PauseAll();
  void ArmPoll();
  void ArmPace();
  void TakeDelayed();
  Attempt* Find(const AttemptId& id);

  boost::asio::io_context& loop_;
  AppendSink& sink_;
  LogShipperConfig config_;
  DirectoryWatch watch_;
  std::map<AttemptId, Attempt> attempts_;
  std::map<int, AttemptId> watches_;
  std::deque<FileKey> ready_;    // each file at most once
  std::deque<FileKey> delayed_;  // waits for the pace
  boost::asio::steady_timer poll_timer_;
  boost::asio::steady_timer pace_timer_;
  boost::asio::steady_timer pause_timer_;
  std::size_t calls_ = 0;
  std::uint64_t next_generation_ = 1;
  Duration pause_;
  bool paused_ = false;
  bool pace_armed_ = false;
  bool session_open_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace muster::agent
