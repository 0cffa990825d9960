// The decisions of `muster up`, `down` and `status`, and what they remember.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "cli/personal/layout.h"
#include "cli/personal/lock.h"
#include "cli/personal/plan.h"
#include "cli/personal/process.h"
#include "cli/personal/programs.h"
#include "cli/personal/record.h"
#include "cli/personal/report.h"
#include "tests/unit/cli/scratch.h"

namespace muster::cli {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint32_t kCores = 4;

PersonalRecord TwoNodes() {
  PersonalRecord record;
  record.address = "127.0.0.1:4711";
  record.server = ProcessMark{100, 5, "boot"};
  record.nodes = {{"node1", 2, ProcessMark{101, 6, "boot"}}, {"node2", 3, std::nullopt}};
  return record;
}

UpRequest Wish(std::optional<std::uint32_t> nodes, std::optional<std::uint32_t> slots = {}) {
  UpRequest request;
  request.nodes = nodes;
  request.slots = slots;
  return request;
}

std::vector<std::string> NodesOf(const UpPlan& plan) {
  std::vector<std::string> shown;
  for (const PersonalNode& node : plan.record.nodes) {
    shown.push_back(node.name + ":" + std::to_string(node.slots));
  }
  return shown;
}

TEST(PlanUp, StartsWhatIsMissingAndAddsNodes) {
  struct Case {
    const char* what;
    PersonalRecord record;
    PersonalLife life;
    UpRequest request;
    bool server;
    std::vector<std::string> nodes;
    std::vector<std::size_t> start;
    std::size_t notes;
  };
  const std::vector<Case> cases = {
      {"first start", {}, {}, {}, true, {"node1:4"}, {0}, 0},
      {"first start of three",
       {},
       {},
       Wish(3, 2),
       true,
       {"node1:2", "node2:2", "node3:2"},
       {0, 1, 2},
       0},
      {"all is up", TwoNodes(), {true, {true, true}}, {}, false, {"node1:2", "node2:3"}, {}, 0},
      {"as many as there are",
       TwoNodes(),
       {true, {true, true}},
       Wish(2),
       false,
       {"node1:2", "node2:3"},
       {},
       0},
      {"one agent is gone",
       TwoNodes(),
       {true, {true, false}},
       {},
       false,
       {"node1:2", "node2:3"},
       {1},
       0},
      {"the server is gone",
       TwoNodes(),
       {false, {true, true}},
       {},
       true,
       {"node1:2", "node2:3"},
       {},
       0},
      {"after a reboot",
       TwoNodes(),
       {false, {false, false}},
       {},
       true,
       {"node1:2", "node2:3"},
       {0, 1},
       0},
      {"one more",
       TwoNodes(),
       {true, {true, true}},
       Wish(3),
       false,
       {"node1:2", "node2:3", "node3:4"},
       {2},
       0},
      {"fewer: none goes",
       TwoNodes(),
       {true, {true, true}},
       Wish(1),
       false,
       {"node1:2", "node2:3"},
       {},
       1},
      {"slots of nodes that start",
       TwoNodes(),
       {true, {false, true}},
       Wish({}, 3),
       false,
       {"node1:3", "node2:3"},
       {0},
       0},
      {"slots of nodes that run stay",
       TwoNodes(),
       {true, {true, true}},
       Wish({}, 8),
       false,
       {"node1:2", "node2:3"},
       {},
       2},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    const auto plan = PlanUp(c.record, c.life, c.request, kCores);
    ASSERT_TRUE(plan) << plan.error().message;
    EXPECT_EQ(plan->start_server, c.server);
    EXPECT_EQ(NodesOf(*plan), c.nodes);
    EXPECT_EQ(plan->start_nodes, c.start);
    EXPECT_EQ(plan->notes.size(), c.notes);
    EXPECT_EQ(plan->NothingToDo(), !c.server && c.start.empty());
  }
}

TEST(PlanUp, NodesOfASmallMachineTakeTwoProcesses) {
  EXPECT_THAT(NodesOf(*PlanUp({}, {}, {}, 1)), ElementsAre("node1:2"));
}

TEST(PlanUp, NamesTheNumberAndTheLimit) {
  const std::vector<std::pair<UpRequest, std::string>> cases = {
      {Wish(0), "--nodes must be 1..64, not 0"},
      {Wish(65), "--nodes must be 1..64, not 65"},
      {Wish(1, 0), "--slots must be 1..1024, not 0"},
      {Wish(1, 1025), "--slots must be 1..1024, not 1025"}};
  for (const auto& [request, sentence] : cases) {
    const auto plan = PlanUp({}, {}, request, kCores);
    ASSERT_FALSE(plan) << sentence;
    EXPECT_EQ(plan.error().message, sentence);
  }
}

TEST(PlanUp, AnotherInterpreterReachesNodesAtTheirNextStart) {
  UpRequest request;
  request.interpreter = "/venv/bin/python3";
  const auto running = PlanUp(TwoNodes(), {true, {true, true}}, request, kCores);
  EXPECT_EQ(running->record.interpreter, "/venv/bin/python3");
  EXPECT_EQ(running->notes.size(), 1U);
  EXPECT_THAT(PlanUp(TwoNodes(), {}, request, kCores)->notes, IsEmpty());
}

TEST(ChooseLogin, OnlyAnotherServersLoginIsInTheWay) {
  const Digest own = Sha256("own"), other = Sha256("other");
  EXPECT_EQ(ChooseLogin({false, {}, {}}, false), LoginChoice::kWrite);
  EXPECT_EQ(ChooseLogin({true, own, own}, false), LoginChoice::kUpdate);
  EXPECT_EQ(ChooseLogin({true, other, own}, false), LoginChoice::kRefuse);
  // Before the first start nothing can be this server's login; what cannot be read is somebody's.
  EXPECT_EQ(ChooseLogin({true, other, {}}, false), LoginChoice::kRefuse);
  EXPECT_EQ(ChooseLogin({true, {}, {}}, false), LoginChoice::kRefuse);
  EXPECT_EQ(ChooseLogin({true, other, own}, true), LoginChoice::kWrite);
}

TEST(PlanDown, RunningJobsAreInTheWayUnlessForced) {
  struct Case {
    const char* what;
    DownFacts facts;
    bool force, cancels;
    const char *refusal, *note;
  };
  const std::vector<Case> cases = {
      {"idle", {true, true, 0, 0, 0}, false, false, "", ""},
      {"one runs", {true, true, 1, 5, 0}, false, false, "1 job runs; ", ""},
      {"two run, forced", {true, true, 2, 1, 0}, true, true, "", "canceling 3 jobs"},
      {"one waits", {true, true, 0, 1, 0}, false, false, "", "1 job waits for the next"},
      {"server away, nothing runs", {true, false, 0, 0, 0}, false, false, "", ""},
      {"server away, jobs run",
       {true, false, 0, 0, 2},
       false,
       false,
       "2 jobs may run though the server is away; `muster up`",
       ""},
      {"the same, forced", {true, false, 0, 0, 2}, true, false, "", "the processes are killed"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    const DownPlan plan = PlanDown(c.facts, c.force);
    EXPECT_EQ(plan.cancel_jobs, c.cancels);
    EXPECT_THAT(plan.refusal, HasSubstr(c.refusal));
    EXPECT_EQ(plan.refusal.empty(), std::string(c.refusal).empty());
    EXPECT_THAT(plan.note, HasSubstr(c.note));
    EXPECT_EQ(plan.note.empty(), std::string(c.note).empty());
  }
}

TEST(StateOf, IsUpOnlyWhenItIsWhole) {
  EXPECT_EQ(StateOf({true, {true, true}}, true, 2), PersonalState::kUp);
  EXPECT_EQ(StateOf({true, {true, true}}, true, 1), PersonalState::kPartly);
  EXPECT_EQ(StateOf({true, {true}}, false, 0), PersonalState::kPartly);
  EXPECT_EQ(StateOf({false, {true}}, false, 0), PersonalState::kPartly);
  EXPECT_EQ(StateOf({false, {false}}, false, 0), PersonalState::kDown);
  EXPECT_EQ(StateOf({}, false, 0), PersonalState::kDown);
  EXPECT_EQ(ExitCodeOf(PersonalState::kDown), ExitCode{3});
}

TEST(PersonalReport, NamesWhatIsMissing) {
  PersonalReport report;
  report.state = PersonalState::kPartly;
  report.directory = "/d";
  report.record = TwoNodes();
  report.life = {true, {true, false}};
  report.server_answers = true;
  auto& node = *report.nodes.add_nodes();
  node.set_id("node1");
  node.set_connected(true);
  report.server.set_jobs_active(1);
  EXPECT_EQ(ReportText(report),
            "Server     up (process 100)\n"
            "Address    127.0.0.1:4711\n"
            "Nodes      node1: connected, 2 slots (process 101)\n"
            "           node2: down, 3 slots\n"
            "Jobs       1 running, 0 waiting\n"
            "Directory  /d\n");
  EXPECT_THAT(ReportJson(report), HasSubstr("\"state\": \"partly\""));
}

TEST(PersonalRecord, IsReadBackAsItWasWritten) {
  const Scratch scratch;
  const PersonalRecord record = TwoNodes();
  ASSERT_TRUE(SaveRecord(scratch.Path("r"), record));
  const auto loaded = LoadRecord(scratch.Path("r"));
  ASSERT_TRUE(loaded && *loaded);
  EXPECT_EQ(FormatRecord(**loaded), FormatRecord(record));
  EXPECT_EQ((*loaded)->nodes[0].process, record.nodes[0].process);
  EXPECT_EQ((*loaded)->nodes[1].process, std::nullopt);
  const auto missing = LoadRecord(scratch.Path("none"));
  EXPECT_TRUE(missing && !*missing);
}

TEST(PersonalRecord, WhatItCannotBeIsRefused) {
  const std::string good = FormatRecord(TwoNodes());
  const auto with = [&](const std::string& old, const std::string& text) {
    std::string changed = good;
    changed.replace(changed.find(old), old.size(), text);
    return changed;
  };
  EXPECT_FALSE(ParseRecord(""));
  EXPECT_FALSE(ParseRecord("[]"));
  EXPECT_FALSE(ParseRecord(with("\"version\": 1", "\"version\": 2")));
  EXPECT_FALSE(ParseRecord(with("\"node1\"", "\"../x\"")));
  EXPECT_FALSE(ParseRecord(with("\"slots\": 2", "\"slots\": 0")));
  EXPECT_FALSE(ParseRecord(with("\"pid\": 100", "\"pid\": \"x\"")));
  // Signals to these would reach groups of processes.
  EXPECT_EQ(ParseRecord(with("\"pid\": 100", "\"pid\": -1"))->server, std::nullopt);
}

TEST(StartOf, CountsFieldsBehindTheName) {
  const std::string rest = " 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0";
  EXPECT_EQ(StartOf("7 (muster) S" + rest), 4711U);
  EXPECT_EQ(StartOf("7 (a) Z (b) S" + rest), 4711U);
  EXPECT_EQ(StartOf("7 (muster) Z" + rest), std::nullopt);
  EXPECT_EQ(StartOf("7 (muster"), std::nullopt);
  EXPECT_EQ(StartOf(""), std::nullopt);
}

TEST(HeldDaemon, BecomesTheProgramWhenReleasedAndNotBefore) {
  const Scratch scratch;
  const DaemonCommand command{"/bin/sh", {"-c", "echo here; exec sleep 100"}, scratch.Path("log")};
  ProcessMark abandoned;
  {
    auto held = HeldDaemon::Start(command);
    ASSERT_TRUE(held);
    abandoned = held->mark();
    EXPECT_TRUE(IsAlive(abandoned));
  }
  auto daemon = HeldDaemon::Start(command);
  ASSERT_TRUE(daemon && daemon->Release());
  std::string line;
  for (int i = 0; i < 1000 && line.empty(); ++i) {
    std::ifstream log(scratch.Path("log"));
    std::getline(log, line);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(line, "here");
  ProcessMark other = daemon->mark();
  ++other.started_ticks;  // one that had the number before
  SendSignal(other, SIGKILL);
  EXPECT_FALSE(IsAlive(other));
  EXPECT_TRUE(IsAlive(daemon->mark()));
  EXPECT_THAT(EndProcesses({daemon->mark(), abandoned}, std::chrono::seconds(5)), IsEmpty());
  std::ifstream log(scratch.Path("log"));
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(log), {}), "here\n");  // the other said none
}

TEST(HeldDaemon, WhatIgnoresTheTermIsKilled) {
  const Scratch scratch;
  auto daemon = HeldDaemon::Start({"/bin/sh",
                                   {"-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done"},
                                   scratch.Path("log")});
  ASSERT_TRUE(daemon && daemon->Release());
  std::error_code none;  // until there is a file, its size is the largest
  for (int i = 0; i < 1000 && fs::file_size(scratch.Path("log"), none) + 1 < 2; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_THAT(EndProcesses({daemon->mark()}, std::chrono::milliseconds(50)), IsEmpty());
  EXPECT_FALSE(IsAlive(daemon->mark()));
}

TEST(PersonalLock, OneAtATime) {
  const Scratch scratch;
  int notices = 0;
  const auto notice = [&](const std::string& line) {
    ++notices;
    EXPECT_THAT(line, HasSubstr("(process " + std::to_string(getpid()) + ")"));
  };
  {
    const auto first = LockPersonal(scratch.Path("lock"), {}, notice);
    ASSERT_TRUE(first);
    const auto second = LockPersonal(scratch.Path("lock"), std::chrono::milliseconds(120), notice);
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().message, HasSubstr("try again later"));
    EXPECT_EQ(notices, 1);
  }
  EXPECT_TRUE(LockPersonal(scratch.Path("lock"), {}, notice));
}

TEST(ChooseLayout, TakesTheUsersOwnDirectory) {
  PersonalHome home;
  home.account_home = "/home/ann";
  home.open_to_others = [](const fs::path&) { return false; };
  EXPECT_THAT(ChooseLayout(home).error().message, HasSubstr("give --dir"));
  home.home = "/home/ann";
  EXPECT_EQ(ChooseLayout(home)->root, "/home/ann/.local/state/muster/personal");
  home.state_home = "/state";
  EXPECT_EQ(ChooseLayout(home)->root, "/state/muster/personal");
  home.flag = "/flag";
  EXPECT_EQ(ChooseLayout(home)->root, "/flag");
}

TEST(ChooseLayout, TheJobsOfRootMustReachIt) {
  PersonalHome home;
  home.root = true;
  home.home = home.account_home = "/root";
  home.open_to_others = [](const fs::path& path) { return path.native().starts_with("/open"); };
  EXPECT_EQ(ChooseLayout(home)->root, "/var/lib/muster-personal");
  home.home = "/open/home";
  EXPECT_EQ(ChooseLayout(home)->root, "/open/home/.local/state/muster/personal");
  home.home = "/closed";  // chosen by somebody: not put elsewhere behind his back
  EXPECT_THAT(ChooseLayout(home).error().message, HasSubstr("cannot reach /closed/.local"));
  home.flag = "/closed/too";
  EXPECT_THAT(ChooseLayout(home).error().message, HasSubstr("cannot reach /closed/too"));
}

TEST(FindProgram, LooksBesideItselfThenInThePrefixThenInThePath) {
  const auto places = PlacesOf("musterd", "/opt/muster/bin", "/usr/bin::relative:/opt/muster/bin");
  EXPECT_THAT(places, ElementsAre("/opt/muster/bin/musterd", "/opt/muster/sbin/musterd",
                                  "/opt/muster/libexec/muster/musterd", "/usr/bin/musterd"));
  EXPECT_THAT(PlacesOf("musterd", "", ""), IsEmpty());
  const auto is_there = [](const fs::path& path) { return path == "/usr/bin/musterd"; };
  EXPECT_EQ(FindProgram("musterd", places, is_there), "/usr/bin/musterd");
  const auto none = FindProgram("musterd", {}, is_there);
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message, HasSubstr("install the packages"));
}

}  // namespace
}  // namespace muster::cli
