#include "server/rpc/admin_service.h"

#include <utility>

#include "scheduler/model/queries.h"
#include "server/auth/principal.h"
#include "server/auth/role_names.h"
#include "server/rpc/change_request.h"
#include "server/rpc/names.h"
#include "server/rpc/page_token.h"
#include "server/rpc/unary.h"

namespace muster::server {
namespace {

using scheduler::Role;

constexpr char kDefaultWorkspace[] = "default";
constexpr std::chrono::seconds kDefaultTokenLifetime = std::chrono::hours(24 * 90);
constexpr std::chrono::seconds kDefaultJoinTokenLifetime = std::chrono::hours(24);
constexpr std::int64_t kMaxLifetimeSeconds =
    std::chrono::duration_cast<std::chrono::seconds>(kMaxTokenLifetime).count();

// 0 in a request means the default.
TimePoint ExpiryOf(std::int64_t expires_in_s, std::chrono::seconds otherwise) {
  return ReadClock().wall + (expires_in_s == 0 ? otherwise : std::chrono::seconds(expires_in_s));
}

Role DecodeClientRole(v1::Role role, std::vector<Fault>& faults) {
  const std::optional<Role> decoded = DecodeRole(role);
  if (decoded == Role::kAdmin || decoded == Role::kUser || decoded == Role::kViewer)
    return *decoded;
  faults.push_back({"role", decoded ? std::string(RoleName(*decoded)) : std::to_string(role),
                    "must be admin, user or viewer"});
  return Role::kViewer;
}

void EncodeToken(const scheduler::Token& token, v1::TokenInfo& out) {
  out.set_token_id(token.id.str());
  out.set_workspace(token.workspace.str());
  out.set_user(token.user.str());
  out.set_role(EncodeRole(token.role));
  out.set_created_us(ToMicros(token.created));
  out.set_expires_us(ToMicros(token.expires));
  out.set_revoked(token.revoked);
  out.set_pool(token.pool.str());
}

void ListTokensOf(const scheduler::State& state, const WorkspaceName& workspace,
                  const TokenId& after, std::size_t max_tokens, v1::ListTokensReply& reply) {
  std::size_t count = 0;
  for (auto it = state.tokens.upper_bound(after); it != state.tokens.end(); ++it) {
    if (it->second.workspace != workspace) continue;
    if (++count > max_tokens) {
      reply.set_next_page_token(EncodeNamePageToken(reply.tokens().rbegin()->token_id()));
      return;
    }
    EncodeToken(it->second, *reply.add_tokens());
  }
}

// Posts the command of a new token; the reply tells its text once it is durable.
template <class Reply>
grpc::ServerUnaryReactor* PostToken(CoreLoop& loop, grpc::ServerUnaryReactor* reactor,
                                    const scheduler::Principal& principal, MintedToken&& minted,
                                    Reply* reply) {
  reply->set_token_id(minted.command.definition.id.str());
  reply->set_token(std::move(minted.text));
  return PostAndFinish(loop, reactor, {principal, std::move(minted.command)});
}

// What the caller may see of the cluster's load.
void Count(const Core& core, const scheduler::Principal& caller, v1::GetServerStatusReply& reply) {
  const auto visible = [&caller](const WorkspaceName& workspace) {
    return WorkspaceFor(caller, workspace.str()).has_value();
  };
  const scheduler::State& state = core.state();
  std::uint64_t waiting = 0;
  for (const auto& [key, pool] : state.pools)
    if (visible(key.workspace)) waiting += pool.waiting.size();
  // By attempts, which are as many as nodes can hold, not by jobs, of which a million may wait.
  std::uint64_t active = 0;
  for (const auto& [id, attempt] : state.attempts) {
    const scheduler::Job* job = scheduler::Find(state.jobs, id.job);
    if (job != nullptr && !scheduler::IsTerminal(job->status) &&
        job->status != scheduler::JobStatus::kQueued && id.number == job->attempt_count &&
        visible(job->workspace))
      ++active;
  }
  std::uint64_t nodes = 0;
  std::uint64_t connected = 0;
  for (const auto& [id, node] : state.nodes) {
    if (!visible(node.pool.workspace)) continue;
    ++nodes;
    connected += core.Soft(id).connected ? 1U : 0U;
  }
  reply.set_jobs_waiting(waiting);
  reply.set_jobs_active(active);
  reply.set_nodes(nodes);
  reply.set_nodes_connected(connected);
}

}  // namespace

grpc::ServerUnaryReactor* AdminService::CreateWorkspace(grpc::CallbackServerContext* context,
                                                        const v1::CreateWorkspaceRequest* request,
                                                        v1::CreateWorkspaceReply* /*reply*/) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  std::vector<Fault> faults;
  CheckWorkspaceName("name", request->name(), faults);
  // Only an admin of "default" may: that is what acting in "default" means here.
  auto change = DecodeChange(*context, "/muster.v1.AdminService/CreateWorkspace", *request,
                             kDefaultWorkspace, std::move(faults));
  if (!change) return FinishWith(reactor, change.error());
  return PostAndFinish(
      loop_, reactor,
      {change->principal,
       scheduler::CreateWorkspace{change->idempotency, WorkspaceName(request->name())}});
}

