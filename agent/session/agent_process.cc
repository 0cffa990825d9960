#include <utility>
// <utility> first: this Boost's Asio needs it.
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <cstdlib>

#include "agent/session/agent_loop.h"
#include "agent/session/agent_process.h"
#include "agent/session/blob_fetcher.h"
#include "agent/session/certificate_renewal.h"
#include "agent/session/enrolment.h"
#include "agent/session/grpc_append_sink.h"
#include "agent/session/grpc_tracking_sink.h"
#include "agent/session/node_directory.h"
#include "agent/session/path_checker.h"
#include "agent/session/recovery.h"
#include "agent/session/session.h"
#include "agent/session/version.h"
#include "agent/staging/attempt_directory.h"
#include "base/log.h"

namespace muster::agent {
namespace {

constexpr unsigned kStagingWorkers = 3;
constexpr unsigned kLedgerWorkers = 2;
constexpr Duration kStopTimeout = std::chrono::milliseconds(500);

int Fatal(const Error& error) {
  Log(LogLevel::kError, "agent_failed", {{"error", error.message}});
  return EXIT_FAILURE;
}

v1::NodeFacts FactsOf(const AgentConfig& config, const std::string& boot_id) {
  v1::NodeFacts facts;
  facts.set_host_name(config.host_name.empty() ? ReadMachineFacts().host_name : config.host_name);
  facts.set_address(config.address);
  facts.set_slots(config.slots);
  facts.set_boot_id(boot_id);
  facts.set_agent_version(kAgentVersion);
  return facts;
}

RunnerConfig RunnerConfigOf(const AgentConfig& config) {
  RunnerConfig runner;
  runner.node = config.node;
  runner.directory = config.directory;
  runner.host_name = config.host_name;
  runner.address = config.address;
  runner.interpreter = config.interpreter;
  runner.job_user = config.job_user;
  runner.program_directory = config.program_directory;
  runner.job_python_directory = config.job_python_directory;
  runner.isolation = config.isolation;
  return runner;
}

BlobFetcherConfig FetcherConfigOf(const NodeDirectory& directory) {
  BlobFetcherConfig fetcher;
  fetcher.incoming_directory = directory.IncomingDirectory();
  return fetcher;
}

BlobCacheConfig CacheConfigOf(const AgentConfig& config, const NodeDirectory& directory) {
  return {directory.path(), directory.IncomingDirectory(), config.blob_cache_max_bytes,
          config.disk_reserve_bytes};
}

SessionConfig SessionConfigOf(const AgentConfig& config, const v1::NodeFacts& facts) {
  SessionConfig session;
  session.node = config.node;
  session.facts = facts;
  return session;
}

// What needs an identity: everything that talks to the server.
class Connected {
 public:
  struct Parts {
    const AgentConfig& config;
    const NodeDirectory& directory;
    boost::asio::io_context& loop;
    Runner& runner;
    Ledger& ledger;
    BlobCache& cache;
    IdentityStore& identities;
    StopSignal& stop;
  };

  Connected(const Parts& parts, const Identity& identity, const v1::NodeFacts& facts,
            const std::vector<RecoveredAttempt>& recovered)
      : channel_(OpenChannel(identity.server, identity)),
        sink_(channel_),
        fetcher_(channel_, parts.cache, parts.stop, FetcherConfigOf(parts.directory)),
        shipper_(parts.loop, sink_, {}),
        outputs_(parts.loop, sink_),
        tracking_sink_(channel_),
        tracking_(parts.loop, tracking_sink_, sink_, parts.config.node),
        staging_workers_(kStagingWorkers),
        ledger_workers_(kLedgerWorkers),
        paths_(LocalPathIsMissing),
        agent_(LoopParts(parts), recovered),
        session_(parts.loop, channel_, SessionConfigOf(parts.config, facts),
                 EventsOfSession(parts.loop), random_),
        renewal_({parts.loop, ledger_workers_, parts.identities, channel_, parts.stop}, identity,
                 [this] { session_.Reconnect(); }) {}

  AgentLoop& agent() { return agent_; }

  void Start(bool rebooted) {
    agent_.Start(rebooted);
    session_.Start();
    renewal_.Start();
  }

  void Stop(std::function<void()> on_stopped) {
    agent_.Stop();
    session_.Stop(std::move(on_stopped));
  }

  // False if a worker is busy with something that cannot be cut short.
  bool DrainWorkers() {
    return staging_workers_.Drain(kStopTimeout) && ledger_workers_.Drain(kStopTimeout) &&
           paths_.Drain(kStopTimeout);
  }

 private:
  AgentLoopParts LoopParts(const Parts& parts) {
    StagingParts staging{parts.runner,
                         parts.ledger,
                         [this](const std::string& digest, StopSignal& given_up) {
                           return fetcher_.Fetch(digest, given_up);
                         },
                         parts.cache,
                         parts.config.node,
                         parts.config.directory,
                         parts.config.disk_reserve_bytes};
    return {parts.loop,         shipper_,
            outputs_,           tracking_,
            std::move(staging), staging_workers_,
            ledger_workers_,    [this](const Report& report) { session_.SendReport(report); }};
  }

  SessionEvents EventsOfSession(boost::asio::io_context& loop) {
    SessionEvents events;
    events.on_opened = [this] { agent_.SessionOpened(); };
    events.on_closed = [this] { agent_.SessionClosed(); };
    events.on_desired = [this](const Desired& desired) { agent_.TakeDesired(desired); };
    events.on_report_ack = [this](std::uint64_t sequence) { agent_.ReportAcked(sequence); };
    events.on_heartbeat_ack = [this](SteadyPoint sent) { agent_.HeartbeatAcked(sent); };
    events.on_goodbye = [this](Duration extension) { agent_.ServerLeaving(extension); };
    events.on_check_paths = [this, &loop](const v1::CheckPaths& question, auto answer) {
      const bool taken = paths_.Check(question, [&loop, answer = std::move(answer)](auto checked) {
        boost::asio::post(loop, [answer, checked = std::move(checked)] { answer(checked); });
      });
      if (!taken) {
        Log(LogLevel::kDebug, "paths_not_checked",
            {{"question", static_cast<std::int64_t>(question.id())}});
      }
    };
    return events;
  }

