#include "storage/sqlite/row_writer.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "storage/codec/codec.h"
#include "storage/sqlite/latest.h"

namespace muster::storage {
namespace {

using scheduler::Event;
using scheduler::JobSubmitted;
using scheduler::RequestAnswered;

std::string_view Bytes(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.bytes().data()), Digest::kBytes};
}

bool Holds(const scheduler::Attempt& attempt) {
  return std::any_of(attempt.nodes.begin(), attempt.nodes.end(), [](const auto& node) {
    return node.phase != scheduler::NodePhase::kFinished;
  });
}

class SqliteRowWriter final : public RowWriter {
 public:
  explicit SqliteRowWriter(Connection& connection) : connection_(connection) {}

  Status Prepare();
  Status Write(std::span<const Batch* const> batches) override;

 private:
  Status WriteRows(const LatestRows& latest);
  Status WriteJob(const scheduler::Job& job);
  Status WriteAttempt(const scheduler::Attempt& attempt);
  Status WriteNode(const NodeId& id, const scheduler::Node* node);
  Status WritePool(const scheduler::PoolKey& key, const scheduler::Pool* pool);
  Status WriteToken(const TokenId& id, const scheduler::Token* token);
  Status WriteServer(const RowChanges& rows);
  Status WriteSpecs(const Batch& batch, const JobSubmitted& submitted);
  Status WriteAnswer(const Event& event, const RequestAnswered& answer);
  Status WriteEvents(const Batch& batch);
  Status WriteEvent(const Event& event, std::uint32_t attempt);

  Connection& connection_;
  std::optional<Statement> job_, specs_, attempt_, node_, remove_node_, pool_, remove_pool_,
      datastore_, token_, remove_token_, workspace_, server_, answer_, event_, event_of_job_;
};

Status SqliteRowWriter::Prepare() {
  const std::pair<std::optional<Statement>*, const char*> statements[] = {
      {&job_,
       "INSERT INTO jobs VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (sequence) DO "
       "UPDATE SET status = excluded.status, live = excluded.live, data = excluded.data"},
      {&specs_, "INSERT INTO job_specs VALUES (?1, ?2, ?3, ?4, ?5)"},
      {&attempt_,
       "INSERT INTO attempts VALUES (?1, ?2, coalesce((SELECT workspace FROM jobs WHERE job_id = "
       "?1), ''), ?3, ?4) ON CONFLICT (job_id, number) DO UPDATE SET holds = excluded.holds, "
       "data = excluded.data"},
      {&node_, "INSERT OR REPLACE INTO nodes VALUES (?1, ?2, ?3, ?4)"},
      {&remove_node_, "DELETE FROM nodes WHERE node_id = ?1"},
      {&pool_, "INSERT OR REPLACE INTO pools VALUES (?1, ?2, ?3)"},
      {&remove_pool_, "DELETE FROM pools WHERE workspace = ?1 AND name = ?2"},
      {&datastore_, "INSERT OR REPLACE INTO datastores VALUES (?1, ?2, ?3)"},
      {&token_, "INSERT OR REPLACE INTO tokens VALUES (?1, ?2, ?3)"},
      {&remove_token_, "DELETE FROM tokens WHERE token_id = ?1"},
      {&workspace_, "INSERT OR REPLACE INTO workspaces VALUES (?1)"},
      {&server_,
       "UPDATE server SET epoch = ?1, last_job_sequence = ?2, leases_extended_until_us = ?3"},
      {&answer_, "INSERT INTO answered_requests VALUES (?1, ?2, ?3, ?4, ?5)"},
      {&event_, "INSERT INTO events VALUES (?1, ?2, ?3, NULL, NULL, NULL, ?4)"},
      {&event_of_job_,
       "INSERT INTO events VALUES (?1, ?2, ?3, (SELECT workspace FROM jobs WHERE job_id = ?5), "
       "?5, ?6, ?4)"},
  };
  for (const auto& [statement, sql] : statements) {
    MUSTER_ASSIGN(*statement, connection_.Prepare(sql));
  }
  return {};
}

