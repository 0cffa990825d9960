// A run record in a directory of its own, and changes of it.
#pragma once

#include <cstdint>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/digest.h"
#include "storage/tracking/store.h"
#include "tests/unit/storage/state_directory.h"

namespace muster::storage {

inline const WorkspaceName kTrackedWorkspace{"default"};

inline scheduler::Principal UserCalled(const std::string& name) {
  scheduler::Principal caller;
  caller.role = scheduler::Role::kUser;
  caller.user = UserName(name);
  caller.workspace = kTrackedWorkspace;
  return caller;
}

template <class Body>
TrackingChange ChangeOf(Body body, const std::string& user = "ann", const std::string& key = "") {
  TrackingChange change;
  change.caller = UserCalled(user);
  change.workspace = kTrackedWorkspace;
  change.now = FromMicros(1'790'000'000'000'000);
  change.idempotency = {key, Sha256(key)};
  change.body = std::move(body);
  return change;
}

inline NewRun Interactive(const std::string& id, const std::string& experiment = "digits") {
  NewRun run;
  run.id = RunId(id);
  run.experiment = experiment;
  return run;
}

inline NewRun ChildOf(const std::string& parent, const std::string& id) {
  NewRun run;
  run.id = RunId(id);
  run.parent = RunId(parent);
  return run;
}

inline Metric Scalar(const std::string& name, MetricContent value) {
  Metric metric;
  metric.name = name;
  metric.value = std::move(value);
  return metric;
}

// `count` values of one name, numbered as the writer numbers them.
inline AppendMetrics Values(const std::string& run, std::uint64_t first, std::uint64_t count,
                            const std::string& name = "loss", const std::string& writer = "w") {
  AppendMetrics append{RunId(run), writer, first, {}};
  for (std::uint64_t i = 0; i < count; ++i) {
    append.values.push_back(Scalar(name, static_cast<std::int64_t>(first + i)));
  }
  return append;
}

class TrackedDirectory {
 public:
  explicit TrackedDirectory(TrackingLimits limits = {}) : limits_(limits) { Open(); }

  TrackingStore& store() { return *store_; }
  TrackingReader& reader() { return *reader_; }
  const TemporaryDirectory& directory() const { return directory_; }

  void Close() {
    reader_.reset();
    store_.reset();
  }
  void Open() {
    auto store = TrackingStore::Open(directory_.path(), limits_);
    MUSTER_CHECK(store.has_value(), store.error().message);
    store_ = std::move(*store);
    reader_ = std::move(*store_->OpenReader());
  }

  // Waits for the answer.
  Result<TrackingAnswer> Do(TrackingChange change) {
    std::promise<Result<TrackingAnswer>> answer;
    store_->Submit(std::make_shared<const TrackingChange>(std::move(change)),
                   [&](Result<TrackingAnswer> result) { answer.set_value(std::move(result)); });
    return answer.get_future().get();
  }
  void MustDo(TrackingChange change) {
    const auto answer = Do(std::move(change));
    MUSTER_CHECK(answer.has_value(), answer.error().message);
  }

  TrackedRun Run(const std::string& id) { return **reader_->GetRun(kTrackedWorkspace, RunId(id)); }
  // All pages, `page` values each.
  std::vector<Metric> Metrics(const std::string& run, const std::string& name = "",
                              std::size_t page = 1'000) {
    MetricQuery query{kTrackedWorkspace, RunId(run), name, {}, page, std::size_t{2} << 20};
    std::vector<Metric> all;
    while (true) {
      auto read = **reader_->ReadMetrics(query);
      for (Metric& metric : read.values) all.push_back(std::move(metric));
      if (!read.next) return all;
      query.after = *read.next;
    }
  }

 private:
  TemporaryDirectory directory_;
  TrackingLimits limits_;
  std::unique_ptr<TrackingStore> store_;
  std::unique_ptr<TrackingReader> reader_;
};

}  // namespace muster::storage
