#include "cli/submit_flags.h"

#include <algorithm>
#include <limits>

#include "cli/outcome.h"
#include "cli/spec_words.h"
#include "cli/table.h"
#include "cli/utf8.h"

namespace muster::cli {
namespace {

namespace v1 = muster::v1;

class Draft {
 public:
  explicit Draft(SpecFile file) : file_(std::move(file)) {}

  void Apply(const SubmitFlags& flags) {
    ApplyNames(flags);
    ApplyNumbers(flags);
    ApplyDurations(flags);
    ApplyMaps(flags);
    ApplyData(flags);
    for (const auto& name : flags.conda_packages) {
      spec_.mutable_environment()->add_conda_packages(name);
    }
    for (const auto& name : flags.pip_packages) {
      spec_.mutable_environment()->add_pip_packages(name);
    }
  }

  void CheckPresence() {
    if (spec_.experiment().empty())
      Missing("--experiment", "experiment", "names the series of jobs");
    if (file_.source_directory.empty()) {
      Missing("--source-directory", "source_directory", "holds the scripts");
    }
    if (spec_.script().empty()) Missing("--entry-script", "script", "is what the job runs");
  }

  // A message carries UTF-8 alone.
  void CheckTexts() {
    for (int i = 0; i < spec_.arguments_size(); ++i) {
      const std::string& argument = spec_.arguments(i);
      if (IsUtf8(argument)) continue;
      faults_.push_back({"arguments[" + std::to_string(i) + "]", Printable(argument),
                         "is not UTF-8; a job's arguments are text: pass other bytes in a file"});
    }
    for (const auto& [name, value] : spec_.environment_variables()) {
      if (IsUtf8(name) && IsUtf8(value)) continue;
      faults_.push_back({"environment_variables", Printable(name), "is not UTF-8"});
    }
    for (const auto& [name, value] : spec_.tags()) {
      if (IsUtf8(name) && IsUtf8(value)) continue;
      faults_.push_back({"tags", Printable(name), "is not UTF-8"});
    }
    for (const v1::DataReference& data : spec_.data_references()) {
      CheckText("data_references", data.name());
      CheckText("data_references", data.datastore());
      CheckText("data_references", data.path());
    }
    const v1::EnvironmentSpec& environment = spec_.environment();
    for (const std::string& name : environment.conda_packages()) CheckText("conda_packages", name);
    for (const std::string& name : environment.pip_packages()) CheckText("pip_packages", name);
    CheckText("interpreter_path", environment.interpreter_path());
    CheckText("docker_image", environment.docker_image());
    CheckText("experiment", spec_.experiment());
    CheckText("script", spec_.script());
    CheckText("pool", spec_.pool());
  }

  Result<SpecFile> Finish() {
    if (faults_.empty()) return std::move(file_);
    return Fail(UsageError("the job cannot be submitted:", std::move(faults_)));
  }

 private:
  void ApplyNames(const SubmitFlags& flags) {
    if (flags.experiment) spec_.set_experiment(*flags.experiment);
    if (flags.source_directory) file_.source_directory = *flags.source_directory;
    if (flags.entry_script) spec_.set_script(*flags.entry_script);
    if (flags.pool) spec_.set_pool(*flags.pool);
    if (flags.backend) {
      if (const auto backend = Take("--distributed-backend", ParseCommunicator(*flags.backend))) {
        spec_.set_communicator(*backend);
      }
    }
    if (flags.script_arguments.empty()) return;
    spec_.clear_arguments();
    for (const auto& word : flags.script_arguments) spec_.add_arguments(word);
  }

  void ApplyNumbers(const SubmitFlags& flags) {
    if (flags.node_count) spec_.set_node_count(*flags.node_count);
    if (flags.process_count_per_node) {
      spec_.set_process_count_per_node(*flags.process_count_per_node);
    }
    if (flags.node_loss_retries) {
      spec_.mutable_restart_policy()->set_node_loss_retries(*flags.node_loss_retries);
    }
    if (!flags.priority) return;
    using Limits = std::numeric_limits<std::int32_t>;
    if (*flags.priority < Limits::min() || *flags.priority > Limits::max()) {
      faults_.push_back({"--priority", std::to_string(*flags.priority), "is out of range"});
    } else {
      spec_.set_priority(static_cast<std::int32_t>(*flags.priority));
    }
  }

  void ApplyDurations(const SubmitFlags& flags) {
    const auto milliseconds = [&](const char* flag, const std::optional<std::string>& text,
                                  auto set) {
      if (!text) return;
      const auto duration = Take(flag, ParseDuration(flag, *text));
      if (duration) set(duration->count() / 1000);
    };
    milliseconds("--lease", flags.lease,
                 [&](std::int64_t ms) { spec_.mutable_restart_policy()->set_lease_ms(ms); });
    milliseconds("--grace-period", flags.grace_period,
                 [&](std::int64_t ms) { spec_.set_grace_period_ms(ms); });
    milliseconds("--max-run-duration", flags.max_run_duration,
                 [&](std::int64_t ms) { spec_.set_max_run_duration_ms(ms); });
  }

  void ApplyMaps(const SubmitFlags& flags) {
    for (const auto& text : flags.environment) {
      if (const auto pair = Take("--env", ParseAssignment("--env", text))) {
        (*spec_.mutable_environment_variables())[pair->first] = pair->second;
      }
    }
    for (const auto& text : flags.tags) {
      if (const auto pair = Take("--tag", ParseAssignment("--tag", text))) {
        (*spec_.mutable_tags())[pair->first] = pair->second;
      }
    }
  }

  void ApplyData(const SubmitFlags& flags) {
    std::vector<std::string> given;
    for (const auto& text : flags.data) {
      auto reference = Take("--data", ParseData(text));
      if (!reference) continue;
      if (std::find(given.begin(), given.end(), reference->name()) != given.end()) {
        faults_.push_back({"--data", "",
                           "the name " + reference->name() +
                               " is given twice; write NAME=datastore/path to choose another"});
        continue;
      }
      given.push_back(reference->name());
      Place(std::move(*reference));
    }
  }

  void Place(v1::DataReference reference) {
    for (v1::DataReference& known : *spec_.mutable_data_references()) {
      if (known.name() == reference.name()) {
        known = std::move(reference);
        return;
      }
    }
    *spec_.add_data_references() = std::move(reference);
  }

  template <class T>
  std::optional<T> Take(const char* flag, Result<T> result) {
    if (result) return std::move(*result);
    std::string message = std::move(result).error().message;
    // The field stands before the message already.
    const std::string repeated = std::string(flag) + " ";
    if (message.starts_with(repeated)) message.erase(0, repeated.size());
    faults_.push_back({flag, "", std::move(message)});
    return std::nullopt;
  }

  void CheckText(const char* field, const std::string& text) {
    if (!IsUtf8(text)) faults_.push_back({field, Printable(text), "is not UTF-8"});
  }

  void Missing(const char* flag, const std::string& key, const std::string& meaning) {
    faults_.push_back({flag, "", "is needed (or `" + key + "` in the file): it " + meaning});
  }

  SpecFile file_;
  v1::JobSpec& spec_ = file_.spec;
  std::vector<Fault> faults_;
};

}  // namespace

Result<SpecFile> DraftJob(const SubmitFlags& flags) {
  SpecFile file;
  if (flags.file) {
    MUSTER_ASSIGN(file, ReadSpecFile(*flags.file));
  }
  Draft draft(std::move(file));
  draft.Apply(flags);
  draft.CheckPresence();
  draft.CheckTexts();
  return draft.Finish();
}

}  // namespace muster::cli
