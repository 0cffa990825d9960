// Starts what a plan asks for, and waits until it serves.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cli/client.h"
#include "cli/outcome.h"
#include "cli/personal/layout.h"
#include "cli/personal/plan.h"
#include "cli/session.h"
#include "muster/v1/cluster.pb.h"

namespace muster::cli {

PersonalLife LookAt(const PersonalRecord& record);

// A client with the server's own admin token. Fails where the server does not answer within
// `patience`.
Outcome<std::unique_ptr<Client>> ConnectPersonal(const PersonalLayout& layout,
                                                 const std::string& address, Session& session,
                                                 Duration patience);

Outcome<muster::v1::ListNodesReply> ListAllNodes(Client& client);
// How many of the record's nodes are connected.
std::size_t ConnectedNodes(const PersonalRecord& record, const muster::v1::ListNodesReply& reply);

// Carries out plans on one directory, whose lock its user holds. The record on disk is never behind
// what runs.
class PersonalDaemons {
 public:
  PersonalDaemons(Session& session, PersonalLayout layout, PersonalRecord record)
      : session_(session), layout_(std::move(layout)), record_(std::move(record)) {}

  const PersonalRecord& record() const { return record_; }

  // Takes at most a minute. A failure that is about a daemon quotes the end of its log.
  Outcome<void> Carry(const UpPlan& plan);

 private:
  Outcome<void> Save();
  Outcome<void> MakeDirectories();
  Outcome<void> StartServer();
  Outcome<void> StartNode(PersonalNode& node);
  Outcome<void> StartDaemon(const std::string& program, std::vector<std::string> arguments,
                            const std::string& log, std::optional<ProcessMark>& mark);
  // Until `is_done` (true, or a failure), with a line of progress on a terminal.
  Outcome<void> Wait(const std::string& what, Duration patience,
                     const std::function<Outcome<bool>(std::string& progress)>& is_done);
  Outcome<void> WaitForServer();
  Outcome<void> WaitForNodes();
  Failure FailureOfDaemon(const std::string& sentence, const std::string& log) const;

  Session& session_;
  const PersonalLayout layout_;
  PersonalRecord record_;
  std::unique_ptr<Client> client_;
};

}  // namespace muster::cli
