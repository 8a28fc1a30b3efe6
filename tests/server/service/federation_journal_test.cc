// What the journal and checkpoints hold, and when: before a decision leaves, and while the disk refuses.
#include <gmock/gmock.h>

#include "tests/server/service/federation_harness.h"

namespace signvote {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Kind = v1::ServerMessage;
using H = FederationHarness;

TEST(FederationJournal, ACheckpointIsWrittenBesideTheRoundsThatFollow) {
  H h;
  const SessionId a = h.Join("a");
  h.Vote(a, 1);
  h.Work();
  uint64_t written = 0;
  h.federation->Checkpoint([&](absl::StatusOr<v1::CheckpointResponse> response) { written = response->round(); });
  h.Work();
  h.Vote(a, 2);
  h.Work();
  EXPECT_EQ(h.federation->Status().round(), 2u);
  EXPECT_EQ(written, 0u);
  h.WorkBeside();
  EXPECT_EQ(written, 1u);
  ASSERT_EQ(h.store.checkpoints.size(), 1u);
  EXPECT_EQ(h.store.checkpoints[0].round, 1u);
  EXPECT_EQ(h.store.rotated, 2u);
}

TEST(FederationJournal, TheJournalSaysWhatACheckpointKnowsBeforeIt) {
  H h;
  const SessionId a = h.Join("a");
  h.Vote(a, 1);
  h.Work();
  ASSERT_TRUE(h.federation->SetEvicted("a", true).ok());
  absl::Status status;
  auto checkpoint = [&] {
    h.federation->Checkpoint([&](absl::StatusOr<v1::CheckpointResponse> response) { status = response.status(); });
    h.WorkBeside();
  };
  h.store.failure = absl::ResourceExhaustedError("disk full");
  checkpoint();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(h.store.checkpoints.empty());
  h.store.failure = absl::OkStatus();
  checkpoint();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(h.store.checkpoints.size(), 1u);
  ASSERT_TRUE(h.store.journal.back().has_client());
  EXPECT_TRUE(h.store.journal.back().client().evicted());
}

TEST(FederationJournal, AFullDiskPausesTheRoundAndLosesNothing) {
  H h;
  const SessionId a = h.Join("a");
  h.Read(a);
  h.store.failure = absl::ResourceExhaustedError("cannot write journal: No space left on device");
  h.Vote(a, 1);
  EXPECT_THAT(h.Read(a).messages, IsEmpty());
  EXPECT_EQ(h.federation->Status().phase(), v1::STALLED);
  EXPECT_THAT(h.federation->Status().problem(), HasSubstr("No space left"));
  h.store.failure = absl::OkStatus();
  h.now += absl::Seconds(2);
  h.federation->Tick();
  EXPECT_EQ(h.Read(a).Of(Kind::kRoundClosed).size(), 1u);
  EXPECT_EQ(h.federation->Status().phase(), v1::COLLECTING);
  const auto ballots = std::count_if(h.store.journal.begin(), h.store.journal.end(),
                                     [](const v1::JournalRecord& record) { return record.has_ballot(); });
  EXPECT_EQ(ballots, 1);
}

TEST(FederationJournal, JournalsBallotsBeforeTheDecisionLeaves) {
  H h;
  const SessionId a = h.Join("a");
  h.Vote(a, 1);
  h.Work();
  std::vector<v1::JournalRecord::RecordCase> kinds;
  for (const auto& record : h.store.journal) kinds.push_back(record.record_case());
  using R = v1::JournalRecord;
  EXPECT_THAT(kinds, ElementsAre(R::kBallot, R::kClient, R::kRound, R::kDecision, R::kRoundEnd));
}

TEST(FederationJournal, JournalsTheBallotThatCountsAndNotTheOneThatWasWithdrawn) {
  H h;
  const SessionId a = h.Join("a");
  h.Join("b");
  h.Vote(a, 1, true);
  h.Work();
  ASSERT_TRUE(h.federation->SetEvicted("a", true).ok());
  h.Read(a);
  h.federation->Closed(a);
  ASSERT_TRUE(h.federation->SetEvicted("a", false).ok());
  h.Vote(h.Join("a"), 1, false);
  h.now += absl::Minutes(2);
  h.federation->Tick();
  h.Work();
  std::vector<std::string> journalled;
  for (const auto& record : h.store.journal) {
    if (record.has_ballot()) journalled.push_back(record.ballot().signs().signs());
  }
  EXPECT_THAT(journalled, ElementsAre(H::BallotOf(1, false).ballot().signs().signs()));
}

}  // namespace
}  // namespace signvote
