#include "security/pinned_ca.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <thread>

#include "security/openssl_types.h"
#include "tests/unit/security/secure_server.h"

namespace muster::security {
namespace {

using ::testing::HasSubstr;

const server::TlsPolicyApplied kTlsPolicyApplied;
constexpr Duration kPatience = std::chrono::seconds(20);

// A listening socket on the loopback that does to one connection what it is told.
class Listener {
 public:
  explicit Listener(std::function<void(int)> serve = nullptr) {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof(address);
    MUSTER_CHECK(::bind(socket_, raw, size) == 0 && ::listen(socket_, 4) == 0);
    MUSTER_CHECK(::getsockname(socket_, raw, &size) == 0);
    port_ = ntohs(address.sin_port);
    if (!serve) return;
    thread_ = std::thread([this, serve = std::move(serve)] {
      // OpenSSL writes without MSG_NOSIGNAL; in this thread alone that is allowed.
      sigset_t pipe;
      sigemptyset(&pipe);
      sigaddset(&pipe, SIGPIPE);
      ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
      const int connection = ::accept(socket_, nullptr, nullptr);
      if (connection < 0) return;
      serve(connection);
      ::close(connection);
    });
  }
  ~Listener() {
    ::shutdown(socket_, SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
    ::close(socket_);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  std::string target() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  int socket_ = -1;
  int port_ = 0;
  std::thread thread_;
};

// A TLS server that presents these certificates with this key, whatever they are.
void ServeTls(int connection, const KeyAndCertificate& leaf, const std::string& ca_pem) {
  const SslContextPtr context(SSL_CTX_new(TLS_server_method()));
  const CertificatePtr certificate = ParseCertificate(leaf.certificate_pem);
  const KeyPtr key = ParseKey(leaf.key_pem);
  const CertificatePtr ca = ParseCertificate(ca_pem);
  MUSTER_CHECK(SSL_CTX_use_certificate(context.get(), certificate.get()) == 1);
  MUSTER_CHECK(SSL_CTX_use_PrivateKey(context.get(), key.get()) == 1);
  MUSTER_CHECK(SSL_CTX_add1_chain_cert(context.get(), ca.get()) == 1);
  const SslPtr ssl(SSL_new(context.get()));
  SSL_set_fd(ssl.get(), connection);
  static_cast<void>(SSL_accept(ssl.get()));
}

TEST(PinnedCa, IsReturnedWhenTheFingerprintIsTheServers) {
  server::SecureServer server({});
  const auto ca =
      FetchPinnedCa(server.target(), *FingerprintOf(server.ca().certificate_pem), kPatience);
  ASSERT_TRUE(ca) << ca.error().message;
  EXPECT_EQ(*ca, server.ca().certificate_pem);
}

TEST(PinnedCa, AnotherCaIsRefused) {
  server::SecureServer server({});
  const auto ca = FetchPinnedCa(server.target(), Sha256("another CA"), kPatience);
  ASSERT_FALSE(ca);
  EXPECT_EQ(ca.error().code, ErrorCode::kPermissionDenied);
  EXPECT_THAT(ca.error().message, HasSubstr("does not have the CA that the token names"));
}

// Whoever sits in between can send the real CA, which is public, but has no certificate of it.
TEST(PinnedCa, TheRightCaBesideALeafOfAnotherIsRefused) {
  const TimePoint now = ReadClock().wall;
  const auto real = CreateCa(now);
  const auto attacker = CreateCa(now);
  const auto leaf = IssueServerCertificate(*attacker, {}, now);
  Listener listener([&](int connection) { ServeTls(connection, *leaf, real->certificate_pem); });
  const auto ca =
      FetchPinnedCa(listener.target(), *FingerprintOf(real->certificate_pem), kPatience);
  ASSERT_FALSE(ca);
  EXPECT_EQ(ca.error().code, ErrorCode::kPermissionDenied);
  EXPECT_THAT(ca.error().message, HasSubstr("does not belong to the token's CA"));
}

TEST(PinnedCa, ANodesCertificateDoesNotMakeAServer) {
  const TimePoint now = ReadClock().wall;
  const auto ca = CreateCa(now);
  const auto node = CreateKeyAndRequest();
  const auto certificate =
      IssueNodeCertificate(*ca, NodeId("musterd"), node->signing_request_pem, now);
  Listener listener([&](int connection) {
    ServeTls(connection, {node->key_pem, *certificate}, ca->certificate_pem);
  });
  const auto fetched =
      FetchPinnedCa(listener.target(), *FingerprintOf(ca->certificate_pem), kPatience);
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().code, ErrorCode::kPermissionDenied);
}

TEST(PinnedCa, AnExpiredServerCertificateIsRefused) {
  const TimePoint past = ReadClock().wall - kServerCertificateLifetime - std::chrono::hours(1);
  const auto ca = CreateCa(past);
  const auto leaf = IssueServerCertificate(*ca, {}, past);
  Listener listener([&](int connection) { ServeTls(connection, *leaf, ca->certificate_pem); });
  const auto fetched =
      FetchPinnedCa(listener.target(), *FingerprintOf(ca->certificate_pem), kPatience);
  ASSERT_FALSE(fetched);
  EXPECT_THAT(fetched.error().message, HasSubstr("expired"));
}

TEST(PinnedCa, NobodyListening) {
  std::string target;
  { target = Listener().target(); }
  const auto ca = FetchPinnedCa(target, Digest(), kPatience);
  ASSERT_FALSE(ca);
  EXPECT_EQ(ca.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(ca.error().message, HasSubstr("cannot connect to " + target));
}

TEST(PinnedCa, APeerThatDoesNotSpeakTls) {
  Listener listener([](int connection) {
    constexpr std::string_view kAnswer = "HTTP/1.1 400 Bad Request\r\n\r\n";
    static_cast<void>(::send(connection, kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL));
    char buffer[4096];
    while (::recv(connection, buffer, sizeof(buffer), 0) > 0) continue;
  });
  const auto ca = FetchPinnedCa(listener.target(), Digest(), kPatience);
  ASSERT_FALSE(ca);
  EXPECT_EQ(ca.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(ca.error().message, HasSubstr("does not speak TLS"));
}

TEST(PinnedCa, APeerThatHangsUpDoesNotEndTheProcess) {
  Listener listener([](int connection) {
    const linger reset{1, 0};
    ::setsockopt(connection, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
  });
  EXPECT_EQ(FetchPinnedCa(listener.target(), Digest(), kPatience).error().code,
            ErrorCode::kUnavailable);
}

TEST(PinnedCa, APeerThatNeverAnswersCostsTheTimeoutAtMost) {
  Listener listener;  // the kernel accepts, nobody reads
  const auto ca = FetchPinnedCa(listener.target(), Digest(), std::chrono::milliseconds(200));
  ASSERT_FALSE(ca);
  EXPECT_EQ(ca.error().code, ErrorCode::kDeadlineExceeded);
}

TEST(PinnedCa, MalformedTargets) {
  for (const char* target : {"", "host", "host:", ":1", "host:x", "::1:7677", "host:123456"})
    EXPECT_EQ(FetchPinnedCa(target, Digest(), kPatience).error().code, ErrorCode::kInvalidArgument)
        << target;
  EXPECT_EQ(FetchPinnedCa("no-such-host.invalid:1", Digest(), kPatience).error().code,
            ErrorCode::kUnavailable);
}

// Connects with one version and suite of TLS 1.2, or with an older version.
bool HandshakeWorks(const std::string& target, int version, const char* suites) {
  const SslContextPtr context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_security_level(context.get(), 0);
  SSL_CTX_set_min_proto_version(context.get(), version);
  SSL_CTX_set_max_proto_version(context.get(), version);
  if (suites != nullptr) MUSTER_CHECK(SSL_CTX_set_cipher_list(context.get(), suites) == 1);
  const BioPtr connection(BIO_new_ssl_connect(context.get()));
  BIO_set_conn_hostname(connection.get(), target.c_str());
  return BIO_do_connect(connection.get()) == 1 && BIO_do_handshake(connection.get()) == 1;
}

TEST(TlsPolicy, OnlyStrongVersionsAndSuitesAreSpoken) {
  server::SecureServer server({});
  const std::string target = server.target();
  EXPECT_TRUE(HandshakeWorks(target, TLS1_3_VERSION, nullptr));
  EXPECT_TRUE(HandshakeWorks(target, TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256"));
  EXPECT_TRUE(HandshakeWorks(target, TLS1_2_VERSION, "ECDHE-ECDSA-CHACHA20-POLY1305"));
  EXPECT_FALSE(HandshakeWorks(target, TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA"));
  EXPECT_FALSE(HandshakeWorks(target, TLS1_2_VERSION, "ECDHE-ECDSA-AES256-SHA384"));
  EXPECT_FALSE(HandshakeWorks(target, TLS1_2_VERSION, "AES128-GCM-SHA256"));
  EXPECT_FALSE(HandshakeWorks(target, TLS1_2_VERSION, "aNULL:eNULL"));
  EXPECT_FALSE(HandshakeWorks(target, TLS1_1_VERSION, "ALL:@SECLEVEL=0"));
  EXPECT_FALSE(HandshakeWorks(target, TLS1_VERSION, "ALL:@SECLEVEL=0"));
}

}  // namespace
}  // namespace muster::security