Status SqliteRowWriter::Write(std::span<const Batch* const> batches) {
  MUSTER_TRY(WriteRows(PickLatest(batches)));
  for (const Batch* batch : batches) MUSTER_TRY(WriteEvents(*batch));
  return {};
}

Status SqliteRowWriter::WriteRows(const LatestRows& latest) {
  for (const scheduler::Job* job : latest.jobs) MUSTER_TRY(WriteJob(*job));
  for (const auto& [id, attempt] : latest.attempts) MUSTER_TRY(WriteAttempt(*attempt));
  for (const auto& [id, node] : latest.nodes) MUSTER_TRY(WriteNode(id, node));
  for (const auto& [key, pool] : latest.pools) MUSTER_TRY(WritePool(key, pool));
  for (const auto& [key, store] : latest.datastores) {
    const std::string data = EncodeDatastore(*store);
    datastore_->BindText(1, key.workspace.str()).BindText(2, key.name.str()).BindBlob(3, data);
    MUSTER_TRY(datastore_->Run());
  }
  for (const auto& [id, token] : latest.tokens) MUSTER_TRY(WriteToken(id, token));
  for (const WorkspaceName& name : latest.workspaces) {
    workspace_->BindText(1, name.str());
    MUSTER_TRY(workspace_->Run());
  }
  if (latest.server != nullptr) return WriteServer(*latest.server);
  return {};
}

Status SqliteRowWriter::WriteJob(const scheduler::Job& job) {
  const std::string data = EncodeJob(job);
  const bool live = !scheduler::IsTerminal(job.status);
  job_->Bind(1, job.sequence)
      .BindText(2, job.workspace.str())
      .BindText(3, job.id.str())
      .BindText(4, job.experiment)
      .BindText(5, job.user.str())
      .BindText(6, job.requirements.pool.str())
      .Bind(7, static_cast<std::int64_t>(job.status))
      .Bind(8, std::int64_t{live})
      .BindBlob(9, data);
  return job_->Run();
}

Status SqliteRowWriter::WriteAttempt(const scheduler::Attempt& attempt) {
  const std::string data = EncodeAttempt(attempt);
  attempt_->BindText(1, attempt.id.job.str())
      .Bind(2, std::int64_t{attempt.id.number})
      .Bind(3, std::int64_t{Holds(attempt)})
      .BindBlob(4, data);
  return attempt_->Run();
}

Status SqliteRowWriter::WriteToken(const TokenId& id, const scheduler::Token* token) {
  if (token == nullptr) {
    remove_token_->BindText(1, id.str());
    return remove_token_->Run();
  }
  const std::string data = EncodeToken(*token);
  token_->BindText(1, id.str()).BindText(2, token->workspace.str()).BindBlob(3, data);
  return token_->Run();
}

Status SqliteRowWriter::WriteNode(const NodeId& id, const scheduler::Node* node) {
  if (node == nullptr) {
    remove_node_->BindText(1, id.str());
    return remove_node_->Run();
  }
  const std::string data = EncodeNode(*node);
  node_->BindText(1, id.str())
      .BindText(2, node->pool.workspace.str())
      .BindText(3, node->pool.name.str())
      .BindBlob(4, data);
  return node_->Run();
}

Status SqliteRowWriter::WritePool(const scheduler::PoolKey& key, const scheduler::Pool* pool) {
  if (pool == nullptr) {
    remove_pool_->BindText(1, key.workspace.str()).BindText(2, key.name.str());
    return remove_pool_->Run();
  }
  const std::string data = EncodePool(*pool);
  pool_->BindText(1, key.workspace.str()).BindText(2, key.name.str()).BindBlob(3, data);
  return pool_->Run();
}

