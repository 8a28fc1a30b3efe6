#include "server/service/options.h"

#include <gmock/gmock.h>

#include <fstream>

#include "common/status.h"
#include "server/service/terms.h"
#include "tests/common/scratch.h"

namespace signvote {
namespace {

using testing::HasSubstr;
using testing::Not;

class ServerOptionsFile : public testing::Test {
 protected:
  absl::StatusOr<ServerOptions> Load(const std::string& text, const std::vector<std::string>& overrides = {}) {
    return LoadWhole("model: m\ndirectory: d\n" + text, overrides);
  }
  absl::StatusOr<ServerOptions> LoadWhole(const std::string& text, const std::vector<std::string>& overrides = {}) {
    std::ofstream(path_) << text;
    return LoadServerOptions(path_, overrides);
  }
  std::string Problem(const std::string& text) {
    const auto options = Load(text);
    return options.ok() ? "it was accepted" : Message(options.status());
  }

  const Scratch scratch_;
  const std::string path_ = scratch_ / "server.yaml";
};

TEST_F(ServerOptionsFile, DefaultsAreThoseOfTheDesign) {
  const auto options = Load("");
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->vote.rule, "agreement");
  EXPECT_EQ(options->vote.carry, 0.9);
  EXPECT_EQ(options->dither, 2);
  EXPECT_EQ(options->step.size, 6e-4);
  EXPECT_EQ(options->step.schedule, "cosine");
  EXPECT_EQ(options->durability, "ballots");
}

TEST_F(ServerOptionsFile, AStepSizeThatIsHardlyMeantIsTakenWithAWarning) {
  const auto said = [this](const std::string& size) {
    testing::internal::CaptureStderr();
    EXPECT_TRUE(Load("step: {size: " + size + "}\n").ok());
    return testing::internal::GetCapturedStderr();
  };
  EXPECT_EQ(said("10"),
            "signvote-server: step.size is 10: every parameter moves by that much in every round, and 6e-4 to 2e-2 are "
            "usual\n");
  EXPECT_EQ(said("0.1"), "");
}

TEST_F(ServerOptionsFile, TheEffectiveConfigurationReadsTheSameAgain) {
  const auto options = Load("labels: {site: \"yes: no\"}\nfraction: 1/4\nagreement: {assume: hostile}\n",
                            {"rounds.total=7", "rounds.deadline=1m30s", "http.listen=off"});
  ASSERT_TRUE(options.ok()) << options.status();
  for (const char* line : {"  total: 7\n", "  deadline: 1m30s\n", "fraction: 1/4\n", "  assume: hostile\n",
                           "carry: 0.9\n", "listen: off\n", "  schedule: cosine\n"}) {
    EXPECT_THAT(options->effective, HasSubstr(line));
  }
  EXPECT_THAT(options->effective, Not(HasSubstr("tls"))) << "nobody gave any";
  std::ofstream(path_) << options->effective;
  const auto again = LoadServerOptions(path_, {});
  ASSERT_TRUE(again.ok()) << again.status() << "\n" << options->effective;
  EXPECT_EQ(again->effective, options->effective);
  EXPECT_EQ(again->labels.at("site"), "yes: no");
  EXPECT_TRUE(again->vote.assume_hostile);
  EXPECT_EQ(again->http_listen, "");
}

TEST_F(ServerOptionsFile, TheEffectiveConfigurationHasWhatAdministratorsChanged) {
  const auto options = Load("");
  ASSERT_TRUE(options.ok()) << options.status();
  std::ofstream(path_) << EffectiveConfig(*options, 0.25f, "debug");
  const auto again = LoadServerOptions(path_, {});
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->step.size, 0.25);
  EXPECT_EQ(again->log, "debug");
}

