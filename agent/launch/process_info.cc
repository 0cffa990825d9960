#include "agent/launch/process_info.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "muster/v1/agent.pb.h"

namespace muster::agent {

std::string ProcessInfo(const AttemptId& id, const v1::AttemptTask& task) {
  nlohmann::ordered_json info = {{"job_id", id.job.str()},
                                 {"attempt", id.number},
                                 {"nodes", nlohmann::ordered_json::array()},
                                 {"processes", nlohmann::ordered_json::array()}};
  const std::uint32_t per_node = std::max(1U, task.spec().process_count_per_node());
  std::uint32_t rank = 0;
  for (const auto& node : task.gang()) {
    info["nodes"].push_back({{"node_id", node.node_id()}, {"host_name", node.host_name()}});
    for (std::uint32_t local = 0; local < per_node; ++local) {
      info["processes"].push_back(
          {{"rank", rank++}, {"local_rank", local}, {"node_id", node.node_id()}});
    }
  }
  return info.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace muster::agent
