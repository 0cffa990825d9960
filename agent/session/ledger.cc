#include "agent/session/ledger.h"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/digest.h"
#include "base/log.h"
#include "security/secret_file.h"

namespace muster::agent {
namespace {

// A record: "muster-ledger 2 <phase> <SHA-256 of the rest>\n<JSON>\n<task bytes>". The phase is one
// digit, so that an attempt that is launched takes one byte.
constexpr std::string_view kMagic = "muster-ledger 2 ";
constexpr std::size_t kPhaseAt = kMagic.size();
constexpr std::size_t kDigestAt = kPhaseAt + 2;
constexpr std::size_t kDigestCharacters = 64;
constexpr char kEpochName[] = "epoch";
constexpr char kBootName[] = "boot";
constexpr char kLeasesName[] = "leases";
constexpr std::size_t kMaxNameBytes = 200;
constexpr std::size_t kCutNameBytes = 120;

bool IsRecordName(const std::string& name) {
  // "<job>.<attempt>": the other files end in a letter, temporary ones begin with a dot.
  return !name.empty() && name.front() != '.' && name.back() >= '0' && name.back() <= '9';
}

char Digit(LedgerPhase phase) { return static_cast<char>('0' + static_cast<int>(phase)); }

std::string Encode(const LedgerRecord& record) {
  nlohmann::json head = {{"job", record.id.job.str()},
                         {"attempt", record.id.number},
                         {"lease_us", record.lease.count()},
                         {"has_task", record.task != nullptr}};
  if (record.failure) {
    head["failure_code"] = static_cast<int>(record.failure->code);
    head["failure_message"] = record.failure->message;
  }
  std::string body = head.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  if (record.task) body += *record.task;
  return std::string(kMagic) + Digit(record.phase) + " " + Sha256(body).Hex() + "\n" + body;
}

template <class T>
T Number(const nlohmann::json& head, const char* key) {
  const auto found = head.find(key);
  return found != head.end() && found->is_number_integer() ? found->get<T>() : T{};
}

std::string Text(const nlohmann::json& head, const char* key) {
  const auto found = head.find(key);
  return found != head.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

// Nothing if the record is damaged.
std::optional<LedgerRecord> Decode(std::string_view content) {
  const std::size_t prefix = kDigestAt + kDigestCharacters + 1;
  if (content.size() <= prefix || content.substr(0, kMagic.size()) != kMagic) return std::nullopt;
  const std::string_view body = content.substr(prefix);
  if (content.substr(kDigestAt, kDigestCharacters) != Sha256(body).Hex()) return std::nullopt;
  const auto line = body.find('\n');
  const auto head = nlohmann::json::parse(body.substr(0, line), nullptr, false);
  if (line == std::string_view::npos || !head.is_object()) return std::nullopt;
  LedgerRecord record;
  record.id = {JobId(Text(head, "job")), Number<std::uint32_t>(head, "attempt")};
  record.phase = static_cast<LedgerPhase>(content[kPhaseAt] - '0');
  const bool failed = head.contains("failure_code");
  if (record.phase < LedgerPhase::kPreparing || record.phase > LedgerPhase::kFailed ||
      failed != (record.phase == LedgerPhase::kFailed))
    return std::nullopt;
  record.lease = Duration(Number<std::int64_t>(head, "lease_us"));
  if (failed) {
    record.failure = Failure{static_cast<FailureCode>(Number<int>(head, "failure_code")),
                             Text(head, "failure_message")};
  }
  const auto has_task = head.find("has_task");
  if (has_task != head.end() && has_task->is_boolean() && has_task->get<bool>()) {
    record.task = std::make_shared<const std::string>(body.substr(line + 1));
  }
  if (record.id.job.empty()) return std::nullopt;
  return record;
}

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

bool IsGone(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::status(path, error).type() == std::filesystem::file_type::not_found;
}

}  // namespace

std::string AttemptName(const AttemptId& id) {
  const std::string& job = id.job.str();
  const std::string stem =
      job.size() <= kMaxNameBytes ? job : job.substr(0, kCutNameBytes) + "-" + Sha256(job).Hex();
  return stem + "." + std::to_string(id.number);
}

Result<std::unique_ptr<Ledger>> Ledger::Open(std::string directory) {
  std::unique_ptr<Ledger> ledger(new Ledger(std::move(directory)));
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(ledger->directory_, error)) {
    if (entry.path().filename().string().front() == '.') unlink(entry.path().c_str());
  }
  if (error) {
    return Fail(ErrorCode::kInternal, ErrorReason::kIo,
                "cannot read " + ledger->directory_ + ": " + error.message());
  }
  const std::string epoch = ReadAll(ledger->directory_ + "/" + kEpochName);
  std::from_chars(epoch.data(), epoch.data() + epoch.size(), ledger->seen_epoch_);
  ledger->boot_id_ = ReadAll(ledger->directory_ + "/" + kBootName);
  return ledger;
}

std::vector<LedgerRecord> Ledger::Load() const {
  std::vector<LedgerRecord> records;
  std::error_code error;
  // Not a range-for: that throws where the directory cannot be read on.
  for (std::filesystem::directory_iterator entry(directory_, error), end; entry != end;
       entry.increment(error)) {
    const std::filesystem::path& path = entry->path();
    const std::string name = path.filename().string();
    if (!IsRecordName(name)) continue;
    auto record = Decode(ReadAll(path.string()));
    if (record && AttemptName(record->id) == name) {
      records.push_back(std::move(*record));
    } else if (!IsGone(path)) {
      Log(LogLevel::kWarning, "ledger_record_damaged", {{"path", path.string()}});
    }
  }
  if (error) {
    Log(LogLevel::kError, "ledger_unreadable", {{"error", error.message()}});
  }
  return records;
}

Status Ledger::Write(const std::string& name, const std::string& content) const {
  return security::WriteSecretFile(directory_ + "/" + name, content);
}

Status Ledger::Put(const LedgerRecord& record) {
  if (record.phase == LedgerPhase::kLaunched && MarkLaunched(AttemptName(record.id))) return {};
  return Write(AttemptName(record.id), Encode(record));
}

// In place and durable. False: there is no record yet, or it could not be done.
bool Ledger::MarkLaunched(const std::string& name) const {
  const int fd = open((directory_ + "/" + name).c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return false;
  const char phase = Digit(LedgerPhase::kLaunched);
  const bool marked = pwrite(fd, &phase, 1, kPhaseAt) == 1 && fdatasync(fd) == 0;
  close(fd);
  return marked;
}

void Ledger::Remove(const AttemptId& id) { unlink((directory_ + "/" + AttemptName(id)).c_str()); }

void Ledger::NoteLeases(const std::vector<LeaseState>& leases) {
  if (leases == noted_leases_) return;
  const std::string path = directory_ + "/" + kLeasesName;
  const std::string temporary = directory_ + "/." + kLeasesName;
  {
    std::ofstream file(temporary, std::ios::trunc);
    for (const LeaseState& lease : leases) {
      file << lease.id.job.str() << ' ' << lease.id.number << ' '
           << lease.until.time_since_epoch().count() << '\n';
    }
  }
  std::error_code error;
  std::filesystem::rename(temporary, path, error);
  if (!error) noted_leases_ = leases;
}

std::vector<LeaseState> Ledger::LoadLeases() const {
  std::vector<LeaseState> leases;
  std::ifstream file(directory_ + "/" + kLeasesName);
  std::string job;
  std::uint32_t number = 0;
  Duration::rep until = 0;
  while (file >> job >> number >> until) {
    leases.push_back({{JobId(job), number}, SteadyPoint(Duration(until))});
  }
  return leases;
}

Status Ledger::PutSeenEpoch(std::uint64_t epoch) {
  MUSTER_TRY(Write(kEpochName, std::to_string(epoch)));
  seen_epoch_ = epoch;
  return {};
}

Status Ledger::PutBootId(const std::string& boot_id) {
  MUSTER_TRY(Write(kBootName, boot_id));
  boot_id_ = boot_id;
  return {};
}

}  // namespace muster::agent
