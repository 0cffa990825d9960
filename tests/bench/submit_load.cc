// A load generator: one process that submits jobs over TLS with a token, a fixed number in flight.
//   muster-submit-load --config FILE --digest HEX --in-flight N --count N [--pool NAME]
//   [--experiment NAME]
// Prints one JSON line: {"count", "seconds", "per_second", "p50_us", "p95_us", "p99_us", "errors"}.
#include <grpcpp/grpcpp.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/random.h"
#include "muster/v1/jobs.grpc.pb.h"

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string config;
  std::string digest;
  std::string pool = "default";
  std::string experiment = "bench";
  std::string script = "main.py";
  unsigned in_flight = 1;
  unsigned count = 1000;
  bool small = false;
};

// The spec of the targets: 10 arguments, 10 variables, a data reference, about 2 KiB.
muster::v1::JobSpec MakeSpec(const Options& options) {
  muster::v1::JobSpec spec;
  spec.set_experiment(options.experiment);
  spec.set_pool(options.pool);
  spec.set_snapshot_digest(options.digest);
  spec.set_script(options.script);
  if (options.small) return spec;
  for (int i = 0; i < 10; ++i) {
    spec.add_arguments("--argument-" + std::to_string(i) + "=" + std::string(70, 'a'));
    (*spec.mutable_environment_variables())["VARIABLE_" + std::to_string(i)] = std::string(80, 'v');
  }
  auto* reference = spec.add_data_references();
  reference->set_name("data");
  reference->set_datastore("bench");
  reference->set_path("some/path");
  return spec;
}

// Keeps `in_flight` calls open until `count` have been answered.
class Load {
 public:
  Load(const Options& options, std::shared_ptr<grpc::Channel> channel, std::string bearer)
      : options_(options),
        stub_(muster::v1::JobService::NewStub(std::move(channel))),
        bearer_("Bearer " + bearer),
        prefix_(muster::SystemRandom().Hex(8)),
        spec_(MakeSpec(options)) {
    latencies_.reserve(options.count);
  }

  nlohmann::json Run() {
    const auto start = Clock::now();
    if (options_.in_flight == 1) {
      while (next_ < options_.count) SubmitAndWait();
    } else {
      std::unique_lock lock(mutex_);
      for (unsigned i = 0; i < options_.in_flight && next_ < options_.count; ++i) Submit();
      done_.wait(lock, [&] { return latencies_.size() + errors_ == options_.count; });
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    std::sort(latencies_.begin(), latencies_.end());
    const auto at = [&](double share) {
      return latencies_.empty()
                 ? 0
                 : latencies_[static_cast<std::size_t>(share * double(latencies_.size() - 1))];
    };
    return {{"count", latencies_.size()},
            {"seconds", seconds},
            {"per_second", double(latencies_.size()) / seconds},
            {"p50_us", at(0.5)},
            {"p95_us", at(0.95)},
            {"p99_us", at(0.99)},
            {"errors", errors_},
            {"first_error", first_error_},
            {"spec_bytes", spec_.ByteSizeLong()}};
  }

 private:
  struct Call {
    grpc::ClientContext context;
    muster::v1::SubmitJobRequest request;
    muster::v1::SubmitJobReply reply;
    Clock::time_point start;
  };

  std::shared_ptr<Call> NextCall() {
    auto call = std::make_shared<Call>();
    call->request.set_request_id(prefix_ + "-" + std::to_string(next_++));
    *call->request.mutable_spec() = spec_;
    call->context.AddMetadata("authorization", bearer_);
    call->start = Clock::now();
    return call;
  }

  // As a client does that submits one job.
  void SubmitAndWait() {
    const auto call = NextCall();
    const grpc::Status status = stub_->SubmitJob(&call->context, call->request, &call->reply);
    const std::lock_guard lock(mutex_);
    Count(*call, status);
  }

  // The mutex is held.
  void Submit() {
    const auto call = NextCall();
    stub_->async()->SubmitJob(
        &call->context, &call->request, &call->reply,
        [this, call](const grpc::Status& status) { Finished(*call, status); });
  }

  void Finished(const Call& call, const grpc::Status& status) {
    const std::lock_guard lock(mutex_);
    Count(call, status);
    if (next_ < options_.count) Submit();
    if (latencies_.size() + errors_ == options_.count) done_.notify_all();
  }

  // The mutex is held.
  void Count(const Call& call, const grpc::Status& status) {
    const auto took =
        std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - call.start);
    if (status.ok()) {
      latencies_.push_back(took.count());
    } else if (errors_++ == 0) {
      first_error_ = status.error_message();
    }
  }

  const Options options_;
  std::unique_ptr<muster::v1::JobService::Stub> stub_;
  const std::string bearer_;
  const std::string prefix_;
  const muster::v1::JobSpec spec_;
  std::mutex mutex_;
  std::condition_variable done_;
  unsigned next_ = 0;
  std::size_t errors_ = 0;
  std::string first_error_;
  std::vector<std::int64_t> latencies_;
};

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Submits jobs as fast as the server acknowledges them.");
  app.add_option("--config", options.config, "file written by muster login")->required();
  app.add_option("--digest", options.digest, "snapshot that every job names")->required();
  app.add_option("--pool", options.pool);
  app.add_option("--experiment", options.experiment);
  app.add_option("--script", options.script);
  app.add_option("--in-flight", options.in_flight)->check(CLI::Range(1, 4096));
  app.add_option("--count", options.count)->check(CLI::Range(1, 10'000'000));
  app.add_flag("--small", options.small, "only what a job needs, not the 2-KiB spec");
  CLI11_PARSE(app, argc, argv);

  std::ifstream file(options.config);
  const nlohmann::json config = nlohmann::json::parse(file, nullptr, false);
  if (config.is_discarded()) {
    std::fprintf(stderr, "error: '%s' is no configuration of muster login\n",
                 options.config.c_str());
    return 2;
  }
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = config["ca_pem"].get<std::string>();
  grpc::ChannelArguments arguments;
  arguments.SetSslTargetNameOverride("musterd");
  Load load(options,
            grpc::CreateCustomChannel(config["server"].get<std::string>(),
                                      grpc::SslCredentials(tls), arguments),
            config["token"].get<std::string>());
  const nlohmann::json result = load.Run();
  std::printf("%s\n", result.dump().c_str());
  return result["errors"] == 0 ? 0 : 1;
}
