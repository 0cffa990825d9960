#include "base/check.h"
#include "scheduler/model/apply_parts.h"

namespace muster::scheduler {

// A known node that joins again keeps its place: only its facts and its certificate are new.
void ApplyBody(const ApplyContext& context, const NodeJoined& event) {
  const PoolKey key{event.workspace, event.pool};
  Pool& pool = MustFind(context.state, key);
  Node& node = context.state.nodes[event.id];
  MUSTER_CHECK(node.id.empty() || node.pool == key, "a node never changes its pool");
  node.id = event.id;
  node.pool = key;
  node.facts = event.facts;
  node.certificate_fingerprint = event.certificate_fingerprint;
  pool.nodes.insert(event.id);
  context.touched.nodes.insert(event.id);
}

void ApplyBody(const ApplyContext& context, const NodeCertificateRenewed& event) {
  MustFind(context.state, event.id).certificate_fingerprint = event.certificate_fingerprint;
  context.touched.nodes.insert(event.id);
}

void ApplyBody(const ApplyContext& context, const NodeFactsChanged& event) {
  MustFind(context.state, event.id).facts = event.facts;
  context.touched.nodes.insert(event.id);
}

void ApplyBody(const ApplyContext& context, const NodeCordoned& event) {
  Node& node = MustFind(context.state, event.id);
  node.cordoned = event.cordoned;
  node.draining = event.draining;
  context.touched.nodes.insert(event.id);
}

void ApplyBody(const ApplyContext& context, const NodeLost& event) {
  MustFind(context.state, event.id).lost = true;
  context.touched.nodes.insert(event.id);
}

void ApplyBody(const ApplyContext& context, const NodeReturned& event) {
  MustFind(context.state, event.id).lost = false;
  context.touched.nodes.insert(event.id);
}

void ApplyBody(const ApplyContext& context, const NodeRemoved& event) {
  const Node& node = MustFind(context.state, event.id);
  MUSTER_CHECK(node.held.empty(), "a removed node is held by nobody");
  MustFind(context.state, node.pool).nodes.erase(event.id);
  context.state.nodes.erase(event.id);
  context.touched.nodes.insert(event.id);
}

}  // namespace muster::scheduler
