#include "server/rpc/spec_validation.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <string>
#include <utility>

#include "base/digest.h"
#include "server/rpc/field_checks.h"

namespace muster::server {
namespace {

namespace v1 = muster::v1;
using Faults = std::vector<Fault>;

std::string At(std::string_view field, int index) {
  return std::string(field) + "[" + std::to_string(index) + "]";
}

void CheckRange(Faults& faults, std::string field, std::int64_t value, std::int64_t low,
                std::int64_t high) {
  if (value >= low && value <= high) return;
  AddFault(faults, std::move(field), std::to_string(value),
           "must be " + std::to_string(low) + ".." + std::to_string(high));
}

void CheckExperiment(const v1::JobSpec& spec, Faults& faults) {
  if (IsExperimentName(spec.experiment())) return;
  AddFault(faults, "experiment", spec.experiment(),
           "an experiment name has 1..200 characters: first a letter or digit, then letters, "
           "digits, \"-\" and \"_\"");
}

void CheckPool(const v1::JobSpec& spec, Faults& faults) {
  if (spec.pool().empty() || IsPoolName(spec.pool())) return;
  AddFault(faults, "pool", spec.pool(),
           "a pool name has 2..24 characters of [a-z0-9-], first a letter; leave it empty for the "
           "pool \"default\"");
}

void CheckSource(const v1::JobSpec& spec, Faults& faults) {
  if (!Digest::Parse(spec.snapshot_digest())) {
    AddFault(faults, "snapshot_digest", spec.snapshot_digest(),
             "must be the SHA-256 of the packed source directory, 64 lower-case hex characters; "
             "upload it first");
  }
  if (spec.script().empty()) {
    AddFault(faults, "script", "",
             "is required: the entry script, relative to the source directory");
    return;
  }
  std::string wrong = PathFault(spec.script(), kMaxPathBytes);
  if (wrong.empty() && spec.script().ends_with('/')) wrong = "names a directory";
  if (!wrong.empty()) {
    AddFault(faults, "script", spec.script(),
             wrong + "; the entry script must lie inside the source directory");
  }
}

void CheckArguments(const v1::JobSpec& spec, Faults& faults) {
  if (spec.arguments_size() > kMaxArguments) {
    AddFault(faults, "arguments", std::to_string(spec.arguments_size()) + " arguments",
             "at most 10,000 arguments are allowed; put more into a file of the source directory");
  }
  std::size_t bytes = 0;
  bool nul = false;
  for (int i = 0; i < spec.arguments_size(); ++i) {
    bytes += spec.arguments(i).size();
    if (nul || spec.arguments(i).find('\0') == std::string::npos) continue;
    nul = true;
    AddFault(faults, At("arguments", i), "", "contains a NUL byte, which no argument can hold");
  }
  if (bytes > kMaxArgumentBytes) {
    AddFault(faults, "arguments", std::to_string(bytes) + " bytes",
             "at most 1 MiB (1048576 bytes) in all is allowed; put more into a file of the source "
             "directory");
  }
}

bool NeedsCommunicator(const v1::JobSpec& spec) {
  return spec.node_count() > 1 || spec.process_count_per_node() > 1;
}

void CheckCounts(const v1::JobSpec& spec, Faults& faults) {
  if (spec.has_node_count()) {
    CheckRange(faults, "node_count", spec.node_count(), 1, kMaxNodeCount);
  }
  if (spec.has_process_count_per_node()) {
    CheckRange(faults, "process_count_per_node", spec.process_count_per_node(), 1,
               kMaxProcessesPerNode);
  }
}

void CheckCommunicator(const v1::JobSpec& spec, Faults& faults) {
  switch (spec.communicator()) {
    case v1::COMMUNICATOR_MPI:
    case v1::COMMUNICATOR_GLOO:
    case v1::COMMUNICATOR_NCCL:
      return;
    case v1::COMMUNICATOR_UNSPECIFIED:
    case v1::COMMUNICATOR_NONE:
      if (!NeedsCommunicator(spec)) return;
      AddFault(faults, "communicator", "none",
               "node_count " + std::to_string(spec.has_node_count() ? spec.node_count() : 1) +
                   " and process_count_per_node " +
                   std::to_string(spec.has_process_count_per_node() ? spec.process_count_per_node()
                                                                    : 1) +
                   " need a distributed backend: mpi, gloo or nccl; or set both counts to 1");
      return;
    case v1::COMMUNICATOR_PARAMETER_SERVER:
      AddFault(faults, "communicator", "parameter_server",
               "parameter servers are not supported yet; use mpi, gloo or nccl");
      return;
    case v1::Communicator_INT_MIN_SENTINEL_DO_NOT_USE_:
    case v1::Communicator_INT_MAX_SENTINEL_DO_NOT_USE_:
      break;
  }
  AddFault(faults, "communicator", std::to_string(static_cast<int>(spec.communicator())),
           "is not a known distributed backend; use none, mpi, gloo or nccl");
}

void CheckPackages(const google::protobuf::RepeatedPtrField<std::string>& packages,
                   std::string field, Faults& faults) {
  if (packages.empty()) return;
  std::string names;
  for (const std::string& package : packages) {
    if (names.size() > 200) break;
    if (!names.empty()) names += ", ";
    names += package;
  }
  AddFault(faults, std::move(field), names, std::string(kEnvironmentsNotBuilt));
}

void CheckEnvironment(const v1::JobSpec& spec, Faults& faults) {
  if (spec.framework().size() > 255) {
    AddFault(faults, "framework", spec.framework(), "at most 255 bytes are allowed");
  }
  const v1::EnvironmentSpec& environment = spec.environment();
  const std::string& interpreter = environment.interpreter_path();
  if (!interpreter.empty() &&
      (!interpreter.starts_with('/') || interpreter.size() > kMaxPathBytes ||
       interpreter.find('\0') != std::string::npos)) {
    AddFault(faults, "environment.interpreter_path", interpreter,
             "must be an absolute path on the nodes, at most 4,096 bytes; leave it empty for the "
             "interpreter that the node's configuration names");
  }
  CheckPackages(environment.conda_packages(), "environment.conda_packages", faults);
  CheckPackages(environment.pip_packages(), "environment.pip_packages", faults);
  if (!environment.docker_image().empty()) {
    AddFault(faults, "environment.docker_image", environment.docker_image(),
             std::string(kEnvironmentsNotBuilt));
  }
}

// The order of a protobuf map is not that of the sender; the faults' order is.
void AddSorted(std::vector<Fault> found, Faults& faults) {
  std::ranges::sort(found, {}, &Fault::field);
  std::ranges::move(found, std::back_inserter(faults));
}

void CheckVariable(const std::string& name, const std::string& value, Faults& faults) {
  const bool nul = value.find('\0') != std::string::npos;
  if (IsVariableName(name) && !nul) return;
  const std::string field = "environment_variables[" + CutForFault(name) + "]";
  if (!IsVariableName(name)) {
    AddFault(faults, field, name,
             "a variable's name has letters, digits and \"_\", and does not start with a digit");
  }
  if (nul) AddFault(faults, field, "", "contains a NUL byte, which no variable can hold");
}

void CheckVariables(const v1::JobSpec& spec, Faults& faults) {
  const auto& variables = spec.environment_variables();
  if (variables.size() > kMaxVariables) {
    AddFault(faults, "environment_variables", std::to_string(variables.size()) + " variables",
             "at most 1,000 variables are allowed");
    return;  // a fault for each of a million would cost more than the specification
  }
  std::size_t bytes = 0;
  Faults found;
  for (const auto& [name, value] : variables) {
    bytes += name.size() + value.size();
    CheckVariable(name, value, found);
  }
  AddSorted(std::move(found), faults);
  if (bytes > kMaxVariableBytes) {
    AddFault(faults, "environment_variables", std::to_string(bytes) + " bytes",
             "at most 1 MiB (1048576 bytes) in all is allowed");
  }
}

void CheckDataMode(const v1::DataReference& reference, const std::string& at, Faults& faults) {
  switch (reference.mode()) {
    case v1::DATA_MODE_UNSPECIFIED:
    case v1::DATA_MODE_MOUNT:
    case v1::DATA_MODE_DOWNLOAD:
      return;
    case v1::DATA_MODE_UPLOAD:
      AddFault(faults, at + ".mode", "upload",
               "a local datastore is delivered read-only; use mount or download, and write results "
               "to outputs/");
      return;
    case v1::DataMode_INT_MIN_SENTINEL_DO_NOT_USE_:
    case v1::DataMode_INT_MAX_SENTINEL_DO_NOT_USE_:
      break;
  }
  AddFault(faults, at + ".mode", std::to_string(static_cast<int>(reference.mode())),
           "is not a known mode; use mount or download");
}

void CheckDataReference(const v1::DataReference& reference, const std::string& at, Faults& faults) {
  if (!IsWord(reference.name(), 255)) {
    AddFault(faults, at + ".name", reference.name(),
             "a data reference's name has 1..255 letters, digits and \"_\"");
  }
  if (!IsWord(reference.datastore(), 255)) {
    AddFault(faults, at + ".datastore", reference.datastore(),
             "must name a registered datastore: 1..255 letters, digits and \"_\"");
  }
  if (const std::string wrong = PathFault(reference.path(), kMaxPathBytes); !wrong.empty()) {
    AddFault(faults, at + ".path", reference.path(), wrong + " (the datastore's root)");
  }
  CheckDataMode(reference, at, faults);
  const std::string wrong = PathFault(reference.path_on_compute(), kMaxPathBytes);
  if (!wrong.empty()) {
    AddFault(faults, at + ".path_on_compute", reference.path_on_compute(),
             wrong + " (the attempt's directory)");
  }
}

void CheckDataReferences(const v1::JobSpec& spec, Faults& faults) {
  if (spec.data_references_size() > kMaxDataReferences) {
    AddFault(faults, "data_references",
             std::to_string(spec.data_references_size()) + " data references",
             "at most 256 data references are allowed");
    return;
  }
  std::set<std::string_view> names;
  for (int i = 0; i < spec.data_references_size(); ++i) {
    const v1::DataReference& reference = spec.data_references(i);
    const std::string at = At("data_references", i);
    CheckDataReference(reference, at, faults);
    if (!names.insert(reference.name()).second) {
      AddFault(faults, at + ".name", reference.name(),
               "is used twice; each data reference of a job needs a name of its own");
    }
  }
}

void CheckPolicies(const v1::JobSpec& spec, Faults& faults) {
  CheckRange(faults, "max_run_duration_ms", spec.max_run_duration_ms(), 0, kMaxRunDurationMs);
  CheckRange(faults, "restart_policy.node_loss_retries", spec.restart_policy().node_loss_retries(),
             0, 100);
  const std::int64_t lease_ms = spec.restart_policy().lease_ms();
  if (lease_ms != 0) {
    CheckRange(faults, "restart_policy.lease_ms", lease_ms, 1'000, 3'600'000);
  }
  CheckRange(faults, "priority", spec.priority(), -1'000, 1'000);
  if (spec.has_grace_period_ms()) {
    CheckRange(faults, "grace_period_ms", spec.grace_period_ms(), 0, 3'600'000);
  }
}

void CheckTags(const v1::JobSpec& spec, Faults& faults) {
  if (spec.tags().size() > kMaxTags) {
    AddFault(faults, "tags", std::to_string(spec.tags().size()) + " tags",
             "at most 50 tags are allowed");
    return;
  }
  Faults found;
  for (const auto& [key, value] : spec.tags()) {
    const std::string field = "tags[" + CutForFault(key) + "]";
    if (key.empty() || key.size() > 100) {
      AddFault(found, field, key, "a tag's key has 1..100 bytes");
    }
    if (value.size() > 1'000) {
      AddFault(found, field, std::to_string(value.size()) + " bytes",
               "a tag's value has at most 1,000 bytes");
    }
  }
  AddSorted(std::move(found), faults);
}

}  // namespace

std::vector<Fault> ValidateSpec(const v1::JobSpec& spec) {
  Faults faults;
  if (const std::size_t bytes = spec.ByteSizeLong(); bytes > kMaxSpecBytes) {
    AddFault(faults, "spec", std::to_string(bytes) + " bytes",
             "at most 2 MiB (2097152 bytes) are allowed; put large inputs into the source "
             "directory or a datastore");
  }
  CheckExperiment(spec, faults);
  CheckPool(spec, faults);
  CheckSource(spec, faults);
  CheckArguments(spec, faults);
  CheckCounts(spec, faults);
  CheckCommunicator(spec, faults);
  CheckEnvironment(spec, faults);
  CheckVariables(spec, faults);
  CheckDataReferences(spec, faults);
  CheckPolicies(spec, faults);
  CheckTags(spec, faults);
  return faults;
}

Error SpecError(std::vector<Fault> faults) {
  const bool packages_alone = std::ranges::all_of(
      faults, [](const Fault& fault) { return fault.message == kEnvironmentsNotBuilt; });
  if (faults.size() > kMaxFaultsShown) {
    const std::size_t more = faults.size() - kMaxFaultsShown;
    faults.resize(kMaxFaultsShown);
    AddFault(faults, "spec", "", "and " + std::to_string(more) + " more faults");
  }
  Error error = InvalidSpec(std::move(faults));
  if (packages_alone) error.reason = ErrorReason::kPackagesUnsupported;
  return error;
}

}  // namespace muster::server
