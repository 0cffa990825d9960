#include "server/loop/core_thread.h"

#include <utility>
// Asio 1.74 uses std::exchange without including <utility>.
#include <algorithm>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <variant>

#include "base/check.h"
#include "server/loop/post_queue.h"
#include "server/loop/release_queue.h"

namespace muster::server {
namespace {

namespace asio = boost::asio;

using OnReply = std::function<void(Result<ReplyValue>)>;

struct QueuedCommand {
  scheduler::Command command;
  OnReply on_reply;
  std::size_t bytes = 0;
};
using QueuedQuery = std::function<void(const Core&, Now)>;
using Item = std::variant<QueuedCommand, QueuedQuery>;

// What one step says to the outside, held back until it is durable.
struct Held {
  std::vector<JobId> changed_jobs;
  std::uint64_t last_sequence = 0;  // 0: no batch
  std::vector<scheduler::Effect> effects;
  OnReply on_reply;  // empty: nobody waits
  Result<ReplyValue> reply = ReplyValue{};
  std::size_t bytes = 0;
};

// Tells who waits once, whoever is first: the store's thread or the core's.
class OnceReply {
 public:
  explicit OnceReply(OnReply on_reply) : on_reply_(std::move(on_reply)) {}
  void operator()(Result<ReplyValue> reply) {
    if (!given_.exchange(true)) on_reply_(std::move(reply));
  }

 private:
  OnReply on_reply_;
  std::atomic<bool> given_ = false;
};

std::size_t BytesOf(const scheduler::Command& command) {
  const auto* submit = std::get_if<scheduler::SubmitJob>(&command.body);
  if (submit == nullptr) return 0;
  return submit->given_spec.size() + (submit->resolved_spec ? submit->resolved_spec->size() : 0);
}

bool IsFromNode(const scheduler::Command& command) {
  return command.principal.role == scheduler::Role::kNode;
}

std::vector<JobId> ChangedJobs(const std::vector<scheduler::Event>& events) {
  std::vector<JobId> jobs;
  for (const scheduler::Event& event : events) {
    if (const auto* submitted = std::get_if<scheduler::JobSubmitted>(&event.body)) {
      jobs.push_back(submitted->id);
    } else if (const auto* changed = std::get_if<scheduler::JobStatusChanged>(&event.body)) {
      jobs.push_back(changed->job);
    }
  }
  return jobs;
}

Error ShuttingDown() {
  return Error{ErrorCode::kUnavailable, ErrorReason::kShuttingDown,
               "the server is shutting down; repeat the request with the same request id"};
}

}  // namespace

struct CoreThread::Impl {
  explicit Impl(const CoreLoopLimits& loop_limits) : limits(loop_limits), timer(io) {}

  bool Admit(const scheduler::Command& command, std::size_t bytes) {
    const std::size_t factor = IsFromNode(command) ? 2 : 1;
    const std::size_t count = outstanding.fetch_add(1) + 1;
    const std::size_t sum = outstanding_bytes.fetch_add(bytes) + bytes;
    // The end of a session is said once: a node that has left must not count as connected.
    if (std::holds_alternative<scheduler::CloseSession>(command.body)) return true;
    if (count <= limits.max_commands * factor && (bytes == 0 || sum <= limits.max_bytes)) {
      return true;
    }
    Settle(bytes);
    return false;
  }
  void Settle(std::size_t bytes) {
    outstanding.fetch_sub(1);
    outstanding_bytes.fetch_sub(bytes);
  }

  void Enqueue(Item item) {
    queue.Push(std::move(item));
    Schedule();
  }
  void Schedule() {
    if (!scheduled.exchange(true)) asio::post(io, [this] { Turn(); });
  }

  void Turn() {
    scheduled.store(false);
    queue.TakeAll(taken);
    for (std::size_t i = 0; i < limits.burst && !taken.empty(); ++i) {
      Item item = std::move(taken.front());
      taken.pop_front();
      std::visit([this](auto& work) { Do(work); }, item);
    }
    RunTimers();
    if (!taken.empty()) Schedule();
  }

  void Do(QueuedCommand& work) {
    StepOutput output = core->Handle(next_request, work.command, ReadClock());
    Held held;
    held.on_reply = std::move(work.on_reply);
    held.bytes = work.bytes;
    for (Reply& reply : output.replies) {
      if (reply.request == next_request) held.reply = std::move(reply.value);
    }
    ++next_request;
    std::function<void()> at_once;
    if (std::holds_alternative<scheduler::SubmitJob>(work.command.body))
      at_once = ReplyAtOnce(held);
    Hold(std::move(output), std::move(held), std::move(at_once));
  }
  // Who submits one job at a time waits for nothing but this answer.
  std::function<void()> ReplyAtOnce(Held& held) {
    const auto once = std::make_shared<OnceReply>(std::move(held.on_reply));
    held.on_reply = [once](Result<ReplyValue> reply) { (*once)(std::move(reply)); };
    return [once, reply = held.reply] { (*once)(reply); };
  }
  void Do(QueuedQuery& query) { query(*core, ReadClock()); }

