// What administrators were told holds through crashes, and what a finished run still owes when it is started again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/service/federation_harness.h"

namespace signvote {
namespace {

using H = FederationHarness;

absl::Status Settled(H* h) {
  absl::Status status = absl::UnknownError("nobody answered");
  h->federation->Settle([&](absl::Status result) { status = std::move(result); });
  h->Work();
  return status;
}

std::vector<bool> Evictions(const H& h) {
  std::vector<bool> evictions;
  for (const v1::JournalRecord& record : h.store.journal) {
    if (record.has_client() && record.client().name() == "bad") evictions.push_back(record.client().evicted());
  }
  return evictions;
}

TEST(Administration, AnEvictionIsInTheJournalWhenItIsAnsweredWithoutAnyRound) {
  H h;
  h.Join("a");
  h.Join("bad");
  ASSERT_TRUE(h.federation->SetEvicted("bad", true).ok());
  ASSERT_TRUE(Settled(&h).ok());
  EXPECT_TRUE(h.rows.empty());
  EXPECT_THAT(Evictions(h), testing::Contains(true));
  const size_t records = h.store.journal.size();
  ASSERT_TRUE(Settled(&h).ok());
  EXPECT_EQ(h.store.journal.size(), records) << "what is in the journal is not written again";
}

TEST(Administration, WhatADiskRefusedIsJournalledWithTheNextRound) {
  H h;
  const SessionId a = h.Join("a");
  h.Join("bad");
  ASSERT_TRUE(h.federation->SetEvicted("bad", true).ok());
  h.store.failure = absl::ResourceExhaustedError("no space left on device");
  EXPECT_EQ(Settled(&h).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(h.store.journal.empty());
  h.store.failure = absl::OkStatus();
  h.Vote(a, 1);
  h.Work();
  EXPECT_EQ(h.rows.size(), 1u);
  EXPECT_THAT(Evictions(h), testing::Contains(true));
}

TEST(Administration, ACheckpointKnowsNothingThatTheJournalDoesNotSayBefore) {
  H h;
  h.Join("a");
  h.Join("bad");
  ASSERT_TRUE(h.federation->SetEvicted("bad", true).ok());
  std::vector<absl::Status> results;
  const auto checkpoint = [&] {
    h.federation->Checkpoint([&](const auto& result) { results.push_back(result.status()); });
    h.WorkBeside();
  };
  h.store.failure = absl::ResourceExhaustedError("no space left on device");
  checkpoint();
  h.store.failure = absl::OkStatus();
  EXPECT_TRUE(h.store.checkpoints.empty());
  checkpoint();
  EXPECT_EQ(h.store.checkpoints.size(), 1u);
  EXPECT_THAT(Evictions(h), testing::Contains(true));
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(results[1].ok()) << results[1];
}

// After its only round, as recovery finds it: "a" voted in it.
std::unique_ptr<H> FinishedRun() {
  ServerOptions options = H::DefaultOptions();
  options.rounds.total = 1;
  H before(options);
  before.Vote(before.Join("a"), 1);
  before.Work();
  Federation::State state{.tally = H::NewTally(options, H::kParameters), .registry = {}};
  for (const v1::JournalRecord& record : before.store.journal) {
    if (record.has_client()) state.registry.Apply(record.client());
  }
  state.tally.Follow({}, {SignVector{std::vector<uint64_t>(H::kWords, 0), {}}});
  state.tally.Apply({.size = 0.125f, .decay = 1}, Serially);
  return std::make_unique<H>(options, std::move(state));
}

TEST(Administration, AFinishedRunThatIsStartedAgainWaitsForItsVotersAWhile) {
  const auto h = FinishedRun();
  EXPECT_FALSE(h->federation->IsFinished());
  const SessionId a = h->Join("a");
  h->Read(a);
  v1::ClientMessage applied;
  applied.mutable_applied()->set_round(1);
  h->federation->Receive(a, applied);
  EXPECT_TRUE(h->federation->IsFinished()) << "everyone has what is due";
}

TEST(Administration, AFinishedRunThatNobodyComesBackToEnds) {
  const auto h = FinishedRun();
  h->now += absl::Seconds(9);
  EXPECT_FALSE(h->federation->IsFinished());
  h->now += absl::Seconds(2);
  EXPECT_TRUE(h->federation->IsFinished());
}

}  // namespace
}  // namespace signvote
