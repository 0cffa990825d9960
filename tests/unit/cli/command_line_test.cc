#include "cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <sstream>

#include "cli/completion.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"
#include "tests/unit/cli/scratch.h"

namespace muster::cli {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

struct Ran {
  ExitCode exit_code;
  std::string out, err;
};

// The whole program but for main, with a configuration that isn't there.
Ran Muster(const std::vector<std::string>& words) {
  setenv("MUSTER_CONFIG", "/nowhere/config.json", 1);
  std::ostringstream out, err;
  Session session(out, err, {});
  CommandLine line("Muster.", "footer");
  AddAllVerbs(line);
  const ExitCode exit_code = line.Run(words, session);
  return {exit_code, out.str(), err.str()};
}

std::vector<WordDescription> AllWords() {
  CommandLine line("Muster.", "footer");
  AddAllVerbs(line);
  return line.Describe();
}

TEST(CommandLine, EveryVerbHasHelpWithAnExampleAndJson) {
  int verbs = 0;
  for (const WordDescription& word : AllWords()) {
    if (!word.next.empty()) continue;
    ++verbs;
    auto words = word.path;
    words.emplace_back("--help");
    const Ran ran = Muster(words);
    EXPECT_EQ(ran.exit_code, ExitCode::kOk);
    EXPECT_THAT(ran.out, HasSubstr("Example")) << ran.out;
    EXPECT_THAT(ran.out, HasSubstr("--json"));
    EXPECT_THAT(ran.out, HasSubstr("JSON:")) << ran.out;
    EXPECT_THAT(ran.out, Not(HasSubstr("\n\n\n")));
    EXPECT_FALSE(word.summary.empty());
  }
  EXPECT_EQ(verbs, 37);
}

TEST(CommandLine, WrongWordsGetWhatThereIs) {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{},
                                             {"job"},
                                             {"jobs"},
                                             {"job", "lst"},
                                             {"job", "show"},
                                             {"job", "list", "--limit", "x"},
                                             {"job", "list", "extra"},
                                             {"job", "list", "--", "x"},
                                             {"job", "submit", "--nodes", "2"},
                                             {"job", "submit", "--distributed-backend", "pigeon"},
                                             {"completion", "fish"},
                                             {"job", "list", "--status", "Sleeping"},
                                             {"pool", "create", "p"}}) {
    const Ran ran = Muster(words);
    EXPECT_EQ(ran.exit_code, ExitCode::kUsage) << testing::PrintToString(words);
    EXPECT_THAT(ran.err, testing::StartsWith("muster: "));
    EXPECT_EQ(ran.out, "");
  }
  EXPECT_THAT(Muster({"job", "lst"}).err, HasSubstr("there is: submit, list, show"));
  EXPECT_THAT(Muster({"job", "submit", "--nodes", "2"}).err, HasSubstr("--nodes is unknown"));
  EXPECT_THAT(Muster({"job", "list", "--limit", "x"}).err, HasSubstr("a whole number, not 'x'"));
}

TEST(CommandLine, WithoutLoginEveryOtherVerbSaysSo) {
  const Ran ran = Muster({"job", "list", "--json"});
  EXPECT_EQ(ran.exit_code, ExitCode::kUsage);
  EXPECT_THAT(ran.err, HasSubstr("not logged in"));
}

TEST(CommandLine, WordsAfterDashesAreTheScripts) {
  std::ostringstream out, err;
  Session session(out, err, {});
  CommandLine line("Muster.", "footer");
  std::vector<std::string> environment;
  std::optional<std::int64_t> priority;
  std::vector<std::string> rest;
  line.Add("job run", "Run",
           [&](Session& s) -> Outcome<ExitCode> {
             rest = s.rest;
             EXPECT_TRUE(s.json);
             EXPECT_EQ(s.workspace_flag, "w");
             return ExitCode::kOk;
           })
      .Values("--env", "K=V", environment, "Variables")
      .Value("--priority", "N", priority, "Priority")
      .TakesRest();
  EXPECT_EQ(line.Run({"job", "run", "--env", "A=1", "--priority", "-5", "--env", "B=2", "--json",
                      "--workspace", "w", "--", "--env", "-x", "--", "y"},
                     session),
            ExitCode::kOk)
      << err.str();
  EXPECT_THAT(environment, testing::ElementsAre("A=1", "B=2"));
  EXPECT_EQ(priority, -5);
  EXPECT_THAT(rest, testing::ElementsAre("--env", "-x", "--", "y"));
}

