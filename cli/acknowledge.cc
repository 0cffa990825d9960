#include "cli/acknowledge.h"

#include <ostream>

#include "cli/table.h"

namespace muster::cli {

ExitCode Acknowledge(Session& session, const google::protobuf::Message& reply,
                     const std::string& sentence) {
  if (session.json) {
    session.PrintJson(reply);
  } else {
    session.out << Printable(sentence) << "\n";
  }
  return ExitCode::kOk;
}

}  // namespace muster::cli
