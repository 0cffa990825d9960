// The channel to one server and the way calls are made on it.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <functional>
#include <memory>
#include <string>

#include "base/random.h"
#include "base/time.h"
#include "cli/backoff.h"
#include "cli/config.h"
#include "cli/outcome.h"
#include "cli/server_error.h"

namespace muster::cli {

// How long a call goes on trying while the server does not answer. Questions fail soon, for a
// person waits; a submit bridges a restart or an upgrade of the server; who follows a job waits
// long.
inline constexpr Duration kReadPatience = std::chrono::seconds(3);
inline constexpr Duration kSubmitPatience = std::chrono::seconds(60);
inline constexpr Duration kFollowPatience = std::chrono::hours(1);

// A unary call may take this long; a stream is opened anew after this time, so that a connection
// that died without a word is noticed.
inline constexpr Duration kCallDeadline = std::chrono::seconds(15);
inline constexpr Duration kStreamDeadline = std::chrono::seconds(60);

// May the same stream be opened again after it ended so? Not when the server said no.
bool IsBreak(grpc::StatusCode code);

// Used by one thread.
class Client {
 public:
  using Notice = std::function<void(const std::string& line)>;

  // `notice` is told once when the server stops answering and the client tries again.
  Client(Config config, Notice notice);

  const Config& config() const { return config_; }
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  // With the token and a deadline, for one call.
  std::unique_ptr<grpc::ClientContext> NewContext(Duration deadline) const;
  // A new connection: the old one may be dead without knowing.
  void Reconnect();

  // Calls until it succeeds, fails for good, or patience has run out. Repeats only when nobody
  // answered: the request must be a question or carry an idempotency key.
  Outcome<void> Try(const std::function<grpc::Status(grpc::ClientContext&)>& call,
                    Duration patience, Duration deadline = kCallDeadline);
  // Waits before a stream is opened again, or hands the failure back: for good, or out of patience.
  Outcome<void> WaitAfterBreak(const grpc::Status& status, Backoff& backoff);

  Random& random() { return random_; }

 private:
  Config config_;
  Notice notice_;
  SystemRandom random_;
  std::shared_ptr<grpc::Channel> channel_;
};

// 128 random bits in the form of a UUID: an idempotency key.
std::string NewRequestId(Random& random);

// One unary call: Call<v1::JobService>(client, &v1::JobService::Stub::GetJob, request).
template <class Service, class Request, class Reply>
Outcome<Reply> Call(Client& client,
                    grpc::Status (Service::Stub::*method)(grpc::ClientContext*, const Request&,
                                                          Reply*),
                    const Request& request, Duration patience = kReadPatience) {
  Reply reply;
  const auto stub = Service::NewStub(client.channel());
  MUSTER_CLI_TRY(client.Try(
      [&](grpc::ClientContext& context) {
        reply.Clear();
        return (stub.get()->*method)(&context, request, &reply);
      },
      patience));
  return reply;
}

// All pages of a list as one reply. `next` carries over to the next page what a reply has fixed.
template <class Service, class Request, class Reply, class Next>
Outcome<Reply> CallForPages(Client& client,
                            grpc::Status (Service::Stub::*method)(grpc::ClientContext*,
                                                                  const Request&, Reply*),
                            Request request, Next next) {
  constexpr int kMaxPages = 10'000;  // who never ends is no server of ours
  Reply all;
  for (int pages = 0; pages < kMaxPages; ++pages) {
    MUSTER_CLI_ASSIGN(const Reply page, Call<Service>(client, method, request));
    all.MergeFrom(page);
    if (page.next_page_token().empty()) break;
    request.set_page_token(page.next_page_token());
    next(request, page);
  }
  all.clear_next_page_token();
  return all;
}

}  // namespace muster::cli
