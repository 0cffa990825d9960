// What a verb works with: where it writes, what was asked of every verb, and the way to the server.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "cli/outcome.h"

namespace google::protobuf {
class Message;
}

namespace muster::cli {

class Client;

// One per process; used by the main thread alone.
class Session {
 public:
  struct Terminal {
    bool out = false;       // stdout is one
    bool err = false;       // stderr is one
    std::size_t width = 0;  // of stdout, in columns; 0: unlimited
  };

  Session(std::ostream& out_stream, std::ostream& err_stream, Terminal where);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // The server of the configuration that `muster login` wrote. Opens the channel the first time,
  // and connects to nothing yet. Fails (kUsage) when nobody has logged in.
  Outcome<Client*> Connect();
  // The workspace to name in requests: --workspace, or the one of the configuration.
  const std::string& workspace() const { return workspace_; }

  // One message as JSON on stdout (cli/json.h).
  void PrintJson(const google::protobuf::Message& message);
  // One line on stderr.
  void Note(const std::string& line);

  std::ostream& out;
  std::ostream& err;
  const Terminal terminal;

  // Set by the command line before the verb runs.
  bool json = false;
  std::string workspace_flag;
  // The words after "--".
  std::vector<std::string> rest;

 private:
  std::unique_ptr<Client> client_;
  std::string workspace_;
};

}  // namespace muster::cli
