#include <utility>

#include "base/check.h"
#include "scheduler/model/apply_parts.h"
#include "scheduler/model/queries.h"

namespace muster::scheduler {

void ApplyBody(const ApplyContext& context, const ServerStarted& event) {
  MUSTER_CHECK(event.epoch > context.state.epoch, "epochs grow");
  context.state.epoch = event.epoch;
  context.touched.server = true;
}

// A time of zero ends the extension.
void ApplyBody(const ApplyContext& context, const LeasesExtended& event) {
  if (event.until == TimePoint{}) {
    context.state.leases_extended_until.reset();
  } else {
    context.state.leases_extended_until = event.until;
  }
  context.touched.server = true;
}

void ApplyBody(const ApplyContext& context, const RequestAnswered& event) {
  State& state = context.state;
  const RequestKey key{event.workspace, event.key};
  const bool is_new =
      state.answered
          .emplace(key, AnsweredRequest{event.request_digest, event.entity, context.sequence})
          .second;
  MUSTER_CHECK(is_new, "a request is answered once");
  const auto job = state.jobs.find(JobId(event.entity));
  const bool is_submit = job != state.jobs.end() && job->second.request_key.empty() &&
                         job->second.workspace == event.workspace &&
                         !IsTerminal(job->second.status);
  if (is_submit) {
    job->second.request_key = event.key;
    return;
  }
  state.answered_by_sequence.emplace(context.sequence, key);
  TrimAnswers(state);
}

void ApplyBody(const ApplyContext& context, const WorkspaceCreated& event) {
  MUSTER_CHECK(context.state.workspaces.insert(event.name).second, "a workspace is created once");
  context.touched.workspaces.insert(event.name);
}

void ApplyBody(const ApplyContext& context, const TokenCreated& event) {
  Token token;
  token.id = event.id;
  token.workspace = event.workspace;
  token.user = event.user;
  token.role = event.role;
  token.secret_hash = event.secret_hash;
  token.pool = event.pool;
  token.created = context.time;
  token.expires = event.expires;
  MUSTER_CHECK(context.state.tokens.emplace(event.id, std::move(token)).second,
               "a token is created once");
  context.touched.tokens.insert(event.id);
}

void ApplyBody(const ApplyContext& context, const TokenRevoked& event) {
  const auto token = context.state.tokens.find(event.id);
  MUSTER_CHECK(token != context.state.tokens.end(), "an event names a token that is not there");
  token->second.revoked = true;
  context.touched.tokens.insert(event.id);
}

void ApplyBody(const ApplyContext& context, const TokenForgotten& event) {
  MUSTER_CHECK(context.state.tokens.erase(event.id) == 1,
               "an event names a token that is not there");
  context.touched.tokens.insert(event.id);
}

}  // namespace muster::scheduler
