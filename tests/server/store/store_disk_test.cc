// Full disks, failing disks and power cuts, at every operation.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

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
  options.parameters = 1600;
  options.voters = 3;
  options.keep = 2;
  return options;
}

TEST(FullDisk, RefusesTheRoundLeavesNothingOfItAndTakesItLater) {
  for (const char* operation : {"write", "sync"}) {
    MemoryDisk disk;
    LiveRun live(disk, kRun, Small());
    ASSERT_TRUE(live.Round().ok());
    const size_t length = disk.Bytes(kSegment).size();
    disk.before = [&](const std::string& what, const std::string&) {
      return what == operation ? absl::ResourceExhaustedError("disk full") : absl::OkStatus();
    };
    EXPECT_EQ(live.Round().code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(live.Retry().code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(disk.Bytes(kSegment).size(), length) << operation;
    EXPECT_EQ(live.Now().round, 1);
    disk.before = nullptr;
    ASSERT_TRUE(live.Retry().ok());
    ASSERT_TRUE(live.Round().ok());
    MemoryDisk after = disk.AfterCrash(MemoryDisk::Unsynced::kLost);
    EXPECT_EQ(LiveRun(after, kRun, Small()).Now(), live.Now()) << operation;
  }
}

TEST(FullDisk, ThatCannotEvenTruncateShowsNoHalfRoundAfterARestart) {
  MemoryDisk disk;
  LiveRun live(disk, kRun, Small());
  ASSERT_TRUE(live.Round().ok());
  const Image before = live.Now();
  disk.before = [&](const std::string& what, const std::string&) {
    return what == "write" || what == "truncate" ? absl::UnavailableError("I/O error") : absl::OkStatus();
  };
  EXPECT_EQ(live.Round().code(), absl::StatusCode::kUnavailable);
  disk.before = nullptr;
  MemoryDisk after = disk.AfterCrash(MemoryDisk::Unsynced::kKept);
  EXPECT_EQ(LiveRun(after, kRun, Small()).Now(), before);
  ASSERT_TRUE(live.Retry().ok());
}

TEST(FullDisk, RefusesACheckpointAndTheRunGoesOn) {
  MemoryDisk disk;
  LiveRun live(disk, kRun, Small());
  ASSERT_TRUE(live.Round().ok());
  int left = 0;
  disk.before = [&](const std::string&, const std::string&) {
    return left-- == 0 ? absl::ResourceExhaustedError("disk full") : absl::OkStatus();
  };
  for (int fail_at = 0; fail_at < 25; ++fail_at) {
    left = fail_at;
    const absl::Status status = live.Checkpoint();  // whatever it says
    left = -1;
    ASSERT_TRUE(live.Round().ok()) << fail_at;
    for (const auto unsynced : {MemoryDisk::Unsynced::kLost, MemoryDisk::Unsynced::kKept}) {
      MemoryDisk after = disk.AfterCrash(unsynced);
      ASSERT_EQ(LiveRun(after, kRun, Small()).Now(), live.Now()) << fail_at << ": " << status;
    }
  }
}

// Drives a run until the power fails at operation `fail_at`; returns what it had come to after each acknowledged round.
// False when it never failed.
bool RunUntilPowerCut(MemoryDisk& disk, int fail_at, std::vector<Image>* images, bool* is_appending) {
  bool is_cut = false;
  disk.before = [&, left = fail_at](const std::string&, const std::string&) mutable {
    is_cut |= left-- <= 0;
    return is_cut ? absl::UnavailableError("power cut") : absl::OkStatus();
  };
  auto run = OpenRun(disk, kRun, SetupOf(Small()), InitialParameters(Small()), Serially);
  if (run.ok()) {
    LiveRun live(*std::move(run), Small());
    images->push_back(live.Now());
    for (int i = 1; i <= 5 && !is_cut; ++i) {
      const bool closed = live.Round().ok();
      *is_appending = !closed;
      if (closed) images->push_back(live.Now());
      if (closed && i % 2 == 0) live.Checkpoint().IgnoreError();
    }
  }
  disk.before = nullptr;
  return is_cut;
}

class PowerCut : public testing::TestWithParam<MemoryDisk::Unsynced> {};
INSTANTIATE_TEST_SUITE_P(, PowerCut, testing::Values(MemoryDisk::Unsynced::kLost, MemoryDisk::Unsynced::kKept),
                         [](const auto& param) {
                           return param.param == MemoryDisk::Unsynced::kLost ? "LosesUnsynced" : "KeepsUnsynced";
                         });

TEST_P(PowerCut, AtAnyOperationLosesNoAcknowledgedRound) {
  int fail_at = 0;
  for (;; ++fail_at) {
    MemoryDisk disk;
    std::vector<Image> images;
    bool is_appending = false;
    const bool is_cut = RunUntilPowerCut(disk, fail_at, &images, &is_appending);
    MemoryDisk after = disk.AfterCrash(GetParam());
    const LiveRun recovered(after, kRun, Small());
    const Image now = recovered.Now();
    if (images.empty()) {
      ASSERT_EQ(now.round, 0) << fail_at;
    } else if (is_appending && now.round == images.back().round + 1) {
      // Not acknowledged, and yet whole on the disk.
      ASSERT_EQ(GetParam(), MemoryDisk::Unsynced::kKept);
    } else {
      ASSERT_EQ(now, images.back()) << fail_at;
    }
    if (!is_cut) break;
  }
  EXPECT_GT(fail_at, 50);
}

TEST(Kill, AtAnyOperationAndALossOfPowerAfterTheNextStartUndoNothing) {
  for (int fail_at = 0;; ++fail_at) {
    MemoryDisk disk;
    std::vector<Image> images;
    bool is_appending = false;
    const bool is_killed = RunUntilPowerCut(disk, fail_at, &images, &is_appending);
    MemoryDisk killed = disk.AfterCrash(MemoryDisk::Unsynced::kKept);
    const Image now = LiveRun(killed, kRun, Small()).Now();
    MemoryDisk after = killed.AfterCrash(MemoryDisk::Unsynced::kLost);
    ASSERT_EQ(LiveRun(after, kRun, Small()).Now(), now) << fail_at;
    if (!is_killed) break;
  }
}

class PosixDiskTest : public testing::Test {
 protected:
  PosixDiskTest() {
    std::string pattern = testing::TempDir() + "/signvote-store-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  ~PosixDiskTest() override { std::filesystem::remove_all(directory_); }
  std::string directory_;
};

TEST_F(PosixDiskTest, CarriesARunThroughRestartsAndCheckpoints) {
  const std::string run = directory_ + "/nested/run";
  Image last;
  for (int i = 0; i < 6; ++i) {
    LiveRun live(PosixDisk(), run, Small());
    if (i > 0) {
      ASSERT_EQ(live.Now(), last);
    }
    ASSERT_TRUE(live.Round().ok());
    if (i == 3) {
      ASSERT_TRUE(live.Checkpoint().ok());
    }
    last = live.Now();
  }
}

TEST_F(PosixDiskTest, RefusesASecondProcessAndNamesTheFirst) {
  const LiveRun live(PosixDisk(), directory_, Small());
  const auto second = OpenRun(directory_, SetupOf(Small()), InitialParameters(Small()), Serially);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(second.status()), HasSubstr(fmt::format("process {} uses this directory", ::getpid())));
}

}  // namespace
}  // namespace signvote
