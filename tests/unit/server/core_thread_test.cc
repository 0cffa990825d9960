#include "server/loop/core_thread.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <mutex>
#include <vector>

#include "base/random.h"

namespace muster::server {
namespace {

// Holds batches back until the test says that they are on disk.
class HeldStore final : public storage::Store {
 public:
  explicit HeldStore(storage::PostToCore post) : post_(std::move(post)) {}

  void Append(storage::Batch batch, std::function<void()> on_durable,
              std::function<void()> at_once) override {
    const std::lock_guard lock(mutex_);
    ++appended_;
    (void)batch;
    if (open_) return post_(std::move(on_durable));
    held_.push_back(std::move(on_durable));
    at_once_ = std::move(at_once);
    changed_.notify_all();
  }
  void Hold() {
    const std::lock_guard lock(mutex_);
    open_ = false;
  }
  void WaitForHeld(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return held_.size() >= count; });
  }
  // The oldest one reaches the disk.
  void Durable() {
    const std::lock_guard lock(mutex_);
    post_(std::move(held_.front()));
    held_.erase(held_.begin());
  }
  // The newest one is on disk; the core has not heard of it.
  void DurableAtOnce() { std::exchange(at_once_, nullptr)(); }
  std::size_t appended() const {
    const std::lock_guard lock(mutex_);
    return appended_;
  }

 private:
  storage::PostToCore post_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::function<void()>> held_;
  std::function<void()> at_once_;
  std::size_t appended_ = 0;
  bool open_ = true;
};

struct Nowhere final : Outside {
  void OnDurable(const std::vector<JobId>& changed_jobs, std::uint64_t last_sequence) override {
    changed.insert(changed.end(), changed_jobs.begin(), changed_jobs.end());
    last = last_sequence;
  }
  void Perform(const scheduler::Effect&, const Core&) override {}
  std::vector<JobId> changed;  // core thread
  std::uint64_t last = 0;
};

class CoreThreadTest : public ::testing::Test {
 protected:
  explicit CoreThreadTest(CoreLoopLimits limits = {})
      : loop_(limits), store_(loop_.Poster()), core_(CoreConfig{}, scheduler::State{}, random_) {
    loop_.Start(core_, store_, outside_);
    Settle();
    Settle();
    store_.Hold();
  }
  ~CoreThreadTest() override { loop_.Stop(); }

  // Everything posted before has been handled.
  void Settle() {
    std::promise<void> reached;
    loop_.Query([&](const Core&, Now) { reached.set_value(); });
    reached.get_future().wait();
  }
  scheduler::Command CreateWorkspace(const std::string& name) {
    scheduler::Principal admin;
    admin.role = scheduler::Role::kAdmin;
    admin.workspace = WorkspaceName("default");
    return {admin, scheduler::CreateWorkspace{{name, Sha256(name)}, WorkspaceName(name)}};
  }
  scheduler::Command Submit(const std::string& key) {
    scheduler::Principal user;
    user.role = scheduler::Role::kAdmin;
    user.workspace = WorkspaceName("default");
    scheduler::SubmitJob submit;
    submit.workspace = user.workspace;
    submit.experiment = "digits";
    submit.requirements.pool = PoolName("default");
    submit.idempotency = {key, Sha256(key)};
    submit.resolved_spec = std::make_shared<const std::string>("spec");
    return {user, std::move(submit)};
  }
  // A request that changes nothing: an unknown job.
  scheduler::Command CancelNothing() {
    scheduler::Principal admin;
    admin.role = scheduler::Role::kAdmin;
    return {admin, scheduler::CancelJob{WorkspaceName("default"), {"k", {}}, JobId("none")}};
  }
  void Post(scheduler::Command command, const std::string& name) {
    loop_.Post(std::move(command), [this, name](const Result<ReplyValue>& result) {
      const std::lock_guard lock(mutex_);
      answers_.push_back(name +
                         (result ? " ok" : " " + std::string(CodeName(result.error().code))));
      changed_.notify_all();
    });
  }
  std::vector<std::string> Answers() {
    const std::lock_guard lock(mutex_);
    return answers_;
  }
  std::vector<std::string> WaitForAnswers(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return answers_.size() >= count; });
    return answers_;
  }

  SeededRandom random_{1};
  CoreThread loop_;
  HeldStore store_;
  Nowhere outside_;
  Core core_;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> answers_;
};

TEST_F(CoreThreadTest, AnAnswerWaitsForItsBatch) {
  Post(CreateWorkspace("one"), "one");
  store_.WaitForHeld(1);
  Settle();
  EXPECT_TRUE(Answers().empty());
  store_.Durable();
  EXPECT_EQ(WaitForAnswers(1), std::vector<std::string>{"one ok"});
}

