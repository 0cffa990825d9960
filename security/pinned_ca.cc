#include "security/pinned_ca.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <utility>

#include "security/openssl_types.h"
#include "security/tls_policy.h"

namespace muster::security {
namespace {

using Clock = std::chrono::steady_clock;

struct AddressListDelete {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using AddressList = std::unique_ptr<addrinfo, AddressListDelete>;

struct Target {
  std::string host;
  std::string port;
};

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

tl::unexpected<Error> Unavailable(std::string message) {
  return Fail(ErrorCode::kUnavailable, ErrorReason::kUnspecified, std::move(message));
}

tl::unexpected<Error> Untrusted(std::string message) {
  return Fail(ErrorCode::kPermissionDenied, ErrorReason::kBadToken, std::move(message));
}

Result<Target> ParseTarget(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  Target target;
  if (colon != std::string_view::npos) {
    target.host = text.substr(0, colon);
    target.port = text.substr(colon + 1);
  }
  const bool bracketed =
      target.host.size() > 2 && target.host.front() == '[' && target.host.back() == ']';
  if (bracketed) target.host = target.host.substr(1, target.host.size() - 2);
  const bool digits = !target.port.empty() && target.port.size() <= 5 &&
                      std::all_of(target.port.begin(), target.port.end(),
                                  [](char c) { return c >= '0' && c <= '9'; });
  const bool ambiguous = !bracketed && target.host.find(':') != std::string::npos;
  if (target.host.empty() || !digits || ambiguous)
    return Fail(ErrorCode::kInvalidArgument, ErrorReason::kUnspecified,
                "\"" + std::string(text) + "\" is not a server; it reads host:port or [IPv6]:port");
  return target;
}

// Waits until `events` are there or the deadline has passed (then false).
bool WaitFor(int fd, short events, Clock::time_point deadline) {
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd entry{fd, events, 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(std::min<long long>(left, 60'000)));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

// One TLS handshake over a connected, non-blocking socket. The TLS bytes go through memory, so that
// the socket is written with MSG_NOSIGNAL: a server that hangs up must not end the process.
class Handshake {
 public:
  Handshake(int fd, std::string where) : fd_(fd), where_(std::move(where)) {}

  // The connection whose peer certificates can be read, still unverified.
  Status Run(Clock::time_point deadline) {
    if (!Prepare()) return OpensslFailure("cannot prepare a TLS connection");
    for (;;) {
      const int result = SSL_connect(ssl_.get());
      const int error = SSL_get_error(ssl_.get(), result);
      MUSTER_TRY(SendPending(deadline));
      if (result == 1) return {};
      if (error != SSL_ERROR_WANT_READ)
        return Unavailable(where_ + " does not speak TLS 1.2 or newer: " + LastOpensslError());
      MUSTER_TRY(ReceiveSome(deadline));
    }
  }

  SSL* ssl() const { return ssl_.get(); }

 private:
  bool Prepare() {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    if (!context_ || SSL_CTX_set_min_proto_version(context_.get(), TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(context_.get(), kCipherSuites) != 1)
      return false;
    // Nothing is trusted yet: the caller verifies the chain with the CA that the fingerprint names.
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_NONE, nullptr);
    static constexpr std::array<unsigned char, 3> kAlpn{2, 'h', '2'};
    ssl_.reset(SSL_new(context_.get()));
    incoming_ = BIO_new(BIO_s_mem());
    outgoing_ = BIO_new(BIO_s_mem());
    if (!ssl_ || incoming_ == nullptr || outgoing_ == nullptr) {
      BIO_free(incoming_);
      BIO_free(outgoing_);
      return false;
    }
    SSL_set_bio(ssl_.get(), incoming_, outgoing_);  // now the connection's
    return SSL_set_tlsext_host_name(ssl_.get(), kServerName) == 1 &&
           SSL_set_alpn_protos(ssl_.get(), kAlpn.data(), kAlpn.size()) == 0;
  }

  Status SendPending(Clock::time_point deadline) {
    char* data = nullptr;
    long size = BIO_get_mem_data(outgoing_, &data);
    while (size > 0) {
      const ssize_t sent = ::send(fd_, data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        if (!WaitFor(fd_, POLLOUT, deadline)) return TimedOut();
        continue;
      }
      if (sent <= 0) return HungUp();
      data += sent;
      size -= sent;
    }
    static_cast<void>(BIO_reset(outgoing_));
    return {};
  }

  Status ReceiveSome(Clock::time_point deadline) {
    std::array<char, 16 * 1024> buffer{};
    for (;;) {
      const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), 0);
      if (got > 0) {
        if (BIO_write(incoming_, buffer.data(), static_cast<int>(got)) != got)
          return OpensslFailure("cannot take what the server sent");
        return {};
      }
      if (got == 0) return HungUp();
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) return HungUp();
      if (!WaitFor(fd_, POLLIN, deadline)) return TimedOut();
    }
  }

  Status TimedOut() const {
    return Fail(ErrorCode::kDeadlineExceeded, ErrorReason::kUnspecified,
                where_ + " did not complete a TLS handshake in time");
  }
  Status HungUp() const {
    return Unavailable(where_ + " closed the connection during the TLS handshake");
  }

  int fd_;
  std::string where_;
  SslContextPtr context_;
  SslPtr ssl_;
  BIO* incoming_ = nullptr;  // both owned by ssl_
  BIO* outgoing_ = nullptr;
};

// The certificate with this fingerprint among those presented, or null. Not owned.
X509* FindByFingerprint(STACK_OF(X509) * chain, const Digest& wanted) {
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    std::array<std::uint8_t, Digest::kBytes> bytes{};
    unsigned size = 0;
    X509* certificate = sk_X509_value(chain, i);
    if (X509_digest(certificate, EVP_sha256(), bytes.data(), &size) == 1 && Digest(bytes) == wanted)
      return certificate;
  }
  return nullptr;
}

// The peer's first certificate was issued by `ca`, directly, for a server named kServerName.
Status VerifyLeaf(X509* leaf, X509* ca, const std::string& where) {
  const StorePtr store(X509_STORE_new());
  const StoreContextPtr context(X509_STORE_CTX_new());
  if (!store || !context || X509_STORE_add_cert(store.get(), ca) != 1 ||
      X509_STORE_CTX_init(context.get(), store.get(), leaf, nullptr) != 1)
    return OpensslFailure("cannot verify the server's certificate");
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
  if (X509_VERIFY_PARAM_set1_host(parameters, kServerName, 0) != 1 ||
      X509_STORE_CTX_set_purpose(context.get(), X509_PURPOSE_SSL_SERVER) != 1)
    return OpensslFailure("cannot verify the server's certificate");
  if (X509_verify_cert(context.get()) == 1) return {};
  return Untrusted("the certificate of " + where + " does not belong to the token's CA: " +
                   X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get())));
}

Result<std::string> TakePinnedCa(SSL* ssl, const Digest& fingerprint, const std::string& where) {
  STACK_OF(X509)* chain = SSL_get_peer_cert_chain(ssl);
  if (chain == nullptr || sk_X509_num(chain) == 0)
    return Untrusted(where + " presented no certificate");
  X509* ca = FindByFingerprint(chain, fingerprint);
  if (ca == nullptr)
    return Untrusted(where + " does not have the CA that the token names (SHA-256 " +
                     fingerprint.Hex() +
                     "): it is another server, the token is of another one, or somebody stands in "
                     "between; nothing was sent to it");
  MUSTER_TRY(VerifyLeaf(sk_X509_value(chain, 0), ca, where));
  return CertificateToPem(ca);
}

Status Connect(int fd, const addrinfo& address, const std::string& where,
               Clock::time_point deadline) {
  if (fd < 0) return Unavailable(std::string("cannot make a socket: ") + std::strerror(errno));
  int error = 0;
  if (::connect(fd, address.ai_addr, address.ai_addrlen) != 0) {
    error = errno;
    if (error == EINPROGRESS) {
      if (!WaitFor(fd, POLLOUT, deadline))
        return Fail(ErrorCode::kDeadlineExceeded, ErrorReason::kUnspecified,
                    where + " did not answer in time");
      socklen_t size = sizeof(error);
      ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    }
  }
  if (error != 0) return Unavailable("cannot connect to " + where + ": " + std::strerror(error));
  return {};
}

}  // namespace

