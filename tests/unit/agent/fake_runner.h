// A runner without processes: remembers what it was told.
#pragma once

#include <filesystem>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "agent/exec/runner.h"
#include "agent/session/ledger.h"
#include "muster/v1/agent.pb.h"

namespace muster::agent {

class FakeRunner final : public Runner {
 public:
  explicit FakeRunner(std::string directory) : directory_(std::move(directory)) {}

  Status Prepare(const AttemptId& id, const v1::AttemptTask& task,
                 const FetchBlob& fetch) override {
    std::filesystem::create_directories(LogDirectory(id));
    Note("prepare");
    if (!task.spec().snapshot_digest().empty()) {
      MUSTER_ASSIGN([[maybe_unused]] const std::string path, fetch(task.spec().snapshot_digest()));
    }
    return prepare_result;
  }
  Status Launch(const AttemptId&, const v1::AttemptTask&) override {
    Note("launch");
    return launch_result;
  }
  void StartDaemon(const AttemptId&, const DaemonRequest&) override { Note("start_daemon"); }
  void AnswerDaemon(const AttemptId&, const DaemonExit&) override { Note("answer_daemon"); }
  void Terminate(const AttemptId&, Duration) override { Note("terminate"); }
  void Kill(const AttemptId&) override { Note("kill"); }
  void NoteLeases(const std::vector<LeaseState>& noted) override { leases = noted; }
  Status Remove(const AttemptId& id) override {
    Note("remove");
    std::filesystem::remove_all(directory_ + "/" + AttemptName(id));
    return {};
  }
  std::vector<RecoveredAttempt> Adopt() override { return {}; }
  std::string LogDirectory(const AttemptId& id) const override {
    return directory_ + "/" + AttemptName(id) + "/logs";
  }

  AttemptPlace PlaceOf(const AttemptId& id) const override {
    return {directory_ + "/" + AttemptName(id), std::nullopt};
  }

  std::vector<std::string> calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
  }

  Status prepare_result;
  Status launch_result;
  std::vector<LeaseState> leases;

 private:
  void Note(const char* call) {
    const std::lock_guard lock(mutex_);
    calls_.emplace_back(call);
  }

  std::string directory_;
  mutable std::mutex mutex_;
  std::vector<std::string> calls_;
};

}  // namespace muster::agent
