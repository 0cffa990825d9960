#include "scheduler/lifecycle/decision.h"

#include <utility>

namespace muster::scheduler {

void Decision::Emit(EventBody body) {
  events_.push_back(Event{state_.last_sequence + 1, now_.wall, actor_, std::move(body)});
  Apply(state_, events_.back(), touched_);
}

}  // namespace muster::scheduler
