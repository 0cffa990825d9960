#include <utility>
// <utility> first: this Boost's Asio needs it.
#include <boost/asio/post.hpp>

#include "agent/session/certificate_renewal.h"
#include "base/log.h"

namespace muster::agent {
namespace {

constexpr Duration kLookInterval = std::chrono::hours(1);
constexpr Duration kRetryInterval = std::chrono::minutes(1);

}  // namespace

CertificateRenewal::CertificateRenewal(Parts parts, Identity identity,
                                       std::function<void()> on_renewed)
    : parts_(parts),
      identity_(std::move(identity)),
      on_renewed_(std::move(on_renewed)),
      timer_(parts.loop) {}

void CertificateRenewal::Start() { Look(); }

void CertificateRenewal::Look() {
  if (!NeedsRenewal(identity_, ReadClock().wall)) {
    LookAgainAfter(kLookInterval);
    return;
  }
  parts_.workers.Post([this] {
    auto renewed = Renew(parts_.store, identity_, parts_.channel, parts_.stop);
    boost::asio::post(parts_.loop, [this, renewed = std::move(renewed)] { TakeResult(renewed); });
  });
}

void CertificateRenewal::TakeResult(const Result<Identity>& renewed) {
  if (!renewed) {
    Log(LogLevel::kWarning, "certificate_not_renewed", {{"error", renewed.error().message}});
    LookAgainAfter(kRetryInterval);
    return;
  }
  Log(LogLevel::kInfo, "certificate_renewed");
  identity_ = *renewed;
  parts_.channel.Replace(OpenChannel(identity_.server, identity_));
  on_renewed_();
  LookAgainAfter(kLookInterval);
}

void CertificateRenewal::LookAgainAfter(Duration delay) {
  timer_.expires_after(delay);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) Look();
  });
}

}  // namespace muster::agent
