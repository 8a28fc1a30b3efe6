#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status.h"
#include "server/store/maintenance.h"
#include "tests/server/store/live_run.h"
#include "tests/server/store/memory_disk.h"

namespace signvote {
namespace {

using testing::HasSubstr;

constexpr char kRun[] = "run";

LiveOptions Options() {
  LiveOptions options;
  options.parameters = 2000;
  options.config.seed = 3;
  options.config.vote.carry = 0.5;
  return options;
}

// Nine rounds with checkpoints after 3 and 6; what it had come to after each round.
std::vector<Image> NineRounds(MemoryDisk& disk, const LiveOptions& options = Options()) {
  LiveRun live(disk, kRun, options);
  std::vector<Image> images = {live.Now()};
  for (int i = 1; i <= 9; ++i) {
    EXPECT_TRUE(live.Round().ok());
    images.push_back(live.Now());
    if (i % 3 == 0 && i < 9) {
      EXPECT_TRUE(live.Checkpoint().ok());
    }
  }
  return images;
}

void Flip(MemoryDisk& disk, const std::string& path, size_t at) {
  std::string bytes = disk.Bytes(path);
  bytes[at] = static_cast<char>(bytes[at] ^ 4);
  disk.SetBytes(path, bytes);
}

TEST(Verify, ReportsEveryFileOfAWholeRun) {
  MemoryDisk disk;
  NineRounds(disk);
  const auto report = VerifyRun(kRun, disk);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(*report, HasSubstr("whole    run/checkpoints/round-00000006: 2000 parameters"));
  EXPECT_THAT(*report, HasSubstr("whole    run/journal/round-00000003.log: 3 appends, rounds 4 to 6"));
}

TEST(Verify, FindsDamageInEachFile) {
  MemoryDisk whole;
  NineRounds(whole);
  for (const char* path :
       {"run/checkpoints/round-00000000/state.bin", "run/checkpoints/round-00000003/params.safetensors",
        "run/journal/round-00000000.log", "run/journal/round-00000006.log"}) {
    MemoryDisk disk = whole;
    Flip(disk, path, 200);
    const auto report = VerifyRun(kRun, disk);
    EXPECT_EQ(report.status().code(), absl::StatusCode::kDataLoss) << path;
    EXPECT_THAT(Message(report.status()), HasSubstr(fmt::format("DAMAGED  {}", path)));
  }
}

TEST(Verify, OfADirectoryThatIsNoRunSaysSo) {
  MemoryDisk disk;
  ASSERT_TRUE(disk.MakeDirectories("elsewhere").ok());
  EXPECT_EQ(VerifyRun("elsewhere", disk).status().code(), absl::StatusCode::kNotFound);
}

TEST(Verify, RefusesARunInUse) {
  MemoryDisk disk;
  const LiveRun live(disk, kRun, Options());
  EXPECT_EQ(VerifyRun(kRun, disk).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(ReplayRun, NeedsTheDirectoryAloneAndMeetsEveryCheckpoint) {
  for (const char* rule : {"majority", "it-signsgd", "agreement"}) {
    LiveOptions options = Options();
    options.config.vote.rule = rule;
    MemoryDisk disk;
    const std::vector<Image> images = NineRounds(disk, options);
    const auto report = ReplayRun(kRun, Serially, disk);
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_THAT(*report, HasSubstr("rounds 1 to 9 computed again"));
    EXPECT_THAT(*report, HasSubstr(images.back().fingerprint));
    EXPECT_THAT(*report, HasSubstr("the same: run/checkpoints/round-00000003"));
    EXPECT_THAT(*report, HasSubstr("the same: run/checkpoints/round-00000006"));
  }
}

// A checkpoint is written beside the rounds that follow it, and only then another segment begins: what leads to the
// checkpoint is then put aside with what follows it.
TEST(ReplayRun, GoesOnBehindRoundsThatWerePutAside) {
  LiveOptions options = Options();
  options.keep = 4;
  MemoryDisk disk;
  std::vector<Image> images;
  {
    LiveRun live(disk, kRun, options);
    for (int i = 1; i <= 8; ++i) {
      ASSERT_TRUE(live.Round().ok());
      images.push_back(live.Now());
      if (i == 3) {
        ASSERT_TRUE(live.Checkpoint().ok());
      }
      if (i == 6) {
        ASSERT_TRUE(live.WriteCheckpoint().ok());
      }
    }
  }
  ASSERT_TRUE(RecoverFrom(kRun, "round-00000006", disk).ok());
  {
    LiveRun live(disk, kRun, options);
    ASSERT_EQ(live.Now(), images[5]);
    for (int i = 7; i <= 9; ++i) ASSERT_TRUE(live.Round().ok());
    ASSERT_TRUE(live.Checkpoint().ok());
    images.push_back(live.Now());
  }
  const auto verified = VerifyRun(kRun, disk);
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_THAT(*verified, HasSubstr("note     rounds 4 to 6 are in no journal segment"));
  const auto report = ReplayRun(kRun, Serially, disk);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(*report, HasSubstr("rounds 1 to 9 computed again"));
  EXPECT_THAT(*report, HasSubstr("but rounds 4 to 6, which were put aside: run/checkpoints/round-00000006"));
  EXPECT_THAT(*report, HasSubstr("the same: run/checkpoints/round-00000003"));
  EXPECT_THAT(*report, HasSubstr("the same: run/checkpoints/round-00000009"));
  EXPECT_THAT(*report, HasSubstr(images.back().fingerprint));
}

TEST(ReplayRun, BeginsWhereTheJournalDoes) {
  MemoryDisk disk;
  NineRounds(disk);
  ASSERT_TRUE(disk.Remove("run/journal/round-00000000.log").ok());
  const auto report = ReplayRun(kRun, Serially, disk);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(*report, HasSubstr("rounds 1 to 9 computed again"));
  EXPECT_THAT(*report, HasSubstr("but rounds 1 to 3"));
}

TEST(ReplayRun, MissingRoundsWithoutACheckpointBehindThemAreDamage) {
  MemoryDisk disk;
  NineRounds(disk);
  ASSERT_TRUE(disk.Remove("run/journal/round-00000003.log").ok());
  for (const char* file : {"/state.bin", "/params.safetensors", ""}) {
    ASSERT_TRUE(disk.Remove(std::string("run/checkpoints/round-00000006") + file).ok()) << file;
  }
  const auto report = ReplayRun(kRun, Serially, disk);
  EXPECT_EQ(report.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(Message(report.status()), HasSubstr("rounds 4 to 6 are in no journal segment"));
}

TEST(ReplayRun, OfAShardIsVerifiedReplayedAndRecovered) {
  LiveOptions options = Options();
  options.parameters = 2 * kBlockCoordinates + 2000;
  options.shard = 1;
  options.shards = 2;  // two blocks, the second one short
  MemoryDisk disk;
  std::vector<Image> images;
  {
    LiveRun live(disk, kRun, options);
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(live.Round().ok());
    ASSERT_TRUE(live.Checkpoint().ok());
    ASSERT_TRUE(live.Round().ok());
    images.push_back(live.Now());
  }
  const auto verified = VerifyRun(kRun, disk);
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_THAT(*verified, HasSubstr("round-00000003: 1050576 parameters"));
  const auto replayed = ReplayRun(kRun, Serially, disk);
  ASSERT_TRUE(replayed.ok()) << replayed.status();
  EXPECT_THAT(*replayed, HasSubstr("the same: run/checkpoints/round-00000003"));
  EXPECT_EQ(LiveRun(disk, kRun, options).Now(), images.back());
}

TEST(ReplayRun, WithoutBallotsSaysWhatIsMissing) {
  LiveOptions options = Options();
  options.durability = "decisions";
  MemoryDisk disk;
  NineRounds(disk, options);
  const auto report = ReplayRun(kRun, Serially, disk);
  EXPECT_EQ(report.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(report.status()), HasSubstr("durability: ballots"));
}

TEST(RecoverFrom, LetsADamagedRunGoOnFromACheckpointAndDeletesNothing) {
  MemoryDisk disk;
  const std::vector<Image> images = NineRounds(disk);
  const std::string segment = "run/journal/round-00000006.log";
  Flip(disk, segment, 400);
  const std::string damaged = disk.Bytes(segment);
  ASSERT_EQ(OpenRun(disk, kRun, SetupOf(Options()), InitialParameters(Options()), Serially).status().code(),
            absl::StatusCode::kDataLoss);
  const auto report = RecoverFrom(kRun, "run/checkpoints/round-00000006", disk);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(*report, HasSubstr("put aside: run/journal/round-00000006.log.aside"));
  EXPECT_EQ(disk.Bytes(segment + ".aside"), damaged);
  LiveRun run(disk, kRun, Options());
  EXPECT_EQ(run.Now(), images[6]);
  for (int i = 7; i <= 9; ++i) ASSERT_TRUE(run.Round().ok());
  EXPECT_EQ(run.Now(), images[9]);
}

TEST(RecoverFrom, AnOlderCheckpointPutsNewerOnesAside) {
  MemoryDisk disk;
  const std::vector<Image> images = NineRounds(disk);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(RecoverFrom(kRun, "round-00000003", disk).ok());
    LiveRun run(disk, kRun, Options());
    ASSERT_EQ(run.Now(), images[3]);
    for (int round = 4; round <= 6; ++round) ASSERT_TRUE(run.Round().ok());
    ASSERT_TRUE(run.Checkpoint().ok());
  }
  EXPECT_TRUE(disk.Exists("run/checkpoints/round-00000006.aside"));
  EXPECT_TRUE(disk.Exists("run/checkpoints/round-00000006.aside-2"));
  EXPECT_TRUE(disk.Exists("run/journal/round-00000003.log.aside-2"));
}

TEST(RecoverFrom, AnUnknownCheckpointNamesThoseThereAre) {
  MemoryDisk disk;
  NineRounds(disk);
  const auto report = RecoverFrom(kRun, "round-00000005", disk);
  EXPECT_EQ(report.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(report.status()), HasSubstr("run/checkpoints/round-00000006"));
}

}  // namespace
}  // namespace signvote
