// A call of one of our own handlers that does not come from the network: they end calls through a
// gRPC reactor, and this is one whose end is told to a function.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <functional>
#include <memory>
#include <utility>

namespace muster::server {

class InnerCall final : private grpc::ServerCallbackUnary {
 public:
  ~InnerCall() override = default;

  using OnFinish = std::function<void(const grpc::Status&)>;

  // The reactor to hand to a handler, valid until it is finished. `on_finish` runs then, once, on
  // whichever thread that happens; it is destroyed with the reactor afterwards.
  static grpc::ServerUnaryReactor* Begin(OnFinish on_finish) {
    std::shared_ptr<InnerCall> call(new InnerCall(std::move(on_finish)));
    call->self_ = call;
    return &call->reactor_;
  }

 private:
  class Reactor final : public grpc::ServerUnaryReactor {
    void OnDone() override {}
  };

  explicit InnerCall(OnFinish on_finish) : on_finish_(std::move(on_finish)) {
    BindReactor(&reactor_);
  }

  void Finish(grpc::Status status) override {
    const std::shared_ptr<InnerCall> self = std::move(self_);
    on_finish_(status);
  }
  void SendInitialMetadata() override {}
  void CallOnDone() override {}
  grpc::internal::ServerReactor* reactor() override { return &reactor_; }

  Reactor reactor_;
  const OnFinish on_finish_;
  std::shared_ptr<InnerCall> self_;
};

}  // namespace muster::server
