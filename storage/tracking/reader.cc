#include "storage/tracking/reader.h"

#include <algorithm>
#include <map>
#include <utility>

#include "storage/codec/values.h"
#include "storage/sqlite/connection.h"
#include "storage/tracking/codec.h"
#include "storage/tracking/rows.h"

namespace muster::storage {
namespace {

constexpr std::uint64_t kLargest = static_cast<std::uint64_t>(INT64_MAX);

std::string ListSql(const RunFilter& filter) {
  std::string sql = "SELECT " + std::string(kRunColumns) +
                    " FROM runs WHERE workspace = ?1 AND sequence < ?2 AND kind <> 1";
  if (filter.parent) sql += " AND parent_id = ?3";
  if (!filter.experiment.empty()) sql += " AND experiment = ?4";
  return sql + " ORDER BY sequence DESC LIMIT ?5";
}

// Resets the statement at the end of a scope, however that is left.
class Running {
 public:
  explicit Running(Statement& statement) : statement_(statement) {}
  ~Running() { statement_.Reset(); }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  Statement& statement_;
};

using NamesByNumber = std::map<std::uint64_t, std::string>;

Result<NamesByNumber> ReadNames(Statement& statement) {
  const Running running(statement);
  NamesByNumber names;
  while (true) {
    MUSTER_ASSIGN(const bool row, statement.Step());
    if (!row) return names;
    names[statement.Unsigned(0)] = statement.Text(1);
  }
}

// `statement` gives name, position, data, one value more than the page takes.
Result<MetricPage> ReadPage(Statement& statement, const NamesByNumber& names,
                            const MetricQuery& query) {
  const Running running(statement);
  MetricPage page;
  MetricPosition last;
  for (std::size_t bytes = 0;;) {
    MUSTER_ASSIGN(const bool row, statement.Step());
    if (!row) return page;
    if (page.values.size() == query.max_values || bytes >= query.max_bytes) {
      page.next = last;
      return page;
    }
    last = {statement.Unsigned(0), statement.Unsigned(1)};
    const auto name = names.find(last.name);
    if (name == names.end()) return Fail(Corrupt("a metric's name is missing"));
    MUSTER_ASSIGN(Metric metric, DecodeMetric(statement.Bytes(2)));
    metric.name = name->second;
    bytes += statement.Bytes(2).size() + metric.name.size() + 32;
    page.values.push_back(std::move(metric));
  }
}

class SqliteTrackingReader final : public TrackingReader {
 public:
  explicit SqliteTrackingReader(Connection connection) : connection_(std::move(connection)) {}

  Status Prepare();
  Result<std::optional<TrackedRun>> GetRun(const WorkspaceName& workspace,
                                           const RunId& id) override;
  Result<RunPage> ListRuns(const RunFilter& filter, std::uint64_t before,
                           std::size_t limit) override;
  Result<std::vector<ExperimentSummary>> ListExperiments(const WorkspaceName& workspace,
                                                         const std::string& after,
                                                         std::size_t limit) override;
  Result<std::optional<MetricPage>> ReadMetrics(const MetricQuery& query) override;

