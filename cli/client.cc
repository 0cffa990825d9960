#include "cli/client.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <thread>

#include "security/tls_policy.h"
#include "security/token.h"

namespace muster::cli {
namespace {

bool NobodyAnswered(grpc::StatusCode code) {
  return code == grpc::UNAVAILABLE || code == grpc::DEADLINE_EXCEEDED;
}

std::shared_ptr<grpc::Channel> OpenChannel(const Config& config) {
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = config.ca_pem;
  grpc::ChannelArguments arguments;
  arguments.SetSslTargetNameOverride(security::kServerName);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // A pool of its own: a new channel means a new connection.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
  // Also how long one connection attempt may take.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 5000);
  arguments.SetMaxReceiveMessageSize(64 << 20);
  return grpc::CreateCustomChannel(config.server, grpc::SslCredentials(tls), arguments);
}

}  // namespace

bool IsBreak(grpc::StatusCode code) {
  return NobodyAnswered(code) || code == grpc::CANCELLED || code == grpc::UNKNOWN ||
         code == grpc::INTERNAL || code == grpc::ABORTED || code == grpc::RESOURCE_EXHAUSTED;
}

Client::Client(Config config, Notice notice)
    : config_(std::move(config)), notice_(std::move(notice)), channel_(OpenChannel(config_)) {}

std::unique_ptr<grpc::ClientContext> Client::NewContext(Duration deadline) const {
  auto context = std::make_unique<grpc::ClientContext>();
  context->AddMetadata(security::kAuthorizationKey, security::AuthorizationValue(config_.token));
  context->set_deadline(std::chrono::system_clock::now() + deadline);
  return context;
}

void Client::Reconnect() { channel_ = OpenChannel(config_); }

Outcome<void> Client::Try(const std::function<grpc::Status(grpc::ClientContext&)>& call,
                          Duration patience, Duration deadline) {
  Backoff backoff(patience, random_);
  while (true) {
    const auto context = NewContext(deadline);
    const grpc::Status status = call(*context);
    if (status.ok()) return {};
    if (!NobodyAnswered(status.error_code())) return FailWith(FailureOf(status, config_.server));
    MUSTER_CLI_TRY(WaitAfterBreak(status, backoff));
  }
}

Outcome<void> Client::WaitAfterBreak(const grpc::Status& status, Backoff& backoff) {
  if (!IsBreak(status.error_code())) return FailWith(FailureOf(status, config_.server));
  const bool first = !backoff.failing();
  const std::optional<Duration> wait = backoff.After(ReadClock().steady);
  if (!wait) return FailWith(FailureOf(status, config_.server));
  if (first) {
    notice_("lost the server at " + config_.server + " (" +
            ConnectionCause(status.error_message()) + "); trying again");
  }
  if (channel_->GetState(/*try_to_connect=*/true) == GRPC_CHANNEL_READY) {
    std::this_thread::sleep_for(*wait);
  } else {
    // Not a mere sleep: a connection is only made while somebody waits for it.
    channel_->WaitForConnected(std::chrono::system_clock::now() + *wait);
  }
  return {};
}

std::string NewRequestId(Random& random) {
  std::string hex = random.Hex(16);
  for (const std::size_t at : {8U, 13U, 18U, 23U}) hex.insert(at, "-");
  return hex;
}

}  // namespace muster::cli
