// One step of deciding. Decisions chain (a rank ends, so its attempt stops, ends, and its job
// fails), so each event is applied as it is emitted: what is decided next sees the state after it.
// Memory runs ahead of disk; nothing leaves the server before the events are durable.
#pragma once

#include <vector>

#include "base/time.h"
#include "scheduler/model/apply.h"
#include "scheduler/model/event.h"
#include "scheduler/model/state.h"

namespace muster::scheduler {

class Decision {
 public:
  // `state` must outlive it; nothing else changes it meanwhile. `actor` is noted in every event.
  Decision(State& state, Now now, UserName actor)
      : state_(state), now_(now), actor_(std::move(actor)) {}
  Decision(const Decision&) = delete;
  Decision& operator=(const Decision&) = delete;

  // Numbers the event and applies it. References into the state stay valid, but for those to an
  // entity that the event removes.
  void Emit(EventBody body);

  const State& state() const { return state_; }
  Now now() const { return now_; }
  const UserName& actor() const { return actor_; }
  const std::vector<Event>& events() const { return events_; }
  const Touched& touched() const { return touched_; }
  std::vector<Event> TakeEvents() { return std::move(events_); }

 private:
  State& state_;
  Now now_;
  UserName actor_;
  std::vector<Event> events_;
  Touched touched_;
};

}  // namespace muster::scheduler
