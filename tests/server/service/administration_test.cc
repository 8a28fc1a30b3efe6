// What administrators were told holds through crashes, and what a finished run still owes when it is started again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/store/round_config.h"
#include "tests/server/service/federation_harness.h"

namespace signvote {
namespace {

using Kind = v1::ServerMessage;
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

// After its only round, as recovery finds it 90 seconds after that was opened: "a" voted in it.
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
  state.evaluation.emplace().set_round(1);
  state.evaluation->set_accuracy(0.75);
  state.seconds = 90;
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

TEST(Administration, AFinishedRunThatIsStartedAgainKnowsItsAgeAndWhatWasMeasured) {
  const auto h = FinishedRun();
  h->now += absl::Seconds(5);
  const v1::RunStatus status = h->federation->Status();
  EXPECT_EQ(status.phase(), v1::FINISHED_RUN);
  EXPECT_DOUBLE_EQ(status.seconds(), 90) << "it grows no older";
  ASSERT_EQ(status.evaluations_size(), 1);
  EXPECT_EQ(status.evaluations(0).accuracy(), 0.75);
}

TEST(Administration, AFinishedRunThatNobodyComesBackToEnds) {
  const auto h = FinishedRun();
  h->now += absl::Seconds(9);
  EXPECT_FALSE(h->federation->IsFinished());
  h->now += absl::Seconds(2);
  EXPECT_TRUE(h->federation->IsFinished());
}

TEST(Administration, AnEvictedVoterIsToldNotCountedAndKeptOutUntilReadmitted) {
  H h;
  const SessionId a = h.Join("a"), bad = h.Join("bad");
  h.Read(bad);
  h.Vote(bad, 1, false);
  ASSERT_TRUE(h.federation->SetEvicted("bad", true).ok());
  const auto heard = h.Read(bad);
  EXPECT_EQ(heard.messages.back().farewell().reason(), v1::Farewell::EVICTED);
  EXPECT_EQ(heard.end->code(), absl::StatusCode::kPermissionDenied);
  h.federation->Closed(bad);
  h.Vote(a, 1, true);
  h.Work();
  ASSERT_EQ(h.rows.size(), 1u);
  EXPECT_EQ(h.rows[0].ballots, 1u);
  EXPECT_EQ(h.Read(h.Join("bad")).end->code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(h.federation->SetEvicted("bad", true).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(h.federation->SetEvicted("nobody", true).code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(h.federation->SetEvicted("bad", false).ok());
  EXPECT_TRUE(h.Read(h.Join("bad")).messages[0].has_welcome());
}

TEST(Administration, AVoterReadmittedInTheSameRoundMayVoteAgainAndIsRecoveredSo) {
  H h;
  const SessionId a = h.Join("a"), b = h.Join("b");
  h.Vote(b, 1, true);
  ASSERT_TRUE(h.federation->SetEvicted("b", true).ok());
  h.federation->Closed(b);
  ASSERT_TRUE(h.federation->SetEvicted("b", false).ok());
  const SessionId again = h.Join("b");
  h.Vote(again, 1, false);
  h.Vote(a, 1, false);
  h.Work();
  ASSERT_EQ(h.rows.size(), 1u);
  EXPECT_EQ(h.rows[0].ballots, 2u);
  const VoteOptions vote = H::DefaultOptions().vote;
  RunState state{Tally(vote, BlockRange::All(H::kParameters), std::vector<float>(H::kParameters)), {}};
  Replay replay(&state, Canonical({.vote = vote}), Serially);
  const absl::Status status = h.store.Play(&replay);
  EXPECT_TRUE(status.ok()) << Message(status);
  EXPECT_EQ(state.tally.fingerprint(), FromProto(h.federation->Status().fingerprint()));
}

TEST(Administration, DrainingClosesTheOpenRoundAndOpensNoOther) {
  H h;
  const SessionId a = h.Join("a"), b = h.Join("b");
  h.Read(a);
  h.Vote(a, 1);
  h.federation->Drain();
  EXPECT_FALSE(h.federation->IsDrained());
  EXPECT_EQ(h.federation->Status().phase(), v1::STOPPING_RUN);
  h.Vote(b, 1);
  EXPECT_FALSE(h.federation->IsDrained());
  const auto heard = h.Read(a);
  EXPECT_TRUE(h.federation->IsDrained());
  EXPECT_EQ(heard.messages.back().round_closed().round(), 1u);
}

TEST(Administration, DrainingWaitsForNoRoundThatCannotClose) {
  H h(H::With([](ServerOptions& o) { o.rounds.quorum = 2; }));
  const SessionId a = h.Join("a");
  h.federation->Drain();
  EXPECT_TRUE(h.federation->IsDrained());
  h.Vote(a, 1);
  EXPECT_TRUE(h.federation->IsDrained());
}

TEST(Administration, PausesAndGoesOn) {
  H h;
  const SessionId a = h.Join("a");
  ASSERT_TRUE(h.federation->Pause(0).ok());
  h.Vote(a, 1);
  h.Work();
  EXPECT_EQ(h.federation->Status().phase(), v1::PAUSED);
  EXPECT_EQ(h.federation->Status().round(), 0u);
  ASSERT_TRUE(h.federation->Resume().ok());
  h.Work();
  EXPECT_EQ(h.federation->Status().round(), 1u);
}

TEST(Administration, APauseWithALimitEndsByItself) {
  H h;
  const SessionId a = h.Join("a");
  ASSERT_TRUE(h.federation->Pause(0, 10).ok());
  h.Vote(a, 1);
  h.now += absl::Seconds(9);
  h.federation->Tick();
  h.Work();
  EXPECT_EQ(h.federation->Status().round(), 0u);
  h.now += absl::Seconds(1);
  h.federation->Tick();
  h.Work();
  EXPECT_EQ(h.federation->Status().round(), 1u);
}

TEST(Administration, PausesAfterARoundThatIsStillToCome) {
  H h;
  const SessionId a = h.Join("a");
  ASSERT_TRUE(h.federation->Pause(2).ok());
  for (uint64_t round = 1; round <= 3; ++round) {
    h.Vote(a, round);
    h.Work();
  }
  EXPECT_EQ(h.federation->Status().phase(), v1::PAUSED);
  EXPECT_EQ(h.federation->Status().round(), 2u);
}

TEST(Administration, ExportsWhatItHoldsAfterTheLastRound) {
  H h;
  const SessionId a = h.Join("a");
  h.Vote(a, 1);
  h.Work();
  const Federation::Exported exported = h.federation->Export();
  EXPECT_EQ(exported.header.round(), 1u);
  EXPECT_EQ(exported.header.config().parameters(), H::kParameters);
  EXPECT_EQ(exported.header.tensors(0).name(), "w");
  EXPECT_EQ(exported.parameters, std::vector<float>(H::kParameters, -0.125f));
  EXPECT_EQ(FromProto(exported.header.fingerprint()), FingerprintOf(exported.parameters));
}

TEST(Administration, AnotherStepSizeHoldsFromTheOpenRoundOn) {
  H h;
  const SessionId a = h.Join("a");
  h.Read(a);
  EXPECT_FALSE(h.federation->SetStepSize(-1).ok());
  ASSERT_TRUE(h.federation->SetStepSize(0.5f).ok());
  h.Vote(a, 1);
  EXPECT_EQ(h.Read(a).Of(Kind::kDecision).at(0).decision().step(), 0.5f);
}

TEST(Administration, AStepThatDecaysAllOfAParameterIsRefused) {
  H h(H::With([](ServerOptions& o) { o.step.weight_decay = 0.1; }));
  EXPECT_TRUE(h.federation->SetStepSize(9).ok());
  EXPECT_EQ(h.federation->SetStepSize(10).code(), absl::StatusCode::kInvalidArgument);
}

TEST(Administration, AFinishedRunTakesNoOtherStep) {
  EXPECT_EQ(FinishedRun()->federation->SetStepSize(0.5f).code(), absl::StatusCode::kFailedPrecondition);
}

TEST(Administration, ARunThatGoesOnIsAsOldAsItWasAndGrowsOlder) {
  Federation::State state{.tally = H::NewTally(H::DefaultOptions(), H::kParameters), .registry = {}};
  state.seconds = 90;
  H h(H::DefaultOptions(), std::move(state));
  const SessionId a = h.Join("a");
  h.now += absl::Seconds(5);
  EXPECT_DOUBLE_EQ(h.federation->Status().seconds(), 95);
  h.Vote(a, 1);
  h.Work();
  EXPECT_DOUBLE_EQ(h.rows.at(0).seconds, 95);
}

}  // namespace
}  // namespace signvote
