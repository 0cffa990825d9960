// Follows the spools of the node's attempts and brings every line to the server, once, however long
// the server is away. One chunk per attempt is in memory, and attempts take turns. All on the
// loop's thread (the sink answers on any). A turn reads the bytes of one file, twice a chunk of
// them at most; files that have not grown since are only looked at for their sizes.
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
#include <vector>

#include "agent/tracking/spool_directory.h"
#include "agent/tracking/tracking_sink.h"
#include "base/time.h"

namespace muster::agent {

struct SpoolShipperConfig {
  std::size_t max_calls = 8;      // under way, of the whole agent
  std::size_t max_files = 2'048;  // of an attempt, at a time
  // All files of an attempt have their turn at most so often, until it ends.
  Duration pace = std::chrono::milliseconds(25);
  // Looks for lines that no poke came for.
  Duration poll = std::chrono::seconds(1);
  // A file that was shipped is looked at for deletion at most so often.
  Duration rest = std::chrono::seconds(5);
  // After a call that found no server.
  Duration first_pause = std::chrono::milliseconds(100);
  Duration longest_pause = std::chrono::seconds(5);
  // What a server that is there does not take for so long after the attempt's end is given up.
  Duration give_up_after = std::chrono::minutes(10);
  // Errors of its own making that a file may have in a row before it is given up.
  unsigned max_faults = 8;
};

// Where an attempt's lines are, and what is told of them.
struct SpoolPlace {
  std::string directory;    // tracking/
  std::string run;          // run/, the agent's: what must outlive this process
  std::string logs;         // logs/
  std::string refusal_log;  // name of a file in it
};

class SpoolShipper {
 public:
  // `sink` outlives it.
  SpoolShipper(boost::asio::io_context& loop, TrackingSink& sink, SpoolShipperConfig config);
  ~SpoolShipper();
  SpoolShipper(const SpoolShipper&) = delete;
  SpoolShipper& operator=(const SpoolShipper&) = delete;

  // Repeating it is harmless.
  void Follow(const AttemptId& id, const SpoolPlace& place);
  // Something was added. Looked at once the attempt's pace allows.
  void Poke(const AttemptId& id);
  // Nothing writes any more: `on_shipped` runs, later and once, when all is at the server, or given
  // up; with what a script said of the failure of the job's run. At once (on the loop) for an
  // attempt that is not followed.
  using OnShipped = std::function<void(std::optional<std::string> script_failure)>;
  void ShipRest(const AttemptId& id, OnShipped on_shipped);
  void Forget(const AttemptId& id);
  // A refusal counts only from a server that is there; a session that opens ends the pause.
  void OnSession(bool open);

 private:
  struct File;
  struct Attempt;
  // What became of a call that has been answered.
  struct Answer {
    AttemptId attempt;
    std::uint64_t generation = 0;
    std::string name;
    std::uint64_t offset = 0;
    bool asks = false;
    bool in_long_line = false;
    Result<SpoolAnswer> result;
  };

  static std::optional<std::string> ReadFailure(const std::string& run);
  Attempt* Find(const AttemptId& id);
  void Enqueue(Attempt& attempt);
  void Pump();
  void Look(Attempt& attempt);
  void LookAgain(const AttemptId& id);
  // What came of an attempt's turn. kRead: nothing was sent yet, but enough was read for now.
  enum class Turn : std::uint8_t { kNothing, kRead, kSent };
  Turn SendNext(Attempt& attempt);
  Turn SendAny(Attempt& attempt, std::map<std::string, File>::iterator from);
  Turn SendFrom(Attempt& attempt, const std::string& name, File& file);
  void Send(Attempt& attempt, const std::string& name, SpoolRequest request, bool in_long_line);
  void TakeAnswer(const Answer& answer);
  void TakeSuccess(Attempt& attempt, File& file, const Answer& answer);
  void TakeError(Attempt& attempt, File& file, const Answer& answer);
  void NoteFailure(Attempt& attempt, const std::string& failure);
  void GiveUp(const Attempt& attempt, const std::string& name, File& file, const Error& error);
  void DeleteDone(Attempt& attempt);
  void FinishIfShipped(Attempt& attempt);
  void PauseAll();
  void ArmPoll();
  void Delay(Attempt& attempt);

  boost::asio::io_context& loop_;
  TrackingSink& sink_;
  const SpoolShipperConfig config_;
  std::map<AttemptId, Attempt> attempts_;
  std::deque<AttemptId> ready_;     // each attempt at most once
  std::vector<AttemptId> delayed_;  // for the pace
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