 private:
  Connection connection_;
  std::optional<Statement> find_run_, experiments_, names_, name_, values_, values_of_name_;
};

Status SqliteTrackingReader::Prepare() {
  const std::string find_run =
      "SELECT " + std::string(kRunColumns) + " FROM runs WHERE workspace = ?1 AND run_id = ?2";
  const std::pair<std::optional<Statement>*, std::string_view> statements[] = {
      {&find_run_, find_run},
      // Beside MAX() a bare column is that of the row which has the maximum.
      {&experiments_,
       "SELECT experiment, COUNT(*), MAX(sequence), data FROM runs INDEXED BY runs_by_both WHERE "
       "workspace = ?1 AND parent_id = '' AND kind <> 1 AND experiment > ?2 GROUP BY experiment "
       "ORDER BY experiment LIMIT ?3"},
      {&names_, "SELECT number, name FROM metric_names WHERE run = ?1"},
      {&name_, "SELECT number, name FROM metric_names WHERE run = ?1 AND name = ?2"},
      {&values_,
       "SELECT name, position, data FROM metrics WHERE run = ?1 AND (name, position) > (?2, ?3) "
       "ORDER BY name, position LIMIT ?4"},
      {&values_of_name_,
       "SELECT name, position, data FROM metrics WHERE run = ?1 AND name = ?2 AND position > ?3 "
       "ORDER BY position LIMIT ?4"},
  };
  for (const auto& [statement, sql] : statements) {
    MUSTER_ASSIGN(*statement, connection_.Prepare(sql));
  }
  return {};
}

Result<std::optional<TrackedRun>> SqliteTrackingReader::GetRun(const WorkspaceName& workspace,
                                                               const RunId& id) {
  const Running running(*find_run_);
  find_run_->BindText(1, workspace.str()).BindText(2, id.str());
  MUSTER_ASSIGN(const bool found, find_run_->Step());
  if (!found) return std::nullopt;
  return ReadRunRow(*find_run_);
}

Result<RunPage> SqliteTrackingReader::ListRuns(const RunFilter& filter, std::uint64_t before,
                                               std::size_t limit) {
  MUSTER_ASSIGN(Statement statement, connection_.Prepare(ListSql(filter)));
  statement.BindText(1, filter.workspace.str())
      .Bind(2, before == 0 ? kLargest : std::min(before, kLargest))
      .Bind(5, std::uint64_t{limit});
  if (filter.parent) statement.BindText(3, filter.parent->str());
  if (!filter.experiment.empty()) statement.BindText(4, filter.experiment);
  RunPage page;
  while (true) {
    MUSTER_ASSIGN(const bool row, statement.Step());
    if (!row) break;
    MUSTER_ASSIGN(page.runs.emplace_back(), ReadRunRow(statement));
  }
  if (page.runs.size() == limit) page.next_before = page.runs.back().sequence;
  return page;
}

Result<std::vector<ExperimentSummary>> SqliteTrackingReader::ListExperiments(
    const WorkspaceName& workspace, const std::string& after, std::size_t limit) {
  const Running running(*experiments_);
  experiments_->BindText(1, workspace.str()).BindText(2, after).Bind(3, std::uint64_t{limit});
  std::vector<ExperimentSummary> experiments;
  while (true) {
    MUSTER_ASSIGN(const bool row, experiments_->Step());
    if (!row) return experiments;
    TrackedRun newest;
    MUSTER_TRY(DecodeRunData(experiments_->Bytes(3), newest));
    experiments.push_back(
        {std::string(experiments_->Text(0)), experiments_->Unsigned(1), newest.created});
  }
}

Result<std::optional<MetricPage>> SqliteTrackingReader::ReadMetrics(const MetricQuery& query) {
  // Names and values of one moment.
  MUSTER_ASSIGN(Transaction transaction, Transaction::Begin(connection_, Transaction::Kind::kRead));
  MUSTER_ASSIGN(const std::optional<TrackedRun> run, GetRun(query.workspace, query.run));
  if (!run) return std::nullopt;
  Statement& select = query.name.empty() ? *names_ : *name_;
  select.Bind(1, run->sequence);
  if (!query.name.empty()) select.BindText(2, query.name);
  MUSTER_ASSIGN(const NamesByNumber names, ReadNames(select));
  if (names.empty()) return MetricPage{};
  Statement& values = query.name.empty() ? *values_ : *values_of_name_;
  values.Bind(1, run->sequence)
      .Bind(2, query.name.empty() ? query.after.name : names.begin()->first)
      .Bind(3, query.after.position)
      .Bind(4, std::uint64_t{query.max_values + 1});
  return ReadPage(values, names, query);
}

}  // namespace

Result<std::unique_ptr<TrackingReader>> TrackingReader::Open(const std::string& path) {
  MUSTER_ASSIGN(Connection connection, Connection::Open(path, Connection::Mode::kReadOnly));
  MUSTER_TRY(connection.Execute("PRAGMA query_only = ON; PRAGMA cache_size = -16384"));
  auto reader = std::make_unique<SqliteTrackingReader>(std::move(connection));
  MUSTER_TRY(reader->Prepare());
  return reader;
}

}  // namespace muster::storage
