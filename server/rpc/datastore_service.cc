#include "server/rpc/datastore_service.h"

#include <algorithm>
#include <utility>

#include "server/auth/principal.h"
#include "server/rpc/change_request.h"
#include "server/rpc/names.h"
#include "server/rpc/unary.h"

namespace muster::server {
namespace {

constexpr std::size_t kMaxPathBytes = 4'096;

std::string LowerCase(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

bool HasParentStep(const std::string& path) {
  const std::string padded = path + "/";
  return padded.find("/../") != std::string::npos;
}

void CheckLocalPath(std::string_view field, const std::string& path, std::vector<Fault>& faults) {
  const bool clean = std::none_of(path.begin(), path.end(),
                                  [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  if (!path.starts_with('/') || path.size() > kMaxPathBytes || !clean || HasParentStep(path))
    faults.push_back(
        {std::string(field), path,
         "must be an absolute path on the nodes of at most 4,096 bytes, without \"..\" "
         "and control characters"});
}

}  // namespace

grpc::ServerUnaryReactor* DatastoreService::RegisterDatastore(
    grpc::CallbackServerContext* context, const v1::RegisterDatastoreRequest* request,
    v1::RegisterDatastoreReply* /*reply*/) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const v1::Datastore& datastore = request->datastore();
  std::vector<Fault> faults;
  CheckDatastoreName("datastore.name", datastore.name(), faults);
  if (datastore.has_local())
    CheckLocalPath("datastore.local.path", datastore.local().path(), faults);
  else
    faults.push_back({"datastore.kind", "", "is missing; this server knows the kind \"local\""});
  auto change = DecodeChange(*context, "/muster.v1.DatastoreService/RegisterDatastore", *request,
                             datastore.workspace(), std::move(faults));
  if (!change) return FinishWith(reactor, change.error());
  // Agents bind it into jobs with their own rights.
  if (change->principal.role != scheduler::Role::kAdmin)
    return FinishWith(reactor, Error{ErrorCode::kPermissionDenied, ErrorReason::kWrongRole,
                                     "a datastore that is a path on the nodes is registered by an "
                                     "admin; ask one for \"" +
                                         datastore.local().path() + "\""});
  return PostAndFinish(
      loop_, reactor,
      {change->principal,
       scheduler::RegisterDatastore{change->idempotency,
                                    {change->workspace, DatastoreName(LowerCase(datastore.name())),
                                     datastore.local().path()}}},
      [this](const ReplyValue&) { on_registered_(); });
}

grpc::ServerUnaryReactor* DatastoreService::ListDatastores(grpc::CallbackServerContext* context,
                                                           const v1::ListDatastoresRequest* request,
                                                           v1::ListDatastoresReply* reply) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const auto workspace = WorkspaceFor(PrincipalOf(*context), request->workspace());
  if (!workspace) return FinishWith(reactor, workspace.error());
  return QueryAndFinish(loop_, reactor, *workspace,
                        [reply, workspace = *workspace](const Core& core, Now) -> Status {
                          const auto& datastores = core.state().datastores;
                          for (auto it = datastores.lower_bound({workspace, DatastoreName()});
                               it != datastores.end() && it->first.workspace == workspace; ++it) {
                            v1::Datastore& out = *reply->add_datastores();
                            out.set_workspace(workspace.str());
                            out.set_name(it->first.name.str());
                            out.mutable_local()->set_path(it->second.local_path);
                          }
                          return {};
                        });
}

}  // namespace muster::server
