#include "server/rpc/node_service.h"

#include <utility>

#include "scheduler/model/queries.h"
#include "server/auth/principal.h"
#include "server/rpc/change_request.h"
#include "server/rpc/names.h"
#include "server/rpc/node_view.h"
#include "server/rpc/unary.h"

namespace muster::server {
namespace {

// Decodes what every change of one node has; Request has workspace, node_id and request_id.
template <class Request>
Result<ChangeRequest> DecodeNodeChange(const grpc::CallbackServerContext& context,
                                       std::string_view method, const Request& request) {
  std::vector<Fault> faults;
  CheckNodeId("node_id", request.node_id(), faults);
  return DecodeChange(context, method, request, request.workspace(), std::move(faults));
}

}  // namespace

grpc::ServerUnaryReactor* NodeService::ListNodes(grpc::CallbackServerContext* context,
                                                 const v1::ListNodesRequest* request,
                                                 v1::ListNodesReply* reply) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const auto workspace = WorkspaceFor(PrincipalOf(*context), request->workspace());
  if (!workspace) return FinishWith(reactor, workspace.error());
  const PoolName pool(request->pool());
  return QueryAndFinish(
      loop_, reactor, *workspace, [=, workspace = *workspace](const Core& core, Now) -> Status {
        const scheduler::State& state = core.state();
        if (!pool.empty() && !state.pools.contains({workspace, pool}))
          return Fail(
              ErrorCode::kNotFound, ErrorReason::kUnknownPool,
              "there is no pool \"" + pool.str() + "\" in workspace \"" + workspace.str() + "\"");
        for (const auto& [id, node] : state.nodes)
          if (node.pool.workspace == workspace && (pool.empty() || node.pool.name == pool))
            EncodeNode(state, node, core.Soft(id), *reply->add_nodes());
        return {};
      });
}

grpc::ServerUnaryReactor* NodeService::GetNode(grpc::CallbackServerContext* context,
                                               const v1::GetNodeRequest* request,
                                               v1::GetNodeReply* reply) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const auto workspace = WorkspaceFor(PrincipalOf(*context), request->workspace());
  if (!workspace) return FinishWith(reactor, workspace.error());
  const NodeId id(request->node_id());
  return QueryAndFinish(
      loop_, reactor, *workspace, [=, workspace = *workspace](const Core& core, Now) -> Status {
        const scheduler::Node* node = scheduler::Find(core.state().nodes, id);
        if (node == nullptr || node->pool.workspace != workspace)
          return Fail(
              ErrorCode::kNotFound, ErrorReason::kUnknownNode,
              "there is no node \"" + id.str() + "\" in workspace \"" + workspace.str() + "\"");
        EncodeNode(core.state(), *node, core.Soft(id), *reply->mutable_node());
        return {};
      });
}

grpc::ServerUnaryReactor* NodeService::CordonNode(grpc::CallbackServerContext* context,
                                                  const v1::CordonNodeRequest* request,
                                                  v1::CordonNodeReply* /*reply*/) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  auto change = DecodeNodeChange(*context, "/muster.v1.NodeService/CordonNode", *request);
  if (!change) return FinishWith(reactor, change.error());
  return PostAndFinish(
      loop_, reactor,
      {change->principal,
       scheduler::CordonNode{change->workspace, change->idempotency, NodeId(request->node_id()),
                             request->cordoned(), /*draining=*/false}});
}

grpc::ServerUnaryReactor* NodeService::DrainNode(grpc::CallbackServerContext* context,
                                                 const v1::DrainNodeRequest* request,
                                                 v1::DrainNodeReply* /*reply*/) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  auto change = DecodeNodeChange(*context, "/muster.v1.NodeService/DrainNode", *request);
  if (!change) return FinishWith(reactor, change.error());
  return PostAndFinish(
      loop_, reactor,
      {change->principal,
       scheduler::CordonNode{change->workspace, change->idempotency, NodeId(request->node_id()),
                             /*cordoned=*/true, /*draining=*/true}});
}

grpc::ServerUnaryReactor* NodeService::DeclareNodeLost(grpc::CallbackServerContext* context,
                                                       const v1::DeclareNodeLostRequest* request,
                                                       v1::DeclareNodeLostReply* /*reply*/) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  auto change = DecodeNodeChange(*context, "/muster.v1.NodeService/DeclareNodeLost", *request);
  if (!change) return FinishWith(reactor, change.error());
  return PostAndFinish(
      loop_, reactor,
      {change->principal, scheduler::DeclareNodeLost{change->workspace, change->idempotency,
                                                     NodeId(request->node_id())}});
}

grpc::ServerUnaryReactor* NodeService::RemoveNode(grpc::CallbackServerContext* context,
                                                  const v1::RemoveNodeRequest* request,
                                                  v1::RemoveNodeReply* /*reply*/) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  auto change = DecodeNodeChange(*context, "/muster.v1.NodeService/RemoveNode", *request);
  if (!change) return FinishWith(reactor, change.error());
  return PostAndFinish(
      loop_, reactor,
      {change->principal,
       scheduler::RemoveNode{change->workspace, change->idempotency, NodeId(request->node_id())}});
}

}  // namespace muster::server
