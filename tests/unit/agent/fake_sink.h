// A server's run files in memory, which can be away, lose bytes and refuse.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/logs/append_sink.h"

namespace muster::agent {

class FakeSink final : public AppendSink {
 public:
  void Append(AppendRequest request, Done done) override {
    ++calls;
    largest = std::max(largest, request.data.size());
    waiting.emplace_back(std::move(request), std::move(done));
    most_waiting = std::max(most_waiting, waiting.size());
    if (!held) AnswerAll();
  }

  void AnswerAll() {
    auto answered = std::exchange(waiting, {});
    for (auto& [request, done] : answered) done(Answer(request));
  }

  std::map<std::string, std::string> files;  // by name
  std::set<std::string> refused;
  bool away = false;
  bool held = false;  // calls wait for AnswerAll
  int calls = 0;
  std::size_t largest = 0;
  std::size_t most_waiting = 0;
  std::vector<std::pair<AppendRequest, Done>> waiting;

 private:
  Result<std::uint64_t> Answer(const AppendRequest& request) {
    if (away) return Fail(ErrorCode::kUnavailable, ErrorReason::kUnspecified, "away");
    if (refused.contains(request.name)) {
      return Fail(ErrorCode::kPermissionDenied, ErrorReason::kWrongRole, "not yours");
    }
    std::string& file = files[request.name];
    if (request.offset > file.size()) {
      return Fail(ErrorCode::kOutOfRange, ErrorReason::kUnspecified, "gap");
    }
    const std::size_t skip = file.size() - request.offset;
    if (skip < request.data.size()) file += request.data.substr(skip);
    return file.size();
  }
};

}  // namespace muster::agent