  SystemRandom random_;
  ServerChannel channel_;
  GrpcAppendSink sink_;
  BlobFetcher fetcher_;
  LogShipper shipper_;
  RunOutputs outputs_;
  GrpcTrackingSink tracking_sink_;
  AttemptTracking tracking_;
  WorkerPool staging_workers_;
  WorkerPool ledger_workers_;
  PathChecker paths_;
  AgentLoop agent_;
  Session session_;
  CertificateRenewal renewal_;
};

class AgentProcess {
 public:
  explicit AgentProcess(const AgentConfig& config)
      : config_(config), signals_(loop_, SIGTERM, SIGINT), deadline_(loop_) {}

  Status Open() {
    MUSTER_ASSIGN(directory_, NodeDirectory::Open(config_.directory));
    MUSTER_ASSIGN(boot_id_, directory_->ReadBootId(config_.is_virtual));
    MUSTER_ASSIGN(ledger_, Ledger::Open(directory_->LedgerDirectory()));
    MUSTER_ASSIGN(blobs_, storage::BlobStore::Open(directory_->BlobDirectory()));
    cache_ = std::make_unique<BlobCache>(
        *blobs_, [this] { return DigestsOf(ledger_->Load()); },
        CacheConfigOf(config_, *directory_));
    MUSTER_ASSIGN(runner_,
                  Runner::Create(loop_, RunnerConfigOf(config_), EventsFor(loop_, target_)));
    identities_ = std::make_unique<IdentityStore>(directory_->IdentityDirectory());
    return {};
  }

  // Returns when a signal came, or the node could not join.
  int Run() {
    signals_.async_wait([this](const boost::system::error_code& error, int) {
      if (!error) Stop();
    });
    enrolment_.Post([this] {
      const EnrolmentRequest request{config_.server, config_.node, config_.join_token_file};
      auto identity =
          LoadOrEnrol(*identities_, request, FactsOf(config_, boot_id_), BackoffConfig{}, stop_);
      boost::asio::post(loop_, [this, identity = std::move(identity)] { TakeIdentity(identity); });
    });
    loop_.run();
    return Close();
  }

 private:
  void TakeIdentity(const Result<Identity>& identity) {
    if (stop_.IsSet()) return;
    if (!identity) {
      exit_code_ = Fatal(identity.error());
      Stop();
      return;
    }
    const bool rebooted = !ledger_->boot_id().empty() && ledger_->boot_id() != boot_id_;
    const auto leases = rebooted ? std::vector<LeaseState>{} : ledger_->LoadLeases();
    connected_ = std::make_unique<Connected>(
        Connected::Parts{config_, *directory_, loop_, *runner_, *ledger_, *cache_, *identities_,
                         stop_},
        *identity, FactsOf(config_, boot_id_), Recover(ledger_->Load(), leases, runner_->Adopt()));
    *target_ = &connected_->agent();
    connected_->Start(rebooted);
    if (const Status noted = ledger_->PutBootId(boot_id_); !noted) {
      Log(LogLevel::kWarning, "boot_not_noted", {{"error", noted.error().message}});
    }
    Log(LogLevel::kInfo, "agent_started",
        {{"node", config_.node.str()}, {"server", config_.server}, {"boot_id", boot_id_}});
  }

  void Stop() {
    Log(LogLevel::kInfo, "agent_stopping");
    signals_.cancel();
    stop_.Set();
    *target_ = nullptr;
    if (!connected_) {
      loop_.stop();
      return;
    }
    deadline_.expires_after(kStopTimeout);
    deadline_.async_wait([this](const boost::system::error_code&) { loop_.stop(); });
    connected_->Stop([this] {
      session_ended_ = true;
      loop_.stop();
    });
  }

  int Close() {
    const bool idle = enrolment_.Drain(kStopTimeout) &&
                      (!connected_ || (session_ended_ && connected_->DrainWorkers()));
    Log(LogLevel::kInfo, "agent_stopped");
    // A worker in the middle of an unpacking cannot be waited for, and need not: whatever it leaves
    // is what a crash would leave.
    if (!idle) std::_Exit(exit_code_);
    return exit_code_;
  }

  const AgentConfig& config_;
  boost::asio::io_context loop_;
  boost::asio::signal_set signals_;
  boost::asio::steady_timer deadline_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      loop_.get_executor()};
  StopSignal stop_;
  std::shared_ptr<AgentLoop*> target_ = std::make_shared<AgentLoop*>(nullptr);
  std::unique_ptr<NodeDirectory> directory_;
  std::string boot_id_;
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<storage::BlobStore> blobs_;
  std::unique_ptr<BlobCache> cache_;
  std::unique_ptr<Runner> runner_;
  std::unique_ptr<IdentityStore> identities_;
  std::unique_ptr<Connected> connected_;
  WorkerPool enrolment_{1};
  bool session_ended_ = false;
  int exit_code_ = EXIT_SUCCESS;
};

}  // namespace

int RunAgent(const AgentConfig& config) {
  // A peer that goes away is an error of the call, not of the process.
  std::signal(SIGPIPE, SIG_IGN);
  AgentProcess process(config);
  if (const Status opened = process.Open(); !opened) return Fatal(opened.error());
  return process.Run();
}

}  // namespace muster::agent
