// What `muster up` and `muster status` say.
#pragma once

#include <string>

#include "cli/outcome.h"
#include "cli/personal/layout.h"
#include "cli/personal/plan.h"
#include "cli/session.h"
#include "muster/v1/admin.pb.h"
#include "muster/v1/cluster.pb.h"

namespace muster::cli {

struct PersonalReport {
  PersonalState state = PersonalState::kDown;
  std::string directory;
  PersonalRecord record;
  PersonalLife life;
  bool server_answers = false;
  muster::v1::ListNodesReply nodes;  // as the server knows them
  muster::v1::GetServerStatusReply server;
};

// Never fails: what cannot be asked is down.
PersonalReport MakeReport(const PersonalLayout& layout, const PersonalRecord& record,
                          Session& session);

// Pure.
std::string ReportText(const PersonalReport& report);
std::string ReportJson(const PersonalReport& report);
ExitCode ExitCodeOf(PersonalState state);  // 0 up, 1 partly, 3 down

}  // namespace muster::cli
