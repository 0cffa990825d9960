#include "cli/verbs/verbs.h"

namespace muster::cli {

void AddAllVerbs(CommandLine& line) {
  line.Noun("job", "Submit jobs, look at them, follow and stop them");
  AddJobSubmit(line);
  AddJobList(line);
  AddJobShow(line);
  AddJobLogs(line);
  AddJobWait(line);
  AddJobCancel(line);
  AddJobMetrics(line);
  AddJobFiles(line);
  AddJobDownload(line);
  AddJobTag(line);
  line.Noun("experiment", "Names under which runs are grouped");
  AddExperimentList(line);
  line.Noun("node", "The machines that run jobs");
  AddNodeList(line);
  AddNodeShow(line);
  AddNodeCordon(line);
  AddNodeDrain(line);
  AddNodeDeclareLost(line);
  AddNodeRemove(line);
  line.Noun("node token", "Tokens that let machines join");
  AddNodeTokenCreate(line);
  line.Noun("pool", "Groups of nodes of one size");
  AddPoolList(line);
  AddPoolCreate(line);
  AddPoolUpdate(line);
  AddPoolDelete(line);
  line.Noun("datastore", "Places that jobs read data from");
  AddDatastoreList(line);
  AddDatastoreRegister(line);
  line.Noun("token", "Who may use the server");
  AddTokenCreate(line);
  AddTokenList(line);
  AddTokenRevoke(line);
  line.Noun("workspace", "Scopes of all names and rights");
  AddWorkspaceCreate(line);
  AddWorkspaceList(line);
  line.Noun("server", "The server itself");
  AddServerStatus(line);
  AddUp(line);
  AddDown(line);
  AddStatus(line);
  AddLogin(line);
  AddVersion(line);
  AddCompletion(line);
}

}  // namespace muster::cli
