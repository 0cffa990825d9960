#include "server/port.h"

#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>

#include <chrono>
#include <string_view>

#include "base/log.h"
#include "base/log_gate.h"
#include "base/time.h"

namespace muster::server {
namespace {

// Twice a client's largest specification; an agent's report comes in parts. Decoded, a message of
// many empty fields takes up to 50 times as much.
constexpr int kMaxMessageBytes = 4 << 20;
constexpr std::size_t kMemoryQuotaBytes = std::size_t{256} << 20;
constexpr std::size_t kMaxLoggedBytes = 500;

// Anybody can make handshakes fail, and gRPC says so each time.
void LogLine(gpr_log_func_args* line) {
  static LogGate gate{std::chrono::seconds(1)};
  const auto unlogged = gate.Pass(ReadClock().steady);
  if (!unlogged) return;
  const bool is_error = line->severity == GPR_LOG_SEVERITY_ERROR;
  const std::string_view message(line->message);
  Log(is_error ? LogLevel::kWarning : LogLevel::kDebug, "grpc",
      {{"message", message.substr(0, kMaxLoggedBytes)}, {"unlogged_before", *unlogged}});
}

}  // namespace

void EnablePortPlugins() {
  gpr_set_log_function(LogLine);
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
}

void ApplyPortLimits(grpc::ServerBuilder& builder) {
  grpc::ResourceQuota quota("musterd");
  quota.Resize(kMemoryQuotaBytes);
  quota.SetMaxThreads(32);  // of the reflection service, the only one that is not callback-driven
  builder.SetResourceQuota(quota);
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 2);
  // A second server on the same port must fail, not share it.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, 5'000);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 1'000);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, 16 << 10);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, 10 * 60 * 1'000);
  // Finds peers that are gone without a word; a client may ask as often as every 10 s.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 5);
}

}  // namespace muster::server
