#include "tests/sim/clients.h"

#include <utility>

#include "scheduler/lifecycle/transitions.h"
#include "tests/sim/violation.h"

namespace muster::sim {

using scheduler::JobStatus;
using scheduler::Role;

scheduler::Idempotency Clients::NextKey(const std::string& what) {
  const std::string key = "operator-" + std::to_string(++operator_calls_);
  return scheduler::Idempotency{key, Sha256(what)};
}

void Clients::Start() {
  world_.At(seconds(1), [this] { CreatePools(); });
  for (const JobPlan& job : workload_.jobs) {
    world_.At(job.submit_at, [this, &job] { Submit(job); });
  }
}

void Clients::CreatePools() {
  for (const PoolPlan& pool : workload_.pools) {
    scheduler::CreatePool create;
    create.idempotency = NextKey(pool.definition.name.str());
    create.definition = pool.definition;
    caller_.Call(FromUser(Role::kAdmin, std::move(create)),
                 [](const Result<server::ReplyValue>& value) {
                   Promise(value.has_value(),
                           [&] { return "a pool was refused: " + value.error().message; });
                 });
  }
}

void Clients::Submit(const JobPlan& job) {
  scheduler::SubmitJob submit;
  submit.workspace = kWorkspace;
  submit.idempotency = scheduler::Idempotency{job.key, Sha256(job.key)};
  submit.experiment = "sim";
  submit.requirements = job.requirements;
  submit.given_spec = job.key;
  submit.resolved_spec = std::make_shared<const std::string>(job.key);
  caller_.Call(
      FromUser(Role::kUser, std::move(submit)),
      [this, &job](const Result<server::ReplyValue>& value) { SubmitAnswered(job, value); });
}

void Clients::SubmitAnswered(const JobPlan& job, const Result<server::ReplyValue>& value) {
  if (!value) {
    Promise(job.infeasible,
            [&] { return "a submit was refused (" + job.key + "): " + value.error().message; });
    refused_.insert(job.key);
    return;
  }
  const JobId id(value->entity);
  Promise(audit_.HasJob(id),
          [&] { return "job " + id.str() + " was acknowledged and is not durable"; });
  Promise(audit_.JobOf(job.key) == id,
          [&] { return "a submit was answered with another's job: " + id.str(); });
  const auto [known, is_first] = acknowledged_.emplace(job.key, id);
  Promise(known->second == id,
          [&] { return "a submit was answered with two jobs, the second is " + id.str(); });
  if (!is_first || !job.cancel_after) return;
  world_.After(*job.cancel_after, [this, &job, id] { Cancel(job, id); });
}

void Clients::Cancel(const JobPlan& job, const JobId& id) {
  scheduler::CancelJob cancel;
  cancel.workspace = kWorkspace;
  cancel.idempotency = scheduler::Idempotency{"cancel-" + job.key, Sha256("cancel " + id.str())};
  cancel.job = id;
  world_.Trace([&] { return "client   cancels " + id.str(); });
  caller_.Call(FromUser(Role::kUser, std::move(cancel)),
               [this, id](const Result<server::ReplyValue>& value) { CancelAnswered(id, value); });
}

void Clients::CancelAnswered(const JobId& id, const Result<server::ReplyValue>& value) {
  const JobStatus status = audit_.StatusOf(id);
  const bool settled = status == JobStatus::kCancelRequested || IsTerminal(status);
  Promise(settled, [&] {
    return "the cancel of job " + id.str() + " was answered, and the job is " +
           std::string(scheduler::StatusName(status));
  });
  if (value) cancelled_.insert(id);
}

void Clients::Cordon(const NodeId& node, bool cordoned) {
  scheduler::CordonNode cordon;
  cordon.workspace = kWorkspace;
  cordon.idempotency = NextKey(node.str());
  cordon.node = node;
  cordon.cordoned = cordoned;
  cordon.draining = cordoned && world_.Chance(300);
  caller_.Call(FromUser(Role::kAdmin, std::move(cordon)), [](const auto&) {});
}

void Clients::DeclareLost(const NodeId& node, std::function<void()> on_answer) {
  scheduler::DeclareNodeLost declare;
  declare.workspace = kWorkspace;
  declare.idempotency = NextKey(node.str());
  declare.node = node;
  caller_.Call(FromUser(Role::kAdmin, std::move(declare)),
               [answered = std::move(on_answer)](const auto&) { answered(); });
}

void Clients::PromiseAllAnswered() const {
  for (const JobPlan& job : workload_.jobs) {
    Promise(job.infeasible ? refused_.contains(job.key) : acknowledged_.contains(job.key),
            [&] { return "the submit " + job.key + " was never answered"; });
  }
  for (const JobId& id : cancelled_) {
    Promise(IsTerminal(audit_.StatusOf(id)),
            [&] { return "job " + id.str() + " was cancelled and has not ended"; });
  }
}

}  // namespace muster::sim
