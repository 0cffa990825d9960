#include "server/server.h"

#include <grpcpp/server.h>

#include <filesystem>
#include <future>
#include <utility>

#include "base/log.h"
#include "base/random.h"
#include "security/secret_file.h"
#include "server/auth/server_credentials.h"
#include "server/auth/state_pki.h"
#include "server/first_tokens.h"
#include "server/housekeeping.h"
#include "server/port.h"
#include "server/rpc/admin_service.h"
#include "server/rpc/agent_service.h"
#include "server/rpc/blob_service.h"
#include "server/rpc/datastore_service.h"
#include "server/rpc/job_service.h"
#include "server/rpc/node_service.h"
#include "server/rpc/pool_service.h"
#include "server/rpc/run_file_service.h"
#include "server/server_outside.h"
#include "server/tracking/tracking_service.h"
#include "storage/sqlite/database.h"

namespace muster::server {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kHistoryThreads = 2;
constexpr std::size_t kTrackingThreads = 2;
constexpr std::size_t kMaxQueuedReads = 10'000;
constexpr std::size_t kMaxQueuedIo = 2'000;
constexpr auto kDrainTimeout = std::chrono::milliseconds(1'500);
constexpr auto kCloseTimeout = std::chrono::milliseconds(500);

Result<std::vector<std::unique_ptr<storage::History>>> OpenHistories(storage::Database& database) {
  std::vector<std::unique_ptr<storage::History>> histories;
  for (std::size_t i = 0; i < kHistoryThreads; ++i) {
    MUSTER_ASSIGN(auto history, database.OpenHistory());
    histories.push_back(std::move(history));
  }
  return histories;
}

Result<std::vector<std::unique_ptr<storage::TrackingReader>>> OpenReaders(
    storage::TrackingStore& store) {
  std::vector<std::unique_ptr<storage::TrackingReader>> readers;
  for (std::size_t i = 0; i < kTrackingThreads; ++i) {
    MUSTER_ASSIGN(auto reader, store.OpenReader());
    readers.push_back(std::move(reader));
  }
  return readers;
}

}  // namespace

// In the order of construction; each part uses those above it only.
struct Server::Parts {
  Parts(const ServerConfig& server_config, std::unique_ptr<storage::Database> opened_database,
        StatePki state_pki)
      : config(server_config),
        database(std::move(opened_database)),
        pki(std::move(state_pki)),
        mint(pki.token_key, pki.ca_fingerprint),
        enrollment(pki.ca, identities),
        disk(config.disk_reserve_bytes),
        tickets(identities, config.rpc.max_streams),
        outside(sessions, identities, hub),
        loop(config.loop) {}

  const ServerConfig config;
  const std::unique_ptr<storage::Database> database;
  const StatePki pki;
  const TimePoint started = ReadClock().wall;
  SystemRandom random;
  IdentitiesHolder identities;
  TokenMint mint;
  Enrollment enrollment;
  DiskGauge disk;
  WakeHub hub;
  StallWatch stalls;
  StreamTickets tickets;
  SessionRegistry sessions;
  ServerOutside outside;
  CoreThread loop;
  std::unique_ptr<Core> core;
  std::unique_ptr<storage::BlobStore> blobs;
  std::unique_ptr<storage::RunFileStore> run_files;
  std::unique_ptr<storage::TrackingStore> tracking;
  std::unique_ptr<HistoryReaders> history;
  std::unique_ptr<TrackingReaders> tracking_readers;
  std::unique_ptr<WorkerPool> io;
  std::unique_ptr<PathCheck> path_check;
  std::unique_ptr<Housekeeping> housekeeping;
  std::unique_ptr<RpcParts> rpc;
  std::unique_ptr<TrackingParts> record;
  std::unique_ptr<SpoolIntake> spools;
  std::unique_ptr<AttemptCalls> attempt_calls;
  std::vector<std::unique_ptr<grpc::Service>> services;
  std::unique_ptr<grpc::Server> grpc_server;
  int port = 0;