Result<std::string> FetchPinnedCa(std::string_view target, const Digest& ca_fingerprint,
                                  Duration timeout) {
  const ErrorQueueGuard guard;
  const Clock::time_point deadline = Clock::now() + timeout;
  MUSTER_ASSIGN(const Target parsed, ParseTarget(target));
  const std::string where(target);

  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int resolved = ::getaddrinfo(parsed.host.c_str(), parsed.port.c_str(), &hints, &found);
  if (resolved != 0)
    return Unavailable("cannot find the host \"" + parsed.host + "\": " + ::gai_strerror(resolved));
  const AddressList addresses(found);

  Error last{ErrorCode::kUnavailable, ErrorReason::kUnspecified, where + " has no address", {}};
  for (const addrinfo* address = addresses.get(); address; address = address->ai_next) {
    const Socket socket(::socket(address->ai_family,
                                 address->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                                 address->ai_protocol));
    Status connected = Connect(socket.get(), *address, where, deadline);
    if (connected) {
      Handshake handshake(socket.get(), where);
      connected = handshake.Run(deadline);
      if (connected) return TakePinnedCa(handshake.ssl(), ca_fingerprint, where);
    }
    last = std::move(connected).error();
  }
  return Fail(std::move(last));
}

}  // namespace muster::security