Status SqliteRowWriter::WriteServer(const RowChanges& rows) {
  server_->Bind(1, rows.epoch).Bind(2, rows.last_job_sequence);
  if (rows.leases_extended_until) {
    server_->Bind(3, ToMicros(*rows.leases_extended_until));
  } else {
    server_->BindNull(3);
  }
  return server_->Run();
}

Status SqliteRowWriter::WriteSpecs(const Batch& batch, const JobSubmitted& submitted) {
  static const std::string kNoSpec;
  const std::string& resolved = submitted.resolved_spec ? *submitted.resolved_spec : kNoSpec;
  specs_->Bind(1, submitted.sequence).BindText(2, submitted.workspace.str()).BindNull(3);
  for (const Event& event : batch.events) {
    const auto* answer = std::get_if<RequestAnswered>(&event.body);
    if (answer != nullptr && answer->entity == submitted.id.str()) specs_->Bind(3, event.sequence);
  }
  specs_->BindBlob(4, resolved);
  if (submitted.given_spec == resolved) {
    specs_->BindNull(5);
  } else {
    specs_->BindBlob(5, submitted.given_spec);
  }
  return specs_->Run();
}

Status SqliteRowWriter::WriteAnswer(const Event& event, const RequestAnswered& answer) {
  answer_->Bind(1, event.sequence)
      .BindText(2, answer.workspace.str())
      .BindText(3, answer.key)
      .BindBlob(4, Bytes(answer.request_digest))
      .BindText(5, answer.entity);
  return answer_->Run();
}

// A status event carries the number of the newest attempt at its moment: that of the job's row,
// which is the end of the batch, less the attempts the batch creates after the event.
Status SqliteRowWriter::WriteEvents(const Batch& batch) {
  std::map<JobId, std::uint32_t> attempts;
  for (const scheduler::Job& job : batch.rows.jobs) attempts[job.id] = job.attempt_count;
  for (const Event& event : batch.events) {
    if (const auto* created = std::get_if<scheduler::AttemptCreated>(&event.body)) {
      std::uint32_t& count = attempts[created->id.job];
      count = std::min(count, created->id.number - 1);
    }
  }
  for (const Event& event : batch.events) {
    if (const auto* created = std::get_if<scheduler::AttemptCreated>(&event.body)) {
      attempts[created->id.job] = created->id.number;
    }
    const JobId* job = JobOf(event.body);
    MUSTER_TRY(WriteEvent(event, job == nullptr ? 0 : attempts[*job]));
    if (const auto* answer = std::get_if<RequestAnswered>(&event.body)) {
      MUSTER_TRY(WriteAnswer(event, *answer));
    } else if (const auto* submitted = std::get_if<JobSubmitted>(&event.body)) {
      MUSTER_TRY(WriteSpecs(batch, *submitted));
    }
  }
  return {};
}

Status SqliteRowWriter::WriteEvent(const Event& event, std::uint32_t attempt) {
  const std::string data = EncodeEvent(event);
  const std::uint32_t kind = EventKind(event.body);
  const JobId* job = JobOf(event.body);
  Statement& statement = job == nullptr ? *event_ : *event_of_job_;
  statement.Bind(1, event.sequence)
      .Bind(2, ToMicros(event.time))
      .Bind(3, std::int64_t{kind})
      .BindBlob(4, data);
  if (job != nullptr) {
    statement.BindText(5, job->str());
    if (kind == kKindJobSubmitted || kind == kKindJobStatusChanged) {
      statement.Bind(6, std::int64_t{attempt});
    } else {
      statement.BindNull(6);
    }
  }
  return statement.Run();
}

}  // namespace

Result<std::unique_ptr<RowWriter>> RowWriter::Create(Connection& connection) {
  auto writer = std::make_unique<SqliteRowWriter>(connection);
  MUSTER_TRY(writer->Prepare());
  return writer;
}

}  // namespace muster::storage
