#include "cli/session.h"

#include <ostream>

#include "cli/client.h"
#include "cli/config.h"
#include "cli/json.h"

namespace muster::cli {

Session::Session(std::ostream& out_stream, std::ostream& err_stream, Terminal where)
    : out(out_stream), err(err_stream), terminal(where) {}

Session::~Session() = default;

Outcome<Client*> Session::Connect() {
  if (client_ == nullptr) {
    MUSTER_CLI_ASSIGN(const std::filesystem::path path, ConfigPath());
    MUSTER_CLI_ASSIGN(Config config, LoadConfig(path));
    workspace_ = workspace_flag.empty() ? config.workspace : workspace_flag;
    client_ = std::make_unique<Client>(std::move(config),
                                       [this](const std::string& line) { Note(line); });
  }
  return client_.get();
}

void Session::PrintJson(const google::protobuf::Message& message) { out << ToJson(message); }

void Session::Note(const std::string& line) { err << "muster: " << line << std::endl; }

}  // namespace muster::cli