TEST_F(ServerOptionsFile, ReadsFractionBothWays) {
  EXPECT_EQ(Load("fraction: 1/8")->fraction, 8u);
  EXPECT_EQ(Load("fraction: 8")->fraction, 8u);
  EXPECT_THAT(Problem("fraction: 1/17"), HasSubstr("expected 1/k with k from 1 to 16"));
}

TEST_F(ServerOptionsFile, AShardIsChosenByItsOrdinal) {
  const auto options = Load("shard: {count: 4}", {"shard.index=3"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->shard.index, 3u);
  EXPECT_EQ(options->shard.count, 4u);
  EXPECT_THAT(Problem("shard: {index: 4, count: 4}"), HasSubstr("shards count from 0"));
}

TEST_F(ServerOptionsFile, TheTermsOfARunAreWhatItsShardsMustShare) {
  const Fingerprint initial{1, 2};
  const std::string text = TermsOf(*Load("seed: 3"), initial);
  EXPECT_EQ(TermsOf(*Load("seed: 3", {"shard.count=2", "shard.index=1", "threads=3", "directory=e"}), initial), text);
  for (const char* other : {"seed=4", "rule=majority", "carry=0.5", "dither=1", "fraction=2", "step.size=0.1",
                            "step.schedule=constant", "step.weight_decay=0.1", "rounds.total=7", "local_steps=2",
                            "local_step_size=0.1", "privacy.flip_probability=0.1"}) {
    EXPECT_NE(TermsOf(*Load("seed: 3", {other}), initial), text) << other;
  }
  EXPECT_NE(TermsOf(*Load("seed: 3"), {1, 3}), text);
}

TEST_F(ServerOptionsFile, ReadsLocalWorkAndPrivacy) {
  const auto options = Load("local_steps: 5\nlocal_step_size: 0.1\nprivacy: {flip_probability: 0.25}\n");
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->local_steps, 5u);
  EXPECT_EQ(options->local_step_size, 0.1f);
  EXPECT_EQ(options->flip_probability, 0.25);
  EXPECT_THAT(Problem("privacy: {flip_probability: 0.5}"), HasSubstr("privacy.flip_probability"));
  EXPECT_THAT(Problem("dither: 0\nprivacy: {flip_probability: 0.1}"), HasSubstr("set dither above 0"));
}

TEST_F(ServerOptionsFile, OverridesWin) {
  const auto options = Load("rounds: {total: 5}", {"rounds.total=9", "rule=majority"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->rounds.total, 9u);
  EXPECT_EQ(options->vote.rule, "majority");
}

TEST_F(ServerOptionsFile, NamesFileLineAndKeyOfWhatIsWrong) {
  EXPECT_THAT(Problem("carrry: 1"), HasSubstr(path_ + ":3"));
  EXPECT_THAT(Problem("carrry: 1"), HasSubstr("carrry"));
  EXPECT_THAT(Problem("rounds:\n  quorum: many"), HasSubstr(path_ + ":4"));
  EXPECT_THAT(Problem("rounds:\n  quorum: many"), HasSubstr("rounds.quorum"));
  EXPECT_THAT(Problem("carry: 1.5"), HasSubstr("carry"));
  EXPECT_THAT(Problem("rule: borda"), HasSubstr("it-signsgd"));
  EXPECT_THAT(Problem("step: {size: -1}"), HasSubstr("step.size"));
  EXPECT_THAT(Problem("listen: 127.0.0.1:99999"), HasSubstr("port from 0 to 65535"));
  EXPECT_THAT(Problem("rounds: {deadline: 0s}"), HasSubstr("rounds.deadline"));
  EXPECT_THAT(Problem("seed: 100000000000000000"), HasSubstr("seed"));
  EXPECT_THAT(Problem("rounds: {electorate: 2, quorum: 3}"), HasSubstr("no round could close"));
}

TEST_F(ServerOptionsFile, NeedsModelAndDirectory) {
  EXPECT_THAT(Message(LoadWhole("seed: 1\n").status()), HasSubstr("model"));
}

}  // namespace
}  // namespace signvote
