// Torn tails are cut off, damage is refused, and neither is ever taken for a round.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status.h"
#include "tests/server/store/live_run.h"
#include "tests/server/store/memory_disk.h"

namespace signvote {
namespace {

using testing::HasSubstr;

constexpr char kRun[] = "run";
constexpr char kSegment[] = "run/journal/round-00000000.log";

LiveOptions Small() {
  LiveOptions options;
  options.parameters = 200;
  options.voters = 3;
  options.has_events = false;
  return options;
}

// A run of five rounds, what it had come to after each, and how long its only segment was then.
struct Recorded {
  MemoryDisk disk;
  std::vector<Image> images;
  std::vector<size_t> lengths;
};

Recorded FiveRounds(bool has_checkpoints = false) {
  Recorded recorded;
  LiveRun live(recorded.disk, kRun, Small());
  for (int i = 0; i <= 5; ++i) {
    if (i > 0) {
      EXPECT_TRUE(live.Round().ok());
    }
    if (i > 0 && i % 2 == 0 && has_checkpoints) {
      EXPECT_TRUE(live.Checkpoint().ok());
    }
    recorded.images.push_back(live.Now());
    recorded.lengths.push_back(recorded.disk.Bytes(kSegment).size());
  }
  return recorded;
}

absl::StatusOr<OpenedRun> Open(MemoryDisk& disk) {
  return OpenRun(disk, kRun, SetupOf(Small()), InitialParameters(Small()), Serially);
}

TEST(TornTail, CutAnywhereInTheLastRoundLeadsToTheRoundBefore) {
  const Recorded recorded = FiveRounds();
  const std::string whole = recorded.disk.Bytes(kSegment);
  for (size_t length = recorded.lengths[4]; length < recorded.lengths[5]; ++length) {
    MemoryDisk disk = recorded.disk;
    disk.SetBytes(kSegment, whole.substr(0, length));
    LiveRun run(disk, kRun, Small());
    ASSERT_EQ(run.Now(), recorded.images[4]) << length;
    ASSERT_EQ(disk.Bytes(kSegment).size(), recorded.lengths[4]) << "not cut off";
    if (length > recorded.lengths[4]) {
      ASSERT_THAT(run.run().report, HasSubstr("cut short"));
    }
    ASSERT_TRUE(run.Round().ok());
    ASSERT_EQ(run.Now(), recorded.images[5]) << length;
  }
}

TEST(TornTail, OfZerosOrNoiseIsCutOff) {
  const Recorded recorded = FiveRounds();
  const std::string whole = recorded.disk.Bytes(kSegment);
  for (const char fill : {'\0', '\xff'}) {
    for (size_t extra : {1u, 23u, 24u, 100u, 5000u}) {
      MemoryDisk disk = recorded.disk;
      disk.SetBytes(kSegment, whole + std::string(extra, fill));
      EXPECT_EQ(LiveRun(disk, kRun, Small()).Now(), recorded.images[5]);
    }
  }
}

TEST(TornTail, WithAHoleBeforeWholeRecordsOfTheSameRoundIsCutOff) {
  const Recorded recorded = FiveRounds();
  const std::string whole = recorded.disk.Bytes(kSegment);
  for (size_t hole = recorded.lengths[4]; hole < recorded.lengths[5]; hole += 40) {
    MemoryDisk disk = recorded.disk;
    std::string bytes = whole;
    bytes.replace(hole, std::min<size_t>(40, bytes.size() - hole), std::min<size_t>(40, bytes.size() - hole), '\0');
    if (bytes == whole) continue;  // padding
    disk.SetBytes(kSegment, bytes);
    ASSERT_EQ(LiveRun(disk, kRun, Small()).Now(), recorded.images[4]) << hole;
  }
}

TEST(Damage, OfAnyByteBeforeTheLastRoundIsRefusedWithFileOffsetAndAdvice) {
  const Recorded recorded = FiveRounds();
  const std::string whole = recorded.disk.Bytes(kSegment);
  for (size_t at = 0; at < recorded.lengths[4]; ++at) {
    MemoryDisk disk = recorded.disk;
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << at % 8));
    disk.SetBytes(kSegment, bytes);
    const auto run = Open(disk);
    ASSERT_EQ(run.status().code(), absl::StatusCode::kDataLoss) << at << ": " << run.status();
    ASSERT_THAT(Message(run.status()), HasSubstr(kSegment));
    ASSERT_THAT(Message(run.status()), HasSubstr("at byte"));
    ASSERT_THAT(Message(run.status()), HasSubstr("signvote-server recover run --from run/checkpoints/round-00000000"));
    ASSERT_EQ(disk.Bytes(kSegment), bytes) << "evidence was destroyed";
  }
}