TEST_F(CoreThreadTest, ASubmitIsAnsweredByTheStoreOnceAndWithoutATurnOfTheCore) {
  Post(Submit("key"), "submit");
  store_.WaitForHeld(1);
  Settle();
  EXPECT_TRUE(Answers().empty());
  std::promise<void> core_goes_on;
  loop_.Query([&](const Core&, Now) { core_goes_on.get_future().wait(); });
  store_.DurableAtOnce();
  EXPECT_EQ(Answers(), std::vector<std::string>{"submit ok"});
  core_goes_on.set_value();
  store_.Durable();
  Settle();
  EXPECT_EQ(Answers().size(), 1U);
}

TEST_F(CoreThreadTest, AnAnswerWithoutABatchWaitsBehindEarlierOnesAndCostsNoWrite) {
  const std::size_t before = store_.appended();
  Post(CreateWorkspace("one"), "one");
  Post(CancelNothing(), "cancel");
  Post(CreateWorkspace("two"), "two");
  store_.WaitForHeld(2);
  Settle();
  EXPECT_TRUE(Answers().empty());
  EXPECT_EQ(store_.appended(), before + 2);
  store_.Durable();
  EXPECT_EQ(WaitForAnswers(2), (std::vector<std::string>{"one ok", "cancel NOT_FOUND"}));
  Settle();
  EXPECT_EQ(Answers().size(), 2U);
  store_.Durable();
  EXPECT_EQ(WaitForAnswers(3).back(), "two ok");
}

TEST_F(CoreThreadTest, AQueryCanBeAskedForLater) {
  std::promise<SteadyPoint> reached;
  const SteadyPoint asked = ReadClock().steady;
  loop_.QueryAfter(std::chrono::hours(1), [](const Core&, Now) { FAIL(); });
  loop_.QueryAfter(std::chrono::milliseconds(20),
                   [&](const Core&, Now now) { reached.set_value(now.steady); });
  EXPECT_GE(reached.get_future().get() - asked, std::chrono::milliseconds(20));
}

TEST_F(CoreThreadTest, WithNothingOnItsWayAnAnswerComesAtOnce) {
  Post(CancelNothing(), "cancel");
  EXPECT_EQ(WaitForAnswers(1), std::vector<std::string>{"cancel NOT_FOUND"});
}

TEST_F(CoreThreadTest, WhoIsStillWaitingAtTheEndIsToldSo) {
  Post(CreateWorkspace("one"), "one");
  store_.WaitForHeld(1);
  loop_.Stop();
  EXPECT_EQ(Answers(), std::vector<std::string>{"one UNAVAILABLE"});
  Post(CreateWorkspace("two"), "two");
  EXPECT_EQ(Answers().back(), "two UNAVAILABLE");
}

class SmallLoopTest : public CoreThreadTest {
 protected:
  SmallLoopTest() : CoreThreadTest(CoreLoopLimits{.max_commands = 2}) {}
};

TEST_F(SmallLoopTest, ClientsAreRefusedAtTheLimitWhileNodesStillGetIn) {
  Post(CreateWorkspace("one"), "one");
  Post(CreateWorkspace("two"), "two");
  Post(CreateWorkspace("three"), "three");
  EXPECT_EQ(Answers(), std::vector<std::string>{"three RESOURCE_EXHAUSTED"});
  scheduler::Principal node;
  node.role = scheduler::Role::kNode;
  Post({node, scheduler::ReceiveHeartbeat{NodeId("n"), 1, 1}}, "heartbeat");
  EXPECT_EQ(Answers().size(), 1U);
  store_.WaitForHeld(2);
  store_.Durable();
  store_.Durable();
  EXPECT_EQ(WaitForAnswers(4).size(), 4U);
  EXPECT_EQ(loop_.outstanding(), 0U);
}

TEST_F(SmallLoopTest, TheEndOfASessionIsNeverRefused) {
  Post(CreateWorkspace("one"), "one");
  Post(CreateWorkspace("two"), "two");
  scheduler::Principal node;
  node.role = scheduler::Role::kNode;
  for (const char* name : {"three", "four", "five"}) {
    Post({node, scheduler::ReceiveHeartbeat{NodeId("n"), 1, 1}}, name);
  }
  EXPECT_EQ(Answers(), std::vector<std::string>{"five RESOURCE_EXHAUSTED"});
  Post({node, scheduler::CloseSession{NodeId("n"), 1}}, "close");
  EXPECT_EQ(Answers().size(), 1U);
  store_.WaitForHeld(2);
  store_.Durable();
  store_.Durable();
  EXPECT_EQ(WaitForAnswers(6).size(), 6U);
  EXPECT_EQ(loop_.outstanding(), 0U);
}

}  // namespace
}  // namespace muster::server
