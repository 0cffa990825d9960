#include "server/rpc/path_check.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "base/log.h"

namespace muster::server {
namespace {

namespace v1 = muster::v1;

void Add(Hasher& hasher, std::string_view part) {
  constexpr std::string_view kEnd("\0", 1);
  hasher.Update(part);
  hasher.Update(kEnd);
}

// Of what decides which paths are asked of whom, but for the state.
Digest KeyOf(const WorkspaceName& workspace, const v1::JobSpec& spec) {
  Hasher hasher;
  const auto add = [&hasher](std::string_view part) { Add(hasher, part); };
  add(workspace.str());
  add(spec.pool());
  for (const v1::DataReference& reference : spec.data_references()) {
    add(reference.datastore());
    add(reference.path());
    add(std::to_string(static_cast<int>(reference.mode())));
  }
  return hasher.Finish();
}

PathQuestion QuestionOf(const scheduler::PoolKey& pool, const v1::JobSpec& spec,
                        const std::vector<WantedPath>& wanted) {
  PathQuestion question;
  question.held_bytes = spec.ByteSizeLong();
  for (const WantedPath& path : wanted) {
    question.held_bytes += path.root.size() + path.path.size();
    question.paths.push_back(path.path);
  }
  std::ranges::sort(question.paths);
  const auto repeated = std::ranges::unique(question.paths);
  question.paths.erase(repeated.begin(), repeated.end());
  Hasher hasher;
  Add(hasher, pool.workspace.str());
  Add(hasher, pool.name.str());
  for (const std::string& path : question.paths) Add(hasher, path);
  question.key = hasher.Finish();
  return question;
}

}  // namespace

void PathCheck::Check(const WorkspaceName& workspace, const v1::JobSpec& spec,
                      OnChecked on_checked) {
  if (spec.data_references().empty() || timeout_ == Duration::zero()) return on_checked({});
  const Digest key = KeyOf(workspace, spec);
  if (settled_.Contains(key, ReadClock().steady)) return on_checked({});
  const auto request =
      std::make_shared<Request>(Request{workspace, spec, key, std::move(on_checked), {}});
  loop_.Query([this, request](const Core& core, Now now) { Ask(request, core.state(), now); });
}

void PathCheck::Ask(const std::shared_ptr<Request>& request, const scheduler::State& state,
                    Now now) {
  const v1::JobSpec& spec = request->spec;
  request->wanted = PathsOf(state, request->workspace, spec);
  if (request->wanted.empty()) return Finish(request, nullptr);
  const scheduler::PoolKey pool{request->workspace,
                                PoolName(spec.pool().empty() ? "default" : spec.pool())};
  const auto settle = [this, key = request->key, epoch = settled_.epoch(), asked = now.steady] {
    settled_.Add(key, epoch, asked);
  };
  const auto on_verdict = [this, request, settle](std::shared_ptr<const PathVerdict> verdict) {
    if (verdict->AllFound()) settle();
    Finish(request, std::move(verdict));
  };
  switch (probe_.Ask(QuestionOf(pool, spec, request->wanted), state, pool, now.steady + timeout_,
                     on_verdict)) {
    case PathProbe::Asked::kYes:
      return ArmTimer(now.steady);
    case PathProbe::Asked::kNobody:
      settle();
      break;
    case PathProbe::Asked::kFull:
      break;
  }
  Finish(request, nullptr);
}

// What comes next is too much work for the core thread.
void PathCheck::Finish(const std::shared_ptr<Request>& request,
                       std::shared_ptr<const PathVerdict> verdict) {
  io_.Continue([request, verdict = std::move(verdict)](std::size_t) {
    request->on_checked(verdict == nullptr ? std::vector<Fault>()
                                           : PathFaults(request->spec, request->wanted, *verdict));
  });
}

void PathCheck::SessionOpened(std::uint64_t session, const NodeId& node,
                              std::shared_ptr<PathPeer> peer) {
  probe_.Add(session, node, std::move(peer));
  settled_.Clear();
}

void PathCheck::Answer(std::uint64_t session, const v1::PathsChecked& checked) {
  if (probe_.Answer(session, checked)) settled_.Clear();
}

void PathCheck::ArmTimer(SteadyPoint now) {
  const auto next = probe_.NextDeadline();
  if (armed_ || !next) return;
  armed_ = true;
  loop_.QueryAfter(std::max(*next - now, Duration::zero()), [this](const Core&, Now later) {
    armed_ = false;
    for (const NodeId& node : probe_.Expire(later.steady)) {
      Log(LogLevel::kWarning, "paths_not_checked",
          {{"node", node.str()}, {"waited", FormatDuration(timeout_)}});
    }
    ArmTimer(later.steady);
  });
}

}  // namespace muster::server
