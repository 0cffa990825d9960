#include "tests/unit/agent_core/agent_core_fixture.h"

namespace muster::agent {

namespace {

struct Describer {
  std::string operator()(const Prepare& a) const { return "Prepare " + ToString(a.id); }
  std::string operator()(const Launch& a) const { return "Launch " + ToString(a.id); }
  std::string operator()(const StartDaemon& a) const {
    return "StartDaemon " + ToString(a.id) + " " + std::to_string(a.request.id);
  }
  std::string operator()(const AnswerDaemon& a) const {
    return "AnswerDaemon " + ToString(a.id) + " " + std::to_string(a.exit.id) + "=" +
           std::to_string(a.exit.exit_code);
  }
  std::string operator()(const Terminate& a) const {
    return "Terminate " + ToString(a.id) + " " + FormatDuration(a.grace_period);
  }
  std::string operator()(const Kill& a) const { return "Kill " + ToString(a.id); }
  std::string operator()(const ShipRest& a) const { return "ShipRest " + ToString(a.id); }
  std::string operator()(const Remove& a) const { return "Remove " + ToString(a.id); }
  std::string operator()(const SendReport& a) const {
    return "SendReport " + std::to_string(a.report.sequence);
  }
};

}  // namespace

std::string Describe(const Action& action) { return std::visit(Describer{}, action); }

}  // namespace muster::agent
