// What `muster up` and `muster down` do about what they find. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "cli/personal/record.h"

namespace muster::cli {

struct UpRequest {
  std::optional<std::uint32_t> nodes, slots;
  std::optional<std::string> interpreter;  // absolute
};

// Which of a record's processes are alive; nodes in the order of the record.
struct PersonalLife {
  bool server = false;
  std::vector<bool> nodes;
};

struct UpPlan {
  PersonalRecord record;  // as it is to be, new nodes without a process
  bool start_server = false;
  std::vector<std::size_t> start_nodes;  // indices into record.nodes
  std::vector<std::string> notes;        // wishes that are not met, and why
  bool NothingToDo() const { return !start_server && start_nodes.empty(); }
};

// Starts what is missing; adds nodes up to `nodes` (default: 1, or as many as there are) and takes
// none away. `slots` (default: the machine's cores, at least 2) and `interpreter` reach nodes that
// are to be started. Fails for numbers beyond the limits.
Result<UpPlan> PlanUp(const PersonalRecord& record, const PersonalLife& life,
                      const UpRequest& request, std::uint32_t cores);

// What to do about the configuration that `muster login` may have written.
enum class LoginChoice {
  kWrite,   // there is none, or --force replaces it
  kUpdate,  // of this very server: only the address may change
  kRefuse,  // of another server
};
struct LoginFacts {
  bool exists = false;
  // Of the CA it trusts, and of the personal server's own; nothing: unknown.
  std::optional<Digest> ca;
  std::optional<Digest> own_ca;
};
LoginChoice ChooseLogin(const LoginFacts& facts, bool force);

// What `muster down` finds.
struct DownFacts {
  bool running = false;  // any process
  bool server_answers = false;
  std::uint64_t jobs_active = 0, jobs_waiting = 0;
  // Processes of jobs, as nodes hold them; counted only when the server does not answer.
  std::size_t attempts = 0;
};
struct DownPlan {
  bool cancel_jobs = false;
  std::string refusal;  // empty: go on
  std::string note;     // empty: none
};
// Refuses while jobs run, unless forced.
DownPlan PlanDown(const DownFacts& facts, bool force);

enum class PersonalState { kUp, kPartly, kDown };
const char* PersonalStateName(PersonalState state);
// kUp: the server answers and all nodes are connected. kDown: no process is alive.
PersonalState StateOf(const PersonalLife& life, bool server_answers, std::size_t nodes_connected);

}  // namespace muster::cli
