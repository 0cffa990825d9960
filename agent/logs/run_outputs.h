// What a job leaves in its working directory for others to see: logs/ is brought to the server
// while it runs, outputs/ once it has ended, both with all that is below them. Of the nodes of a
// gang the first keeps the names; files of node k are <logs or outputs>/node<k>/<name>, so that no
// node writes over another's. On the loop's thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "agent/logs/log_shipper.h"

namespace muster::agent {

class RunOutputs {
 public:
  // `sink` outlives it.
  RunOutputs(boost::asio::io_context& loop, AppendSink& sink);

  // `directory`: where the scripts start. Repeating it is harmless.
  void Follow(const AttemptId& id, const std::string& directory, std::uint32_t node_rank);
  // No process of the attempt is left. `on_shipped` runs later and once.
  void ShipRest(const AttemptId& id, std::function<void()> on_shipped);
  // For people, once shipped: what was brought, and what was not.
  std::vector<std::string> Describe(const AttemptId& id) const;
  void Forget(const AttemptId& id);
  void OnSession(bool open);

 private:
  struct Place {
    std::string directory;
    std::string suffix;  // of the prefixes: "" or "node<k>/"
  };

  LogShipper logs_;
  LogShipper outputs_;
  std::map<AttemptId, Place> places_;
};

}  // namespace muster::agent
