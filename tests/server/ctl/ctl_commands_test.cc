// signvotectl against a real server: contexts, log level, configuration, events, export, completion in a real shell.
#include <gmock/gmock.h>

#include "common/fingerprint.h"
#include "common/safetensors.h"
#include "tests/server/ctl/ctl_fixture.h"

namespace signvote {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// An interactive zsh in a terminal of its own: what its line holds after $1 and a tab goes into $2.
constexpr char kZshTyper[] = R"zsh(
zmodload zsh/zpty
TERM=dumb zpty shell zsh -f -i
zpty -w shell "PATH=$PATH; autoload -Uz compinit; compinit -u -D; source <(signvotectl completion zsh)"
zpty -w shell "tell() { print -r -- \$BUFFER > $2; exit }; zle -N tell; bindkey '^G' tell"
zpty -w -n shell "$1"$'\t\a'
zpty -r shell seen '*no such text*'  # until it exits
)zsh";

class CtlCommands : public CtlFixture {
 protected:
  static std::string Read(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // What bash would offer after this line.
  std::string Complete(const std::string& line) {
    Process shell({"/bin/bash", "-c",
                   "PATH=" SIGNVOTE_BIN_DIR ":$PATH; source <(signvotectl completion bash); COMP_LINE='" + line +
                       "'; COMP_POINT=${#COMP_LINE}; COMP_WORDS=($COMP_LINE); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); "
                       "_signvotectl; echo \"${COMPREPLY[*]}\""},
                  Path("complete-" + std::to_string(++controls_) + ".log"));
    EXPECT_EQ(shell.Wait(Seconds(30)), 0) << shell.Output();
    return shell.Output();
  }
  // What stands in zsh's line after this and a tab.
  std::string CompleteInZsh(const std::string& line) {
    const std::string name = "zsh-" + std::to_string(++controls_);
    Write("typer.zsh", kZshTyper);
    setenv("PATH", (SIGNVOTE_BIN_DIR ":" + std::string(getenv("PATH"))).c_str(), 1);
    Process shell({"/usr/bin/zsh", "-f", Path("typer.zsh"), line, Path(name)}, Path(name + ".log"));
    shell.Wait(Seconds(30));
    return Read(Path(name));
  }
};

TEST_F(CtlCommands, AContextStandsForItsServers) {
  StartRun();
  auto [code, said] = Ctl({"context", "set", "lab", "--server", admin_});
  EXPECT_EQ(code, 0) << said;
  EXPECT_THAT(said, HasSubstr("in use"));
  EXPECT_EQ(Ctl({"context", "set", "gone", "--server", "127.0.0.1:1"}).first, 0);
  EXPECT_THAT(Ctl({"status"}).second, HasSubstr("round        0 of 1000000"));
  EXPECT_EQ(Ctl({"--context", "gone", "status"}).first, 3);
  EXPECT_EQ(Ctl({"context", "use", "gone"}).first, 0);
  EXPECT_EQ(Ctl({"status"}).first, 3);
  EXPECT_EQ(Ctl({"--server", admin_, "status"}).first, 0) << "no context is used beside --server";
  EXPECT_THAT(Ctl({"context", "list"}).second, AllOf(HasSubstr("*  gone"), HasSubstr("lab      " + admin_)));
  EXPECT_EQ(Ctl({"context", "remove", "gone"}).first, 0);
  EXPECT_THAT(Ctl({"context", "list"}).second, Not(HasSubstr("gone")));
  const auto [unknown, why] = Ctl({"--context", "lba", "status"});
  EXPECT_EQ(unknown, 2);
  EXPECT_THAT(why, AllOf(HasSubstr("no context \"lba\""), HasSubstr("did you mean \"lab\"?")));
}

TEST_F(CtlCommands, ADamagedContextFileIsNamedWithLineAndKey) {
  std::filesystem::create_directories(Path("config/signvote"));
  Write("config/signvote/config.yaml", "contexts:\n  lab:\n    sever: 127.0.0.1:1\n");
  const auto [code, said] = Ctl({"status"});
  EXPECT_EQ(code, 2);
  EXPECT_THAT(said,
              AllOf(HasSubstr("config.yaml:3: unknown key \"contexts.lab.sever\""), HasSubstr("contexts.lab.server")));
  EXPECT_EQ(Ctl({"completion", "bash"}).first, 0) << "what needs no server goes on";
}

TEST_F(CtlCommands, TheLogLevelChangesWhileTheServerRuns) {
  StartRun();
  const auto [code, said] = Control({"logs", "level", "debug"});
  EXPECT_EQ(code, 0) << said;
  EXPECT_THAT(said, HasSubstr("logs debug, it was info"));
  EXPECT_THAT(server_->Output(), HasSubstr("log level debug, set by an administrator"));
  EXPECT_THAT(Control({"config", "show"}).second, HasSubstr("log: debug\n"));
  EXPECT_EQ(Control({"logs", "level", "loud"}).first, 2);
}

TEST_F(CtlCommands, TheShownConfigurationIsOneThatTheServerTakes) {
  StartRun({"carry=0.5", "rounds.deadline=90s"});
  EXPECT_EQ(Control({"step-size", "0.125"}).first, 0);
  const auto [code, shown] = Control({"config", "show"});
  EXPECT_EQ(code, 0);
  EXPECT_THAT(shown, AllOf(HasSubstr("carry: 0.5\n"), HasSubstr("  deadline: 1m30s\n"), HasSubstr("  size: 0.125\n"),
                           HasSubstr("rule: agreement\n")));
  Write("shown.yaml", shown);
  Process plan({Program("signvote-server"), "--config", Path("shown.yaml"), "--plan"}, Path("plan.log"));
  EXPECT_EQ(plan.Wait(Seconds(30)), 0) << plan.Output();
}

TEST_F(CtlCommands, EventsFollowUntilSomeoneIsSuspected) {
  StartRun();
  Process events({Program("signvotectl"), "--server", admin_, "events", "--follow"}, Path("events.log"));
  StartVoters(9, 1);
  EXPECT_TRUE(Eventually([&] { return events.Output().find("suspected  voter-0") != std::string::npos; }, Seconds(60)))
      << events.Output();
  EXPECT_THAT(events.Output(), HasSubstr("joined  voter-3"));
  EXPECT_THAT(Control({"clients"}).second, HasSubstr("votes against"));
  EXPECT_THAT(Control({"client", "voter-0"}).second, HasSubstr("flipped signs?"));
  const auto [code, last] = Control({"events", "--last", "2", "--json"});
  EXPECT_EQ(code, 0);
  EXPECT_EQ(std::count(last.begin(), last.end(), '\n'), 2) << last;
  EXPECT_EQ(Control({"stop"}).first, 0);
  EXPECT_EQ(events.Wait(Seconds(30)), 0) << "the run's end is the end: " << events.Output();
}

TEST_F(CtlCommands, ExportIsWhatACheckpointOfTheSameRoundHolds) {
  StartRun();
  StartVoters(3);
  ASSERT_EQ(Control({"pause"}).first, 0);
  ASSERT_TRUE(Eventually([&] { return Control({"status"}).second.find("paused") != std::string::npos; }, Seconds(30)));
  const auto [code, said] = Control({"export", Path("whole.safetensors"), "--json"});
  ASSERT_EQ(code, 0) << said;
  const nlohmann::json told = nlohmann::json::parse(said);
  const auto exported = ReadSafetensors(Path("whole.safetensors"));
  ASSERT_TRUE(exported.ok()) << exported.status();
  EXPECT_EQ(told["fingerprint"], FingerprintOf(exported->values).Hex());
  EXPECT_EQ(exported->metadata.at("round"), std::to_string(told["round"].get<int>()));
  const nlohmann::json checkpoint = nlohmann::json::parse(Control({"checkpoint", "--json"}).second);
  ASSERT_EQ(checkpoint["round"], told["round"]);
  const auto held = ReadSafetensors(checkpoint["directory"].get<std::string>() + "/params.safetensors");
  ASSERT_TRUE(held.ok()) << held.status();
  EXPECT_EQ(exported->values, held->values);
  EXPECT_EQ(exported->tensors, held->tensors);
}

TEST_F(CtlCommands, APlotIsDrawnOfMeasuredRoundsAsPngOrSvg) {
  std::filesystem::create_directories(Path("done"));
  Write("done/metrics.csv", "round,accuracy\n1,0.25\n2,0.5\n");
  EXPECT_EQ(Ctl({"plot", Path("done"), "--out", Path("run.svg")}).first, 0);
  EXPECT_THAT(Read(Path("run.svg")), HasSubstr("<svg"));
  EXPECT_EQ(Ctl({"plot", Path("done"), "--out", Path("run.png")}).first, 0);
  EXPECT_EQ(Read(Path("run.png")).substr(1, 3), "PNG");
  const auto [code, said] = Ctl({"plot", Path("done"), "--out", Path("run.pdf")});
  EXPECT_EQ(code, 2);
  EXPECT_THAT(said, HasSubstr("ends in .png or .svg"));
  StartRun();
  const auto [refused, why] = Control({"plot", "--out", Path("none.svg")});
  EXPECT_EQ(refused, 5);
  EXPECT_THAT(why, HasSubstr("is an observer in the run?"));
}

TEST_F(CtlCommands, BashCompletesCommandsOptionsContextsAndClients) {
  StartRun();
  StartVoters(3);
  ASSERT_EQ(Ctl({"context", "set", "lab", "--server", admin_}).first, 0);
  EXPECT_EQ(Complete("signvotectl ev"), "events evict\n");
  EXPECT_EQ(Complete("signvotectl logs level "), "trace debug info warn error\n");
  EXPECT_EQ(Complete("signvotectl events --fo"), "--follow\n");
  EXPECT_EQ(Complete("signvotectl --context "), "lab\n");
  EXPECT_EQ(Complete("signvotectl --server " + admin_ + " evict voter-1"), "voter-1\n");
  EXPECT_EQ(Complete("signvotectl client "), "voter-0 voter-1 voter-2\n") << "of the context in use";
}

TEST_F(CtlCommands, ZshCompletesThemToo) {
  StartRun();
  StartVoters(3);
  ASSERT_EQ(Ctl({"context", "set", "lab", "--server", admin_}).first, 0);
  EXPECT_EQ(CompleteInZsh("signvotectl evi"), "signvotectl evict \n");
  EXPECT_EQ(CompleteInZsh("signvotectl logs level w"), "signvotectl logs level warn \n");
  EXPECT_EQ(CompleteInZsh("signvotectl events --fo"), "signvotectl events --follow \n");
  EXPECT_EQ(CompleteInZsh("signvotectl --context "), "signvotectl --context lab \n");
  EXPECT_EQ(CompleteInZsh("signvotectl evict voter-2"), "signvotectl evict voter-2 \n") << "of the context in use";
  EXPECT_EQ(CompleteInZsh("signvotectl client v"), "signvotectl client voter-\n");
}

TEST_F(CtlCommands, AMisspeltCommandIsGuessed) {
  const auto [code, said] = Ctl({"evnts"});
  EXPECT_EQ(code, 2);
  EXPECT_THAT(said, HasSubstr("did you mean \"events\"?"));
}

TEST_F(CtlCommands, OnlyAnUnknownCommandIsCalledSo) {
  const auto said = [this](const std::vector<std::string>& words) {
    const auto [code, text] = Ctl(words);
    EXPECT_EQ(code, 2) << text;
    return text;
  };
  EXPECT_EQ(said({"evict"}),
            "signvotectl evict: NAME is required\nRun signvotectl evict --help for more information.\n");
  EXPECT_THAT(said({"export"}), StartsWith("signvotectl export: FILE is required\n"));
  EXPECT_THAT(
      said({"--server", "status", "logs", "levle"}),
      StartsWith("signvotectl logs: no command \"levle\"; did you mean \"level\"?\nRun signvotectl logs --help"));
  EXPECT_THAT(said({"xyzzy-and-more"}), StartsWith("signvotectl: no command \"xyzzy-and-more\"\n"));
  EXPECT_THAT(said({"--sever", "a:1"}), StartsWith("signvotectl: no option \"--sever\"\n"));
  EXPECT_THAT(said({}), StartsWith("signvotectl: A subcommand is required\n"));
  EXPECT_THAT(said({"status", "--jsno"}), AllOf(StartsWith("signvotectl status: "), HasSubstr("--jsno")));
}

TEST_F(CtlCommands, AStepSizeIsANumberAboveZero) {
  EXPECT_THAT(Ctl({"step-size", "-1"}).second,
              StartsWith("signvotectl step-size: VALUE: \"-1\" is no finite number above 0: expected a step size"));
  EXPECT_THAT(Ctl({"step-size", "inf"}).second, HasSubstr("\"inf\" is no finite number above 0"));
  for (const std::string word : {"abc", "1e-4x"}) {
    EXPECT_THAT(Ctl({"step-size", word}).second, HasSubstr("\"" + word + "\" is no number: expected a step size"));
  }
}

TEST_F(CtlCommands, AStepSizeThatIsHardlyMeantIsTakenWithAWarning) {
  StartRun();
  const auto [code, said] = Control({"step-size", "10"});
  EXPECT_EQ(code, 0);
  EXPECT_THAT(said, AllOf(HasSubstr("step size 10 from the open round on"),
                          HasSubstr("signvotectl: step.size is 10: every parameter moves by that much")));
  EXPECT_THAT(Control({"step-size", "0.1"}).second, Not(HasSubstr("every parameter")));
}

TEST_F(CtlCommands, EachCommandHasHelpWithExamples) {
  const std::string all = Ctl({"--help"}).second;
  for (const std::string command :
       {"status", "clients", "client", "watch", "events", "pause", "resume", "step-size", "evict", "readmit", "stop",
        "logs", "config", "checkpoint", "export", "summary", "plot", "context", "completion"}) {
    EXPECT_THAT(all, HasSubstr("\n  " + command + " "));
    const auto [code, help] = Ctl({command, "--help"});
    EXPECT_EQ(code, 0);
    EXPECT_THAT(help, HasSubstr("Examples:\n  "));
    EXPECT_THAT(help, HasSubstr(command));
  }
  EXPECT_THAT(Ctl({"--version"}).second, HasSubstr("signvotectl "));
}

}  // namespace
}  // namespace signvote