  // Sends the batch to the disk and holds the rest back until it is there.
  void Hold(StepOutput output, Held held, std::function<void()> at_once = {}) {
    held.effects = std::move(output.effects);
    const bool has_batch = !output.batch.events.empty();
    if (!has_batch && held.effects.empty() && !held.on_reply) return;
    if (has_batch) {
      held.changed_jobs = ChangedJobs(output.batch.events);
      held.last_sequence = output.batch.events.back().sequence;
    }
    const std::uint64_t batch = releases.Push(has_batch, std::move(held));
    if (has_batch) {
      store->Append(
          std::move(output.batch),
          [this, batch] {
            releases.MarkDurable(batch);
            ReleaseReady();
          },
          std::move(at_once));
    }
    ReleaseReady();
  }

  void ReleaseReady() {
    while (releases.Ready()) Release(releases.Pop());
  }
  void Release(Held held) {
    if (held.last_sequence != 0) outside->OnDurable(held.changed_jobs, held.last_sequence);
    for (const scheduler::Effect& effect : held.effects) outside->Perform(effect, *core);
    if (!held.on_reply) return;
    Settle(held.bytes);
    held.on_reply(std::move(held.reply));
  }

  void RunTimers() {
    const Now now = ReadClock();
    std::optional<SteadyPoint> next = core->NextTimer();
    if (next && *next <= now.steady) {
      Hold(core->OnTimer(now), Held{});
      next = core->NextTimer();
    }
    if (next == armed) return;
    armed = next;
    timer.cancel();
    if (!next) return;
    timer.expires_after(std::max(*next - now.steady, Duration::zero()));
    timer.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      armed.reset();
      RunTimers();
    });
  }

  // Nobody pushes any more: everything that waits for an answer gets one.
  void RefuseWhatIsLeft() {
    std::vector<OnReply> waiting;
    while (releases.size() != 0) {
      Held held = releases.Abandon();
      if (held.on_reply) waiting.push_back(std::move(held.on_reply));
    }
    queue.TakeAll(taken);
    for (Item& item : taken) {
      auto* command = std::get_if<QueuedCommand>(&item);
      if (command != nullptr && command->on_reply) waiting.push_back(std::move(command->on_reply));
    }
    taken.clear();
    for (OnReply& on_reply : waiting) on_reply(Fail(ShuttingDown()));
  }

  const CoreLoopLimits limits;
  asio::io_context io{1};
  asio::steady_timer timer;
  PostQueue<Item> queue;
  std::atomic<bool> scheduled = false;
  std::atomic<bool> stopped = false;
  std::atomic<std::size_t> outstanding = 0;
  std::atomic<std::size_t> outstanding_bytes = 0;
  std::thread thread;

  // Core thread only.
  Core* core = nullptr;
  storage::Store* store = nullptr;
  Outside* outside = nullptr;
  std::deque<Item> taken;
  ReleaseQueue<Held> releases;
  RequestNumber next_request = 1;
  std::optional<SteadyPoint> armed;
};

CoreThread::CoreThread(const CoreLoopLimits& limits) : impl_(std::make_unique<Impl>(limits)) {}

CoreThread::~CoreThread() { Stop(); }

storage::PostToCore CoreThread::Poster() {
  return
      [impl = impl_.get()](std::function<void()> work) { asio::post(impl->io, std::move(work)); };
}

void CoreThread::Start(Core& core, storage::Store& store, Outside& outside) {
  MUSTER_CHECK(!impl_->thread.joinable(), "the core loop is started once");
  impl_->core = &core;
  impl_->store = &store;
  impl_->outside = &outside;
  impl_->scheduled.store(true);  // the first turn comes after Core::Start
  asio::post(impl_->io, [impl = impl_.get()] {
    impl->Hold(impl->core->Start(ReadClock()), Held{});
    impl->Turn();
  });
  impl_->thread = std::thread([impl = impl_.get()] {
    const auto guard = asio::make_work_guard(impl->io);
    impl->io.run();
  });
}

void CoreThread::Stop() {
  if (impl_->stopped.exchange(true)) return;
  if (impl_->thread.joinable()) {
    impl_->io.stop();
    impl_->thread.join();
  }
  impl_->RefuseWhatIsLeft();
}

void CoreThread::Post(scheduler::Command command,
                      std::function<void(Result<ReplyValue>)> on_reply) {
  if (impl_->stopped.load()) return on_reply(Fail(ShuttingDown()));
  const std::size_t bytes = BytesOf(command);
  if (!impl_->Admit(command, bytes)) {
    return on_reply(Fail(ErrorCode::kResourceExhausted, ErrorReason::kTooMany,
                         "the server has " + std::to_string(impl_->limits.max_commands) +
                             " requests waiting; repeat the request with the same request id"));
  }
  impl_->Enqueue(QueuedCommand{std::move(command), std::move(on_reply), bytes});
}

void CoreThread::Query(std::function<void(const Core&, Now)> query) {
  impl_->Enqueue(std::move(query));
}

void CoreThread::QueryAfter(Duration delay, std::function<void(const Core&, Now)> query) {
  asio::post(impl_->io, [impl = impl_.get(), delay, query = std::move(query)] {
    const auto after = std::make_shared<asio::steady_timer>(impl->io, delay);
    after->async_wait([impl, after, query](const boost::system::error_code& error) {
      if (!error) query(*impl->core, ReadClock());
    });
  });
}

std::size_t CoreThread::outstanding() const { return impl_->outstanding.load(); }

}  // namespace muster::server
