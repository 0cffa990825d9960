#include <algorithm>
#include <filesystem>
#include <memory>
#include <ostream>

#include "cli/client.h"
#include "cli/format.h"
#include "cli/run_files.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/verbs/verbs.h"

namespace muster::cli {
namespace {

namespace v1 = muster::v1;

constexpr char kFooter[] =
    "Examples:\n"
    "  muster job download digits_1790000000_0a1b2c3d\n"
    "  muster job download --prefix outputs/ --to results digits_1790000000_0a1b2c3d\n"
    "  muster job download --file outputs/model.pt digits_1790000000_0a1b2c3d\n"
    "\n"
    "Each file keeps its name, below --to. What the job writes meanwhile is not waited for.\n"
    "JSON: {\"files\": [...]}, those that were fetched.";

struct Options {
  std::string job_id, prefix;
  std::vector<std::string> names;
  std::optional<std::string> to;
  bool overwrite = false;
};

// Those that are wanted. Fails (kNegative) with the names that are not there, and for none at all.
Outcome<v1::ListRunFilesReply> Choose(const v1::ListRunFilesReply& all, const Options& options) {
  v1::ListRunFilesReply chosen;
  chosen.set_attempt(all.attempt());
  std::vector<Fault> faults;
  for (const std::string& name : options.names) {
    const auto file = std::ranges::find(all.files(), name, [](const auto& f) { return f.name(); });
    if (file == all.files().end()) {
      faults.push_back({"--file", name, "is no file of " + Printable(options.job_id)});
    } else {
      *chosen.add_files() = *file;
    }
  }
  if (options.names.empty()) {
    for (const v1::RunFile& file : all.files()) {
      if (file.name().starts_with(options.prefix)) *chosen.add_files() = file;
    }
  }
  if (faults.empty() && !chosen.files().empty()) return chosen;
  return FailWith(Failure(
      ExitCode::kNegative,
      Error{ErrorCode::kNotFound, ErrorReason::kUnknownRunFile,
            Printable(options.job_id) + " has no such files; see `muster job files`", faults}));
}

Outcome<ExitCode> Run(Session& session, const Options& options) {
  if (!options.names.empty() && !options.prefix.empty()) {
    return FailWith(UsageError("--file and --prefix exclude each other"));
  }
  MUSTER_CLI_ASSIGN(Client* const client, session.Connect());
  MUSTER_CLI_ASSIGN(const v1::ListRunFilesReply all,
                    ListRunFiles(*client, session.workspace(), options.job_id));
  MUSTER_CLI_ASSIGN(const v1::ListRunFilesReply chosen, Choose(all, options));
  const Fetch fetch{session.workspace(), options.job_id, options.to.value_or("."),
                    options.overwrite};
  std::error_code failed;
  std::filesystem::create_directories(fetch.directory, failed);
  if (failed) {
    return FailWith(
        UsageError("can't make " + Printable(fetch.directory) + ": " + failed.message()));
  }
  for (const v1::RunFile& file : chosen.files()) {
    MUSTER_CLI_TRY(FetchRunFile(*client, fetch, chosen.attempt(), file.name()));
    if (!session.json) {
      session.out << Printable(fetch.directory + "/" + file.name()) << "  "
                  << FormatBytes(file.size_bytes()) << "\n";
    }
  }
  if (session.json) session.PrintJson(chosen);
  return ExitCode::kOk;
}

}  // namespace

void AddJobDownload(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.Add("job download", "Fetch files of a job",
           [options](Session& session) { return Run(session, *options); })
      .Argument("JOB", options->job_id, "Id of the job, or of another run")
      .Values("--file", "NAME", options->names, "Only this file; repeatable")
      .Value("--prefix", "TEXT", options->prefix, "Only files whose names begin so")
      .Value("--to", "DIR", options->to, "Where to (default: here); made if it is not there")
      .Flag("--overwrite", options->overwrite, "Replace files that are there")
      .Footer(kFooter);
}

}  // namespace muster::cli
