#include "server/rpc/pool_service.h"

#include <optional>
#include <utility>

#include "scheduler/model/queries.h"
#include "server/auth/principal.h"
#include "server/rpc/change_request.h"
#include "server/rpc/names.h"
#include "server/rpc/node_view.h"
#include "server/rpc/unary.h"

namespace muster::server {
namespace {

using scheduler::SharingMode;

constexpr std::int64_t kMaxSlotsPerNode = 1'024;
constexpr std::int64_t kMaxPoolNodes = 10'000;

// Nothing: the request leaves it open. A number that is no mode is a fault.
std::optional<SharingMode> DecodeSharing(std::string_view field, int sharing,
                                         std::vector<Fault>& faults) {
  if (sharing == v1::SHARING_MODE_EXCLUSIVE) return SharingMode::kExclusive;
  if (sharing == v1::SHARING_MODE_SLOTS) return SharingMode::kSlots;
  if (sharing != v1::SHARING_MODE_UNSPECIFIED)
    faults.push_back({std::string(field), std::to_string(sharing),
                      "must be SHARING_MODE_EXCLUSIVE or SHARING_MODE_SLOTS"});
  return std::nullopt;
}

v1::SharingMode EncodeSharing(SharingMode sharing) {
  switch (sharing) {
    case SharingMode::kExclusive:
      return v1::SHARING_MODE_EXCLUSIVE;
    case SharingMode::kSlots:
      return v1::SHARING_MODE_SLOTS;
  }
  return v1::SHARING_MODE_UNSPECIFIED;
}

void CheckNodeCounts(std::string_view prefix, std::int64_t min_nodes, std::int64_t max_nodes,
                     std::vector<Fault>& faults) {
  const std::string start(prefix);
  CheckRange(start + "min_nodes", min_nodes, 0, kMaxPoolNodes, faults);
  CheckRange(start + "max_nodes", max_nodes, 1, kMaxPoolNodes, faults);
  if (min_nodes > max_nodes)
    faults.push_back({start + "min_nodes", std::to_string(min_nodes),
                      "must not be above max_nodes (" + std::to_string(max_nodes) + ")"});
}

std::optional<std::uint32_t> Given(bool given, std::uint32_t value) {
  return given ? std::optional<std::uint32_t>(value) : std::nullopt;
}

void EncodePool(const Core& core, const scheduler::Pool& pool, v1::Pool& out) {
  out.set_workspace(pool.key.workspace.str());
  out.set_name(pool.key.name.str());
  out.set_slots_per_node(pool.slots_per_node);
  out.set_min_nodes(pool.min_nodes);
  out.set_max_nodes(pool.max_nodes);
  out.set_sharing(EncodeSharing(pool.sharing));
  out.set_waiting_jobs(pool.waiting.size());
  std::uint32_t idle = 0;
  std::uint32_t unusable = 0;
  for (const NodeId& id : pool.nodes) {
    const scheduler::Node* node = scheduler::Find(core.state().nodes, id);
    if (node == nullptr) continue;
    const v1::NodeState state = ConditionOf(core.state(), *node, core.Soft(id)).state;
    if (state == v1::NODE_STATE_IDLE) ++idle;
    if (state == v1::NODE_STATE_UNUSABLE) ++unusable;
  }
  out.set_idle_nodes(idle);
  out.set_unusable_nodes(unusable);
  out.set_busy_nodes(static_cast<std::uint32_t>(pool.nodes.size()) - idle - unusable);
}

}  // namespace

grpc::ServerUnaryReactor* PoolService::CreatePool(grpc::CallbackServerContext* context,
                                                  const v1::CreatePoolRequest* request,
                                                  v1::CreatePoolReply* /*reply*/) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const v1::Pool& pool = request->pool();
  std::vector<Fault> faults;
  CheckPoolName("pool.name", pool.name(), faults);
  CheckRange("pool.slots_per_node", pool.slots_per_node(), 1, kMaxSlotsPerNode, faults);
  CheckNodeCounts("pool.", pool.min_nodes(), pool.max_nodes(), faults);
  const auto sharing = DecodeSharing("pool.sharing", pool.sharing(), faults);
  auto change = DecodeChange(*context, "/muster.v1.PoolService/CreatePool", *request,
                             pool.workspace(), std::move(faults));
  if (!change) return FinishWith(reactor, change.error());
  return PostAndFinish(
      loop_, reactor,
      {change->principal,
       scheduler::CreatePool{
           change->idempotency,
           {change->workspace, PoolName(pool.name()), pool.slots_per_node(), pool.min_nodes(),
            pool.max_nodes(), sharing.value_or(SharingMode::kExclusive)}}});
}

grpc::ServerUnaryReactor* PoolService::UpdatePool(grpc::CallbackServerContext* context,
                                                  const v1::UpdatePoolRequest* request,
                                                  v1::UpdatePoolReply* /*reply*/) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  std::vector<Fault> faults;
  CheckPoolName("name", request->name(), faults);
  if (request->has_slots_per_node())
    CheckRange("slots_per_node", request->slots_per_node(), 1, kMaxSlotsPerNode, faults);
  // One of the two alone is checked against the other by the core, which knows it.
  CheckNodeCounts("", request->has_min_nodes() ? request->min_nodes() : 0,
                  request->has_max_nodes() ? request->max_nodes() : kMaxPoolNodes, faults);
  const auto sharing = DecodeSharing("sharing", request->sharing(), faults);
  auto change = DecodeChange(*context, "/muster.v1.PoolService/UpdatePool", *request,
                             request->workspace(), std::move(faults));
  if (!change) return FinishWith(reactor, change.error());
  return PostAndFinish(
      loop_, reactor,
      {change->principal,
       scheduler::UpdatePool{change->workspace, change->idempotency, PoolName(request->name()),
                             Given(request->has_slots_per_node(), request->slots_per_node()),
                             Given(request->has_min_nodes(), request->min_nodes()),
                             Given(request->has_max_nodes(), request->max_nodes()), sharing}});
}

grpc::ServerUnaryReactor* PoolService::DeletePool(grpc::CallbackServerContext* context,
                                                  const v1::DeletePoolRequest* request,
                                                  v1::DeletePoolReply* /*reply*/) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  std::vector<Fault> faults;
  CheckPoolName("name", request->name(), faults);
  auto change = DecodeChange(*context, "/muster.v1.PoolService/DeletePool", *request,
                             request->workspace(), std::move(faults));
  if (!change) return FinishWith(reactor, change.error());
  return PostAndFinish(
      loop_, reactor,
      {change->principal,
       scheduler::DeletePool{change->workspace, change->idempotency, PoolName(request->name())}});
}

grpc::ServerUnaryReactor* PoolService::ListPools(grpc::CallbackServerContext* context,
                                                 const v1::ListPoolsRequest* request,
                                                 v1::ListPoolsReply* reply) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const auto workspace = WorkspaceFor(PrincipalOf(*context), request->workspace());
  if (!workspace) return FinishWith(reactor, workspace.error());
  return QueryAndFinish(loop_, reactor, *workspace,
                        [reply, workspace = *workspace](const Core& core, Now) -> Status {
                          const auto& pools = core.state().pools;
                          for (auto it = pools.lower_bound({workspace, PoolName()});
                               it != pools.end() && it->first.workspace == workspace; ++it)
                            EncodePool(core, it->second, *reply->add_pools());
                          return {};
                        });
}

}  // namespace muster::server
