#include "storage/tracking/rows.h"

#include <string>
#include <utility>

#include "storage/codec/values.h"
#include "storage/tracking/codec.h"

namespace muster::storage {

Result<TrackedRun> ReadRunRow(const Statement& row) {
  TrackedRun run;
  run.sequence = row.Unsigned(0);
  run.workspace = WorkspaceName(std::string(row.Text(1)));
  run.id = RunId(std::string(row.Text(2)));
  if (row.Integer(3) < 1 || row.Integer(3) > static_cast<std::int64_t>(RunKind::kChild)) {
    return Fail(Corrupt("run " + run.id.str() + " has kind " + std::to_string(row.Integer(3))));
  }
  run.kind = static_cast<RunKind>(row.Integer(3));
  run.experiment = row.Text(4);
  run.parent = RunId(std::string(row.Text(5)));
  run.user = UserName(std::string(row.Text(6)));
  run.metric_names = row.Unsigned(7);
  run.metric_values = row.Unsigned(8);
  MUSTER_TRY(DecodeRunData(row.Bytes(9), run));
  return run;
}

Result<std::unique_ptr<TrackingRows>> TrackingRows::Prepare(Connection& connection) {
  std::unique_ptr<TrackingRows> rows(new TrackingRows(connection));
  const std::string find_run =
      "SELECT " + std::string(kRunColumns) + " FROM runs WHERE workspace = ?1 AND run_id = ?2";
  const std::pair<std::optional<Statement>*, std::string_view> statements[] = {
      {&rows->find_run_, find_run},
      {&rows->insert_run_,
       "INSERT INTO runs (workspace, run_id, kind, experiment, parent_id, user, metric_names, "
       "metric_values, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"},
      {&rows->save_run_, "UPDATE runs SET data = ?2 WHERE sequence = ?1"},
      {&rows->save_counts_,
       "UPDATE runs SET metric_names = ?2, metric_values = ?3 WHERE sequence = ?1"},
      {&rows->find_name_, "SELECT number, count FROM metric_names WHERE run = ?1 AND name = ?2"},
      {&rows->save_name_,
       "INSERT INTO metric_names (run, name, number, count) VALUES (?1, ?2, ?3, ?4) "
       "ON CONFLICT DO UPDATE SET count = excluded.count"},
      {&rows->insert_metric_,
       "INSERT INTO metrics (run, name, position, data) VALUES (?1, ?2, ?3, ?4)"},
      {&rows->next_, "SELECT next FROM metric_writers WHERE run = ?1 AND writer = ?2"},
      {&rows->save_next_,
       "INSERT INTO metric_writers (run, writer, next) VALUES (?1, ?2, ?3) "
       "ON CONFLICT DO UPDATE SET next = excluded.next"},
      {&rows->find_spool_,
       "SELECT next, script_failure FROM spool_files WHERE run = ?1 AND writer = ?2"},
      {&rows->save_spool_,
       "INSERT INTO spool_files (run, writer, next, script_failure) VALUES (?1, ?2, ?3, ?4) "
       "ON CONFLICT DO UPDATE SET next = excluded.next, script_failure = excluded.script_failure"},
      {&rows->find_answered_,
       "SELECT request_digest FROM answered_requests WHERE workspace = ?1 AND key = ?2"},
      {&rows->remember_,
       "INSERT INTO answered_requests (workspace, key, request_digest) VALUES (?1, ?2, ?3)"},
      {&rows->forget_, "DELETE FROM answered_requests WHERE sequence <= ?1"},
  };
  for (const auto& [statement, sql] : statements) {
    MUSTER_ASSIGN(*statement, connection.Prepare(sql));
  }
  return rows;
}

Result<std::optional<TrackedRun>> TrackingRows::FindRun(const WorkspaceName& workspace,
                                                        const RunId& id) {
  find_run_->BindText(1, workspace.str()).BindText(2, id.str());
  MUSTER_ASSIGN(const bool found, find_run_->Step());
  if (!found) return std::nullopt;
  Result<TrackedRun> run = ReadRunRow(*find_run_);
  find_run_->Reset();
  return run;
}

Status TrackingRows::InsertRun(TrackedRun& run) {
  const std::string data = EncodeRunData(run);
  insert_run_->BindText(1, run.workspace.str())
      .BindText(2, run.id.str())
      .Bind(3, static_cast<std::int64_t>(run.kind))
      .BindText(4, run.experiment)
      .BindText(5, run.parent.str())
      .BindText(6, run.user.str())
      .Bind(7, run.metric_names)
      .Bind(8, run.metric_values)
      .BindBlob(9, data);
  MUSTER_TRY(insert_run_->Run());
  run.sequence = static_cast<std::uint64_t>(sqlite3_last_insert_rowid(connection_.raw()));
  return {};
}

Status TrackingRows::SaveRun(const TrackedRun& run) {
  const std::string data = EncodeRunData(run);
  return save_run_->Bind(1, run.sequence).BindBlob(2, data).Run();
}

Status TrackingRows::SaveCounts(const TrackedRun& run) {
  return save_counts_->Bind(1, run.sequence)
      .Bind(2, run.metric_names)
      .Bind(3, run.metric_values)
      .Run();
}

Result<MetricName> TrackingRows::FindName(std::uint64_t run, std::string_view name) {
  find_name_->Bind(1, run).BindText(2, name);
  MUSTER_ASSIGN(const bool found, find_name_->Step());
  if (!found) return MetricName{};
  const MetricName state{find_name_->Unsigned(0), find_name_->Unsigned(1)};
  find_name_->Reset();
  return state;
}

Status TrackingRows::SaveName(std::uint64_t run, std::string_view name, const MetricName& state) {
  return save_name_->Bind(1, run)
      .BindText(2, name)
      .Bind(3, state.number)
      .Bind(4, state.count)
      .Run();
}

Status TrackingRows::InsertMetric(std::uint64_t run, std::uint64_t name, std::uint64_t position,
                                  std::string_view data) {
  return insert_metric_->Bind(1, run).Bind(2, name).Bind(3, position).BindBlob(4, data).Run();
}

Result<std::uint64_t> TrackingRows::NextOf(std::uint64_t run, std::string_view writer) {
  next_->Bind(1, run).BindText(2, writer);
  MUSTER_ASSIGN(const bool found, next_->Step());
  if (!found) return std::uint64_t{0};
  const std::uint64_t next = next_->Unsigned(0);
  next_->Reset();
  return next;
}

Status TrackingRows::SaveNext(std::uint64_t run, std::string_view writer, std::uint64_t next) {
  return save_next_->Bind(1, run).BindText(2, writer).Bind(3, next).Run();
}

Result<SpoolFile> TrackingRows::FindSpool(std::uint64_t run, std::string_view writer) {
  find_spool_->Bind(1, run).BindText(2, writer);
  MUSTER_ASSIGN(const bool found, find_spool_->Step());
  if (!found) return SpoolFile{};
  SpoolFile file;
  file.next = find_spool_->Unsigned(0);
  if (!find_spool_->IsNull(1)) file.script_failure = std::string(find_spool_->Text(1));
  find_spool_->Reset();
  return file;
}

Status TrackingRows::SaveSpool(std::uint64_t run, std::string_view writer, const SpoolFile& file) {
  save_spool_->Bind(1, run).BindText(2, writer).Bind(3, file.next);
  if (file.script_failure) {
    save_spool_->BindText(4, *file.script_failure);
  } else {
    save_spool_->BindNull(4);
  }
  return save_spool_->Run();
}

Result<std::optional<Digest>> TrackingRows::FindAnswered(const WorkspaceName& workspace,
                                                         std::string_view key) {
  find_answered_->BindText(1, workspace.str()).BindText(2, key);
  MUSTER_ASSIGN(const bool found, find_answered_->Step());
  if (!found) return std::nullopt;
  Digest digest;
  const bool whole = DecodeDigest(find_answered_->Bytes(0), digest).has_value();
  find_answered_->Reset();
  if (!whole) return Fail(Corrupt("the digest of request \"" + std::string(key) + "\""));
  return digest;
}

Status TrackingRows::Remember(const WorkspaceName& workspace, std::string_view key,
                              const Digest& digest, std::uint64_t kept) {
  const std::string bytes = DigestBytes(digest);
  MUSTER_TRY(remember_->BindText(1, workspace.str()).BindText(2, key).BindBlob(3, bytes).Run());
  const auto newest = static_cast<std::uint64_t>(sqlite3_last_insert_rowid(connection_.raw()));
  return newest <= kept ? Status() : forget_->Bind(1, newest - kept).Run();
}

}  // namespace muster::storage
