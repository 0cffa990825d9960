// muster-agent: reads the settings and runs the agent.
#include <iostream>

#include "agent/session/agent_process.h"
#include "agent/session/config.h"
#include "security/tls_policy.h"

namespace {

constexpr int kBadSettings = 2;

int Refuse(const muster::Error& error) {
  std::cerr << "muster-agent: " << error.message << "\n";
  return kBadSettings;
}

}  // namespace

int main(int argc, char** argv) {
  muster::security::ApplyTlsPolicy();
  const muster::agent::CommandLine line = muster::agent::ParseCommandLine(argc, argv);
  if (line.exit_code) return *line.exit_code;
  muster::agent::RawSettings file;
  if (!line.config_file.empty()) {
    auto read = muster::agent::ReadConfigFile(line.config_file);
    if (!read) return Refuse(read.error());
    file = std::move(*read);
  }
  const auto config =
      muster::agent::ResolveConfig(file, line.settings, muster::agent::ReadMachineFacts());
  if (!config) return Refuse(config.error());
  if (config->log_file.empty()) {
    muster::InitLog("muster-agent", config->log_level);
  } else if (const auto opened =
                 muster::InitLogFile("muster-agent", config->log_level, config->log_file);
             !opened) {
    return Refuse(opened.error());
  }
  return muster::agent::RunAgent(*config);
}
