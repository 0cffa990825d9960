// A server's run record in memory, which can be away, lose bytes and refuse.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "agent/tracking/tracking_sink.h"

namespace muster::agent {

class FakeTrackingSink final : public TrackingSink {
 public:
  void Append(SpoolRequest request, AppendDone done) override {
    ++appends;
    largest = std::max(largest, request.data.size());
    order.push_back(request.writer);
    if (held) {
      waiting.emplace_back(std::move(request), std::move(done));
    } else {
      done(Answer(request));
    }
  }
  void Call(CallRequest request, CallDone done) override {
    calls.push_back(request);
    if (held) {
      waiting_calls.push_back(std::move(done));
    } else {
      done(on_call(request));
    }
  }

  struct Writer {
    std::string data;  // of lines that were taken
    std::uint64_t next = 0;
  };
  std::map<std::string, Writer> writers;
  std::function<Result<std::string>(const CallRequest&)> on_call = [](const CallRequest&) {
    return Result<std::string>("{}");
  };
  std::optional<Error> error;  // of every append
  std::vector<std::string> refused;
  std::optional<std::string> script_failure;
  bool held = false;
  int appends = 0;
  std::size_t largest = 0;
  std::vector<std::string> order;  // of the writers that sent
  std::vector<CallRequest> calls;
  std::vector<std::pair<SpoolRequest, AppendDone>> waiting;
  std::vector<CallDone> waiting_calls;

 private:
  Result<SpoolAnswer> Answer(const SpoolRequest& request) {
    if (error) return Fail(*error);
    Writer& writer = writers[request.writer];
    if (request.offset > writer.next) {
      return Fail(ErrorCode::kOutOfRange, ErrorReason::kUnspecified, "gap");
    }
    const std::uint64_t end = request.offset + request.data.size() + request.skipped_bytes;
    if (end > writer.next) {
      const std::uint64_t known = writer.next - request.offset;
      if (known < request.data.size()) writer.data += request.data.substr(known);
      writer.next = end;
    }
    SpoolAnswer answer{writer.next, std::exchange(refused, {}), 0, script_failure};
    answer.refused_count = static_cast<std::uint32_t>(answer.refused.size());
    return answer;
  }
};

}  // namespace muster::agent