TEST(CommandLine, FailuresPrintEachFaultOnItsLine) {
  std::ostringstream out, err;
  Session session(out, err, {});
  PrintFailure(Failure(UsageError("two faults:", {{"a", "1", "must be 2"}, {"", "", "and more"}})),
               session);
  EXPECT_EQ(err.str(), "muster: two faults:\n  a: must be 2 (given: 1)\n  and more\n");
}

TEST(CommandLine, CommonFlagsMayStandBeforeTheNoun) {
  EXPECT_THAT(Muster({"--workspace", "w", "--json", "version"}).out, HasSubstr("protocol"));
  EXPECT_EQ(Muster({"--json"}).exit_code, ExitCode::kUsage);
  EXPECT_EQ(Muster({"--workspace"}).exit_code, ExitCode::kUsage);
}

TEST(CommandLine, AValueIsGivenUnlessTheSentenceHasIt) {
  std::ostringstream out, err;
  Session session(out, err, {});
  PrintFailure(Failure(UsageError(
                   "faults:", {{"a", "0", "must be 1..10000"}, {"b", "x y", "there is no 'x y'"}})),
               session);
  EXPECT_EQ(err.str(),
            "muster: faults:\n  a: must be 1..10000 (given: 0)\n  b: there is no 'x y'\n");
}

TEST(CommandLine, VersionIsJsonForMachines) {
  EXPECT_THAT(Muster({"version", "--json"}).out, HasSubstr("\"protocol\": \"muster.v1\""));
}

TEST(Completion, KnowsEveryWordAndFlag) {
  const auto words = AllWords();
  const std::string bash = Muster({"completion", "bash"}).out;
  const std::string zsh = Muster({"completion", "zsh"}).out;
  for (const WordDescription& word : words) {
    for (const std::string& part : word.path) {
      EXPECT_THAT(bash, HasSubstr(part));
      EXPECT_THAT(zsh, HasSubstr(part));
    }
    for (const FlagDescription& flag : word.flags) {
      for (const std::string& name : flag.names) {
        EXPECT_THAT(bash, HasSubstr(name));
        EXPECT_THAT(zsh, HasSubstr(name));
      }
    }
  }
}

TEST(Completion, InZshAWordWithoutAMeaningIsProposedAlone) {
  EXPECT_THAT(Muster({"completion", "zsh"}).out, HasSubstr("commands=('bash' 'zsh')"));
}

// What bash itself proposes for a line that ends with the last word.
std::vector<std::string> Proposals(const std::string& line) {
  const Scratch scratch;
  scratch.Write("muster.bash", Muster({"completion", "bash"}).out);
  const std::string command = "bash --norc -c 'source " + scratch.Path("muster.bash").string() +
                              "; compopt() { :; }; COMP_WORDS=(" + line +
                              "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _muster; "
                              "printf \"%s\\n\" \"${COMPREPLY[@]}\"'";
  FILE* const pipe = popen(command.c_str(), "r");
  std::string text;
  char buffer[4096];
  while (std::fgets(buffer, sizeof buffer, pipe) != nullptr) text += buffer;
  EXPECT_EQ(pclose(pipe), 0);
  std::vector<std::string> proposals;
  std::istringstream stream(text);
  for (std::string proposal; std::getline(stream, proposal);) proposals.push_back(proposal);
  return proposals;
}

TEST(Completion, WorksInBash) {
  EXPECT_THAT(Proposals("muster \"\""), Contains("datastore"));
  EXPECT_THAT(Proposals("muster job su"), testing::ElementsAre("submit"));
  EXPECT_THAT(Proposals("muster node \"\""), Contains("token"));
  EXPECT_THAT(Proposals("muster node token \"\""), testing::ElementsAre("create"));
  EXPECT_THAT(Proposals("muster job submit --distributed-backend \"\""),
              testing::ElementsAre("mpi", "gloo", "nccl"));
  EXPECT_THAT(Proposals("muster job submit --experiment x --no"),
              testing::ElementsAre("--node-count", "--node-loss-retries"));
  EXPECT_THAT(Proposals("muster completion \"\""), testing::ElementsAre("bash", "zsh"));
}

}  // namespace
}  // namespace muster::cli