grpc::ServerUnaryReactor* AdminService::ListWorkspaces(grpc::CallbackServerContext* context,
                                                       const v1::ListWorkspacesRequest* /*request*/,
                                                       v1::ListWorkspacesReply* reply) {
  const scheduler::Principal principal = PrincipalOf(*context);
  return QueryAndFinish(loop_, context->DefaultReactor(),
                        [reply, principal](const Core& core, Now) -> Status {
                          for (const WorkspaceName& name : core.state().workspaces)
                            if (WorkspaceFor(principal, name.str())) reply->add_names(name.str());
                          return {};
                        });
}

grpc::ServerUnaryReactor* AdminService::CreateToken(grpc::CallbackServerContext* context,
                                                    const v1::CreateTokenRequest* request,
                                                    v1::CreateTokenReply* reply) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  std::vector<Fault> faults;
  CheckUserName("user", request->user(), faults);
  const Role role = DecodeClientRole(request->role(), faults);
  CheckRange("expires_in_s", request->expires_in_s(), 0, kMaxLifetimeSeconds, faults);
  auto change = DecodeChange(*context, "/muster.v1.AdminService/CreateToken", *request,
                             request->workspace(), std::move(faults));
  if (!change) return FinishWith(reactor, change.error());
  return PostToken(
      loop_, reactor, change->principal,
      mint_.Mint({change->workspace, UserName(request->user()), role, PoolName(),
                  ExpiryOf(request->expires_in_s(), kDefaultTokenLifetime), change->idempotency}),
      reply);
}

grpc::ServerUnaryReactor* AdminService::CreateJoinToken(grpc::CallbackServerContext* context,
                                                        const v1::CreateJoinTokenRequest* request,
                                                        v1::CreateJoinTokenReply* reply) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  std::vector<Fault> faults;
  CheckPoolName("pool", request->pool(), faults);
  CheckRange("expires_in_s", request->expires_in_s(), 0, kMaxLifetimeSeconds, faults);
  auto change = DecodeChange(*context, "/muster.v1.AdminService/CreateJoinToken", *request,
                             request->workspace(), std::move(faults));
  if (!change) return FinishWith(reactor, change.error());
  const TimePoint expires = ExpiryOf(request->expires_in_s(), kDefaultJoinTokenLifetime);
  return PostToken(loop_, reactor, change->principal,
                   mint_.Mint({change->workspace, change->principal.user, Role::kJoin,
                               PoolName(request->pool()), expires, change->idempotency}),
                   reply);
}

grpc::ServerUnaryReactor* AdminService::ListTokens(grpc::CallbackServerContext* context,
                                                   const v1::ListTokensRequest* request,
                                                   v1::ListTokensReply* reply) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const auto workspace = WorkspaceFor(PrincipalOf(*context), request->workspace());
  if (!workspace) return FinishWith(reactor, workspace.error());
  const auto after = DecodeNamePageToken(request->page_token());
  if (!after) return FinishWith(reactor, after.error());
  const auto max_tokens = DecodePageSize(request->page_size());
  if (!max_tokens) return FinishWith(reactor, max_tokens.error());
  return QueryAndFinish(loop_, reactor, *workspace,
                        [reply, workspace = *workspace, after = TokenId(*after),
                         max_tokens = *max_tokens](const Core& core, Now) -> Status {
                          ListTokensOf(core.state(), workspace, after, max_tokens, *reply);
                          return {};
                        });
}

grpc::ServerUnaryReactor* AdminService::RevokeToken(grpc::CallbackServerContext* context,
                                                    const v1::RevokeTokenRequest* request,
                                                    v1::RevokeTokenReply* /*reply*/) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  std::vector<Fault> faults;
  // Whoever pastes a whole token here must not find it in the error's text, nor in a log.
  if (request->token_id().size() != 16)
    faults.push_back({"token_id", "", "must be the 16 characters that `muster token list` shows"});
  auto change = DecodeChange(*context, "/muster.v1.AdminService/RevokeToken", *request,
                             request->workspace(), std::move(faults));
  if (!change) return FinishWith(reactor, change.error());
  return PostAndFinish(
      loop_, reactor,
      {change->principal, scheduler::RevokeToken{change->workspace, change->idempotency,
                                                 TokenId(request->token_id())}});
}

grpc::ServerUnaryReactor* AdminService::GetServerStatus(
    grpc::CallbackServerContext* context, const v1::GetServerStatusRequest* /*request*/,
    v1::GetServerStatusReply* reply) {
  const DiskFacts disk = facts_.disk();
  reply->set_version(facts_.version);
  reply->set_started_us(ToMicros(facts_.started));
  reply->set_free_disk_bytes(disk.free_bytes);
  reply->set_disk_reserve_bytes(disk.reserve_bytes);
  return QueryAndFinish(loop_, context->DefaultReactor(),
                        [reply, caller = PrincipalOf(*context)](const Core& core, Now) -> Status {
                          reply->set_epoch(core.state().epoch);
                          reply->set_last_sequence(core.state().last_sequence);
                          reply->set_disk_low(core.disk_low());
                          Count(core, caller, *reply);
                          return {};
                        });
}

}  // namespace muster::server