  Status OpenStores();
  Status StartCore();
  void MakeServices();
  Status OpenPort();
  Status WriteAddress() const;
};

Status Server::Parts::OpenStores() {
  const fs::path state_directory = config.state_dir;
  MUSTER_ASSIGN(blobs, storage::BlobStore::Open(state_directory / "blobs"));
  MUSTER_ASSIGN(run_files,
                storage::RunFileStore::Open(state_directory / "runfiles", config.run_files));
  MUSTER_ASSIGN(auto histories, OpenHistories(*database));
  history = std::make_unique<HistoryReaders>(std::move(histories), kMaxQueuedReads);
  MUSTER_ASSIGN(tracking, storage::TrackingStore::Open(state_directory, config.tracking));
  MUSTER_ASSIGN(auto readers, OpenReaders(*tracking));
  tracking_readers = std::make_unique<TrackingReaders>(std::move(readers), kMaxQueuedReads);
  io = std::make_unique<WorkerPool>(config.io_threads, kMaxQueuedIo);
  path_check = std::make_unique<PathCheck>(loop, *io, config.rpc.path_check_timeout);
  return {};
}

Status Server::Parts::StartCore() {
  MUSTER_ASSIGN(scheduler::State state, database->Load());
  outside.live_sequence().store(state.last_sequence);
  identities.Publish(MakeIdentities(state));
  Log(LogLevel::kInfo, "state_loaded",
      {{"jobs", static_cast<std::int64_t>(state.jobs.size())},
       {"nodes", static_cast<std::int64_t>(state.nodes.size())},
       {"sequence", static_cast<std::int64_t>(state.last_sequence)}});
  core = std::make_unique<Core>(config.core, std::move(state), random);
  storage::Store& store = database->StartWriter(loop.Poster());
  loop.Start(*core, store, outside);
  // Before the disk is measured: its reserve refuses new work, not a first start.
  MUSTER_TRY(EnsureFirstTokens(config.state_dir, mint, loop));
  housekeeping = std::make_unique<Housekeeping>(config.state_dir, loop, disk, stalls);
  return {};
}

void Server::Parts::MakeServices() {
  rpc = std::make_unique<RpcParts>(RpcParts{
      loop, sessions, *history, *io, *blobs, *run_files, hub, stalls, disk, tickets, *path_check,
      outside.live_sequence(), enrollment, SpecDefaults{config.core.default_lease}, config.rpc});
  ServerFacts facts{MUSTER_VERSION, started, [this] {
                      return DiskFacts{disk.free_bytes(), disk.reserve_bytes()};
                    }};
  record = std::make_unique<TrackingParts>(
      TrackingParts{loop, *history, *tracking_readers, *tracking, disk, started});
  auto jobs = std::make_unique<JobService>(*rpc);
  auto files = std::make_unique<RunFileService>(*rpc, *tracking_readers);
  auto runs = std::make_unique<TrackingService>(*record);
  spools = std::make_unique<SpoolIntake>(*record, *io);
  attempt_calls = std::make_unique<AttemptCalls>(*rpc, *jobs, *files, *runs);
  services.push_back(std::make_unique<AgentService>(*rpc, *spools, *attempt_calls));
  services.push_back(std::move(jobs));
  services.push_back(std::move(files));
  services.push_back(std::move(runs));
  services.push_back(std::make_unique<BlobService>(*rpc));
  services.push_back(std::make_unique<AdminService>(loop, mint, std::move(facts)));
  services.push_back(std::make_unique<NodeService>(loop));
  services.push_back(std::make_unique<PoolService>(loop));
  services.push_back(std::make_unique<DatastoreService>(loop, [this] { path_check->Forget(); }));
}

Status Server::Parts::OpenPort() {
  EnablePortPlugins();
  grpc::ServerBuilder builder;
  ApplyPortLimits(builder);
  AddSecurePort(builder, config.listen, pki.server, pki.ca.certificate_pem, identities, &port);
  for (const auto& service : services) builder.RegisterService(service.get());
  grpc_server = builder.BuildAndStart();
  if (grpc_server == nullptr || port == 0) {
    return Fail(ErrorCode::kUnavailable, ErrorReason::kIo,
                "cannot listen on " + config.listen +
                    ": another program uses it, or it is no "
                    "address of this machine");
  }
  return {};
}

Status Server::Parts::WriteAddress() const {
  const std::string host = config.listen.substr(0, config.listen.rfind(':'));
  const std::string address = host + ":" + std::to_string(port);
  MUSTER_TRY(security::WriteSecretFile(fs::path(config.state_dir) / "address", address + "\n"));
  Log(LogLevel::kInfo, "ready",
      {{"address", address},
       {"port", port},
       {"state_dir", config.state_dir},
       {"version", MUSTER_VERSION}});
  return {};
}

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Result<std::unique_ptr<Server>> Server::Start(const ServerConfig& config) {
  MUSTER_TRY(security::MakeSecretDirectory(config.state_dir));
  MUSTER_ASSIGN(auto database, storage::Database::Open(config.state_dir));
  MUSTER_ASSIGN(StatePki pki,
                LoadOrCreateStatePki(config.state_dir, config.names, ReadClock().wall));
  std::unique_ptr<Server> server(
      new Server(std::make_unique<Parts>(config, std::move(database), std::move(pki))));
  MUSTER_TRY(server->parts_->OpenStores());
  MUSTER_TRY(server->parts_->StartCore());
  server->parts_->MakeServices();
  MUSTER_TRY(server->parts_->OpenPort());
  MUSTER_TRY(server->parts_->WriteAddress());
  return server;
}

Server::~Server() { Stop(); }

void Server::Stop() {
  if (parts_ == nullptr) return;
  const std::unique_ptr<Parts> parts = std::move(parts_);
  if (parts->grpc_server != nullptr) {
    const auto answered = std::make_shared<std::promise<void>>();
    parts->loop.Post(scheduler::Command{{}, scheduler::BeginShutdown{}},
                     [answered](const Result<ReplyValue>&) { answered->set_value(); });
    // The answer comes when everything before it is durable and answered.
    answered->get_future().wait_for(kDrainTimeout);
    parts->grpc_server->Shutdown(std::chrono::system_clock::now() + kCloseTimeout);
    parts->grpc_server.reset();
  }
  parts->housekeeping.reset();
  parts->io.reset();
  parts->history.reset();
  parts->tracking_readers.reset();
  parts->loop.Stop();
  if (parts->tracking != nullptr) parts->tracking->Stop();
  if (parts->core != nullptr) parts->database->StopWriter();
}

}  // namespace muster::server