TEST(Damage, OfAnyByteOfTheLastRoundNeverPassesForIt) {
  const Recorded recorded = FiveRounds();
  const std::string whole = recorded.disk.Bytes(kSegment);
  for (size_t at = recorded.lengths[4]; at < whole.size(); ++at) {
    MemoryDisk disk = recorded.disk;
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << at % 8));
    disk.SetBytes(kSegment, bytes);
    const LiveRun run(disk, kRun, Small());
    ASSERT_EQ(run.Now(), recorded.images[4]) << at;
    ASSERT_THAT(run.run().report, HasSubstr("cut short"));
  }
}

TEST(Damage, OfAnEarlierSegmentIsNotNoticedWhereNobodyNeedsItAndRefusedWhereSomebodyDoes) {
  const Recorded recorded = FiveRounds(true);  // checkpoints 2 and 4
  MemoryDisk disk = recorded.disk;
  const std::string segment = "run/journal/round-00000002.log";
  disk.SetBytes(segment, disk.Bytes(segment).substr(0, disk.Bytes(segment).size() - 1));
  EXPECT_TRUE(Open(disk).ok());
  const std::string newest = "run/checkpoints/round-00000004/params.safetensors";
  disk.SetBytes(newest, disk.Bytes(newest).substr(1));
  EXPECT_EQ(Open(disk).status().code(), absl::StatusCode::kDataLoss);
}

TEST(DamagedCheckpoint, IsSkippedForAnOlderOneWithItsJournal) {
  const Recorded recorded = FiveRounds(true);
  for (const char* file : {"params.safetensors", "state.bin"}) {
    const std::string path = fmt::format("run/checkpoints/round-00000004/{}", file);
    const std::string whole = recorded.disk.Bytes(path);
    for (size_t at = 0; at < whole.size(); at += at < 700 ? 1 : 37) {
      MemoryDisk disk = recorded.disk;
      std::string bytes = whole;
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << at % 8));
      disk.SetBytes(path, bytes);
      const LiveRun run(disk, kRun, Small());
      ASSERT_EQ(run.Now(), recorded.images[5]) << path << " byte " << at;
      ASSERT_THAT(run.run().report, HasSubstr("the checkpoint of round 4 was skipped: " + path));
    }
  }
}

TEST(DamagedCheckpoint, WithoutAJournalUpToItIsRefused) {
  LiveOptions options = Small();
  options.durability = "none";
  MemoryDisk disk;
  {
    LiveRun live(disk, kRun, options);
    for (int i = 0; i < 2; ++i) {
      ASSERT_TRUE(live.Round().ok());
      ASSERT_TRUE(live.Checkpoint().ok());
    }
  }
  disk.SetBytes("run/checkpoints/round-00000002/state.bin", "");
  const auto run = OpenRun(disk, kRun, SetupOf(options), InitialParameters(options), Serially);
  EXPECT_EQ(run.status().code(), absl::StatusCode::kDataLoss) << run.status();
}

TEST(DamagedCheckpoint, WhenThereIsNoOtherIsRefused) {
  Recorded recorded = FiveRounds();
  recorded.disk.SetBytes("run/checkpoints/round-00000000/state.bin", "");
  EXPECT_EQ(Open(recorded.disk).status().code(), absl::StatusCode::kDataLoss);
}

TEST(Damage, BallotsThatDecideOtherwiseThanRecordedAreRefused) {
  LiveOptions options = Small();
  MemoryDisk disk;
  {
    LiveRun live(disk, kRun, options);
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(live.Round().ok());
  }
  RunSetup setup = SetupOf(options);
  setup.vote.carry = 0.5;  // as a program would that computes differently under the same configuration
  const auto run = OpenRun(disk, kRun, setup, InitialParameters(options), Serially);
  EXPECT_EQ(run.status().code(), absl::StatusCode::kDataLoss) << run.status();
}

}  // namespace
}  // namespace signvote
