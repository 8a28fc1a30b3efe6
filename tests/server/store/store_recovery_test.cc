// Whatever the run had come to, opening its directory brings it back, bit for bit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status.h"
#include "tests/server/store/live_run.h"
#include "tests/server/store/memory_disk.h"

namespace signvote {
namespace {

using testing::HasSubstr;

constexpr char kRun[] = "runs/one";

LiveOptions OptionsFor(const std::string& rule, uint64_t parameters = 2000) {
  LiveOptions options;
  options.config.vote.rule = rule;
  options.config.vote.warmup_rounds = 5;
  options.config.seed = 11;
  options.parameters = parameters;
  return options;
}

MemoryDisk NewDisk() {
  MemoryDisk disk;
  EXPECT_TRUE(disk.MakeDirectories("runs").ok() && disk.SyncDirectory(".").ok());
  return disk;
}

class EveryRule : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(, EveryRule, testing::Values("majority", "it-signsgd", "agreement"), [](const auto& param) {
  return std::string(param.param == std::string("it-signsgd") ? "it_signsgd" : param.param);
});

TEST_P(EveryRule, IsRecoveredExactlyAfterEachOfThirtyRounds) {
  LiveOptions options = OptionsFor(GetParam());
  options.seed = testing::UnitTest::GetInstance()->random_seed();
  SCOPED_TRACE(fmt::format("seed {}", options.seed));
  MemoryDisk disk = NewDisk();
  LiveRun live(disk, kRun, options);
  for (int i = 1; i <= 30; ++i) {
    ASSERT_TRUE(live.Round().ok());
    if (i % 7 == 0) {
      ASSERT_TRUE(live.Checkpoint().ok());
    }
    MemoryDisk after = disk.AfterCrash(MemoryDisk::Unsynced::kLost);
    const LiveRun recovered(after, kRun, options);
    ASSERT_EQ(recovered.Now(), live.Now());
    EXPECT_EQ(recovered.run().run, live.run().run);
    EXPECT_THAT(recovered.run().report, HasSubstr(fmt::format("recovered round {}", i)));
  }
}

TEST(Recovery, BringsTheDecisionsThatLeadFromTheRoundsBeforeToNow) {
  LiveOptions options = OptionsFor("agreement");
  MemoryDisk disk = NewDisk();
  LiveRun live(disk, kRun, options);
  std::vector<std::vector<float>> parameters{InitialParameters(options)};
  for (uint64_t round = 1; round <= 40; ++round) {
    ASSERT_TRUE(live.Round().ok());
    parameters.emplace_back(live.run().tally.parameters().begin(), live.run().tally.parameters().end());
    if (round == 17) {
      ASSERT_TRUE(live.Checkpoint().ok());
    }
    MemoryDisk after = disk.AfterCrash(MemoryDisk::Unsynced::kLost);
    const LiveRun recovered(after, kRun, options);
    const std::vector<RecentRound>& recent = recovered.run().recent;
    // Recovery begins to read with the segment of the checkpoint.
    ASSERT_EQ(recent.size(), std::min<uint64_t>(round < 17 ? round : round - 17, kRecentRounds)) << round;
    if (recent.empty()) continue;
    std::vector<float> x = parameters[round - recent.size()];
    for (size_t i = 0; i < recent.size(); ++i) {
      EXPECT_EQ(recent[i].number, round - recent.size() + i + 1);
      SignVector decision;
      ASSERT_TRUE(DecodeSigns(recent[i].decisions.at(0), x.size(), {}, &decision).ok());
      ApplyDecision(decision.signs, decision.zeros, recent[i].step, x);
      EXPECT_EQ(recent[i].fingerprint, FingerprintOf(x));
    }
    EXPECT_EQ(x, parameters.back());
  }
}

TEST_P(EveryRule, GoesOnAfterRecoveryAsIfItHadNeverStopped) {
  const LiveOptions options = OptionsFor(GetParam());
  MemoryDisk disk = NewDisk(), other = NewDisk();
  LiveRun uninterrupted(disk, kRun, options);
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(uninterrupted.Round().ok());
  for (int i = 0; i < 12; ++i) {
    LiveRun restarted(other, kRun, options);
    ASSERT_TRUE(restarted.Round().ok());
  }
  LiveRun restarted(other, kRun, options);
  EXPECT_EQ(restarted.Now(), uninterrupted.Now());
}

TEST(Recovery, CoversModelsOfManyBlocks) {
  const LiveOptions options = OptionsFor("agreement", 2 * kBlockCoordinates + 2000);
  MemoryDisk disk = NewDisk();
  LiveRun live(disk, kRun, options);
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(live.Round().ok());
  MemoryDisk after = disk.AfterCrash(MemoryDisk::Unsynced::kLost);
  EXPECT_EQ(LiveRun(after, kRun, options).Now(), live.Now());
}

TEST(Recovery, OfANewRunReportsNothingAndMakesTheCheckpointOfRoundZero) {
  MemoryDisk disk = NewDisk();
  const LiveRun live(disk, kRun, OptionsFor("agreement"));
  EXPECT_EQ(live.run().report, "");
  EXPECT_EQ(live.run().tally.round(), 0);
  EXPECT_TRUE(disk.Exists("runs/one/checkpoints/round-00000000/params.safetensors"));
  EXPECT_TRUE(disk.Exists("runs/one/journal/round-00000000.log"));
}

TEST(Recovery, OfARunInNewDirectoriesSurvivesALossOfPower) {
  for (const char* directory : {"/var/lib/runs/one", "runs/one", "one"}) {
    MemoryDisk disk;
    LiveRun live(disk, directory, LiveOptions());
    ASSERT_TRUE(live.Round().ok());
    MemoryDisk after = disk.AfterCrash(MemoryDisk::Unsynced::kLost);
    EXPECT_EQ(LiveRun(after, directory, LiveOptions()).Now(), live.Now()) << directory;
  }
}

TEST(Recovery, ByDecisionsRestoresParametersAndKeepsWhatTheCheckpointHadLearnt) {
  LiveOptions options = OptionsFor("agreement");
  options.durability = "decisions";
  MemoryDisk disk = NewDisk();
  LiveRun live(disk, kRun, options);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(live.Round().ok());
  ASSERT_TRUE(live.Checkpoint().ok());
  const Image at_checkpoint = live.Now();
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(live.Round().ok());
  MemoryDisk after = disk.AfterCrash(MemoryDisk::Unsynced::kLost);
  const LiveRun recovered(after, kRun, options);
  EXPECT_EQ(recovered.Now().fingerprint, live.Now().fingerprint);
  EXPECT_EQ(recovered.Now().clients, live.Now().clients);
  EXPECT_EQ(recovered.Now().round, 8);
  std::string learnt;
  recovered.run().tally.rule(0).Save(&learnt);
  EXPECT_NE(at_checkpoint.learnt.find(learnt), std::string::npos);
  EXPECT_THAT(recovered.run().report, HasSubstr("what was learnt of the voters is that of round 4"));
}

TEST(Recovery, FromDecisionsToBallotsIsExactAgain) {
  LiveOptions options = OptionsFor("agreement");
  options.durability = "decisions";
  MemoryDisk disk = NewDisk();
  {
    LiveRun live(disk, kRun, options);
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(live.Round().ok());
  }
  options.durability = "ballots";
  LiveRun live(disk, kRun, options);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(live.Round().ok());
  MemoryDisk after = disk.AfterCrash(MemoryDisk::Unsynced::kLost);
  EXPECT_EQ(LiveRun(after, kRun, options).Now(), live.Now());
}

TEST(Recovery, WithoutAJournalIsThatOfTheLastCheckpoint) {
  LiveOptions options = OptionsFor("majority");
  options.durability = "none";
  MemoryDisk disk = NewDisk();
  LiveRun live(disk, kRun, options);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(live.Round().ok());
  ASSERT_TRUE(live.Checkpoint().ok());
  const Image at_checkpoint = live.Now();
  ASSERT_TRUE(live.Round().ok());
  MemoryDisk after = disk.AfterCrash(MemoryDisk::Unsynced::kLost);
  options.durability = "ballots";
  LiveRun recovered(after, kRun, options);
  EXPECT_EQ(recovered.Now(), at_checkpoint);
  ASSERT_TRUE(recovered.Round().ok());
  MemoryDisk later = after.AfterCrash(MemoryDisk::Unsynced::kLost);
  EXPECT_EQ(LiveRun(later, kRun, options).Now(), recovered.Now());
}

TEST(Recovery, KeepsTheNewestCheckpointsAndTheJournalSinceTheOldestOfThem) {
  LiveOptions options = OptionsFor("majority");
  options.keep = 2;
  MemoryDisk disk = NewDisk();
  LiveRun live(disk, kRun, options);
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(live.Round().ok());
    ASSERT_TRUE(live.Checkpoint().ok());
    ASSERT_TRUE(live.Checkpoint().ok());  // of the same round: replaced
  }
  EXPECT_THAT(*disk.List("runs/one/checkpoints"), testing::ElementsAre("round-00000003", "round-00000004"));
  EXPECT_THAT(*disk.List("runs/one/journal"), testing::ElementsAre("round-00000003.log", "round-00000004.log"));
}

TEST(Recovery, RefusesAnotherConfigurationModelOrShardAndNamesBoth) {
  const LiveOptions options = OptionsFor("agreement");
  MemoryDisk disk = NewDisk();
  { const LiveRun live(disk, kRun, options); }
  auto refused = [&](const RunSetup& setup, const std::string& words) {
    const auto run = OpenRun(disk, kRun, setup, InitialParameters(options), Serially);
    EXPECT_EQ(run.status().code(), absl::StatusCode::kFailedPrecondition) << run.status();
    EXPECT_THAT(Message(run.status()), HasSubstr(words));
  };
  RunSetup setup = SetupOf(OptionsFor("majority"));
  refused(setup, "rule is agreement in the run, majority in the configuration");
  setup = SetupOf(options);
  setup.model_sha256 = std::string(32, '\x77');
  refused(setup, "its model.pt has SHA-256 5a5a");
  setup = SetupOf(options);
  setup.range.parameters = 2001;
  refused(setup, "its model has 2000 parameters, this one 2001");
  setup = SetupOf(options);
  setup.range.count = 2;
  refused(setup, "it holds 1 blocks from block 0 on, expected 2 from 0");
}

TEST(Recovery, RefusesADirectoryThatIsInUse) {
  const LiveOptions options = OptionsFor("agreement");
  MemoryDisk disk = NewDisk();
  const LiveRun live(disk, kRun, options);
  const auto run = OpenRun(disk, kRun, SetupOf(options), InitialParameters(options), Serially);
  EXPECT_EQ(run.status().code(), absl::StatusCode::kFailedPrecondition) << run.status();
}

}  // namespace
}  // namespace signvote
