// One function a verb, in the file of its name or of its kind (node_change.cc, token_create.cc).
#pragma once

#include "cli/command_line.h"

namespace muster::cli {

// All nouns and verbs, in the order of --help.
void AddAllVerbs(CommandLine& line);

void AddJobSubmit(CommandLine& line);
void AddJobList(CommandLine& line);
void AddJobShow(CommandLine& line);
void AddJobLogs(CommandLine& line);
void AddJobWait(CommandLine& line);
void AddJobCancel(CommandLine& line);
void AddJobMetrics(CommandLine& line);
void AddJobFiles(CommandLine& line);
void AddJobDownload(CommandLine& line);
void AddJobTag(CommandLine& line);

void AddExperimentList(CommandLine& line);

void AddNodeList(CommandLine& line);
void AddNodeShow(CommandLine& line);
void AddNodeCordon(CommandLine& line);  // and uncordon
void AddNodeDrain(CommandLine& line);
void AddNodeDeclareLost(CommandLine& line);
void AddNodeRemove(CommandLine& line);
void AddNodeTokenCreate(CommandLine& line);

void AddPoolList(CommandLine& line);
void AddPoolCreate(CommandLine& line);
void AddPoolUpdate(CommandLine& line);
void AddPoolDelete(CommandLine& line);

void AddDatastoreList(CommandLine& line);
void AddDatastoreRegister(CommandLine& line);

void AddTokenCreate(CommandLine& line);
void AddTokenList(CommandLine& line);
void AddTokenRevoke(CommandLine& line);

void AddWorkspaceCreate(CommandLine& line);
void AddWorkspaceList(CommandLine& line);

void AddUp(CommandLine& line);
void AddDown(CommandLine& line);
void AddStatus(CommandLine& line);

void AddLogin(CommandLine& line);
void AddServerStatus(CommandLine& line);
void AddVersion(CommandLine& line);
void AddCompletion(CommandLine& line);

}  // namespace muster::cli
