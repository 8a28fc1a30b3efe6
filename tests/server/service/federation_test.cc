#include "server/service/federation.h"

#include <gmock/gmock.h>

#include <cmath>

#include "common/random.h"
#include "server/store/replay.h"
#include "server/store/round_config.h"
#include "tests/server/service/federation_harness.h"

namespace signvote {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Verdict = v1::BallotAnswer;
using Kind = v1::ServerMessage;
using H = FederationHarness;

ServerOptions With(std::function<void(ServerOptions&)> change) {
  ServerOptions options = H::DefaultOptions();
  change(options);
  return options;
}

TEST(Federation, WelcomesWithModelThenParametersThenTheOpenRound) {
  H h;
  const auto heard = h.Read(h.Join("a"));
  ASSERT_GE(heard.messages.size(), 6u);
  EXPECT_TRUE(heard.messages[0].has_welcome());
  EXPECT_EQ(heard.messages[0].welcome().config().parameters(), H::kParameters);
  EXPECT_EQ(heard.Of(Kind::kModel).size(), 3u);
  ASSERT_EQ(heard.Of(Kind::kParameters).size(), 1u);
  EXPECT_TRUE(heard.Of(Kind::kParameters)[0].parameters().last());
  EXPECT_EQ(heard.messages.back().round_open().round(), 1u);
  EXPECT_TRUE(heard.messages.back().round_open().vote());
}

TEST(Federation, ClosesARoundWithTheDecisionOfItsBallots) {
  H h;
  const SessionId a = h.Join("a"), b = h.Join("b"), c = h.Join("c");
  h.Read(a);
  h.Vote(a, 1, true);
  h.Vote(b, 1, false);
  h.Vote(c, 1, true);
  const auto heard = h.Read(a);
  ASSERT_EQ(heard.messages.size(), 3u);
  const v1::DecisionBlock& decision = heard.messages[0].decision();
  EXPECT_EQ(decision.round(), 1u);
  EXPECT_EQ(decision.step(), 0.125f);
  EXPECT_EQ(decision.signs().signs(), H::BallotOf(1, true).ballot().signs().signs());
  const std::vector<float> moved(H::kParameters, -0.125f);
  EXPECT_EQ(FromProto(heard.messages[1].round_closed().fingerprint()), FingerprintOf(moved));
  EXPECT_EQ(heard.messages[1].round_closed().ballots(), 3u);
  EXPECT_EQ(heard.messages[2].round_open().round(), 2u);
}

TEST(Federation, GivesEachVoterItsOwnMagnitudeBack) {
  H h;
  const SessionId a = h.Join("a"), b = h.Join("b"), c = h.Join("c");
  EXPECT_EQ(h.Read(a).Of(Kind::kRoundOpen)[0].round_open().magnitude(), 0);
  h.Read(b);
  v1::ClientMessage ballot = H::BallotOf(1, true);
  ballot.mutable_ballot()->set_magnitude(0.25f);
  h.federation->Receive(a, ballot);
  h.Vote(b, 1);
  h.Vote(c, 1);
  EXPECT_EQ(h.Read(a).Of(Kind::kRoundOpen)[0].round_open().magnitude(), 0.25f);
  EXPECT_EQ(h.Read(b).Of(Kind::kRoundOpen)[0].round_open().magnitude(), 0) << "it told none";
}

TEST(Federation, RefusesAMagnitudeThatIsNone) {
  H h;
  const SessionId a = h.Join("a");
  h.Read(a);
  for (const float magnitude : {-1.0f, std::nanf(""), INFINITY}) {
    v1::ClientMessage ballot = H::BallotOf(1, true);
    ballot.mutable_ballot()->set_magnitude(magnitude);
    h.federation->Receive(a, ballot);
    EXPECT_THAT(h.Read(a).Verdicts(), ElementsAre(Verdict::MALFORMED)) << magnitude;
  }
}

TEST(Federation, ArrivalOrderDoesNotChangeTheDecision) {
  std::vector<std::string> fingerprints;
  for (const bool reversed : {false, true}) {
    H h(With([](ServerOptions& o) { o.vote.rule = "agreement"; }));
    std::vector<std::string> names{"a", "b", "c", "d", "e"};
    if (reversed) std::reverse(names.begin(), names.end());
    std::vector<SessionId> sessions;
    for (const auto& name : names) sessions.push_back(h.Join(name));
    for (uint64_t round = 1; round <= 4; ++round) {
      for (size_t i = 0; i < names.size(); ++i) h.Vote(sessions[i], round, names[i] < "c");
      h.Work();
    }
    fingerprints.push_back(FromProto(h.federation->Status().fingerprint()).Hex());
    EXPECT_EQ(h.federation->Status().round(), 4u);
  }
  EXPECT_EQ(fingerprints[0], fingerprints[1]);
}

TEST(Federation, WaitsForTheQuorumAndSaysSo) {
  H h(With([](ServerOptions& o) { o.rounds.quorum = 2; }));
  const SessionId a = h.Join("a");
  h.Vote(a, 1);
  h.now += absl::Minutes(5);
  h.federation->Tick();
  h.Work();
  EXPECT_EQ(h.federation->Status().round(), 0u);
  EXPECT_EQ(h.federation->Status().phase(), v1::WAITING);
  EXPECT_THAT(h.federation->Status().problem(), HasSubstr("1 of the 2 that rounds.quorum asks for"));
  h.Vote(h.Join("b"), 1);
  h.Work();
  EXPECT_EQ(h.federation->Status().round(), 1u);
}

TEST(Federation, ClosesAtTheDeadlineWithoutTheSlow) {
  H h;
  const SessionId a = h.Join("a");
  h.Join("slow");
  h.Vote(a, 1);
  h.federation->Tick();
  h.Work();
  EXPECT_EQ(h.federation->Status().round(), 0u);
  h.now += absl::Seconds(60);
  h.federation->Tick();
  h.Work();
  EXPECT_EQ(h.federation->Status().round(), 1u);
}

TEST(Federation, ClosesEarlyOnceTheMissingCannotChangeEnough) {
  H h(With([](ServerOptions& o) { o.rounds.close_early = 0.99; }));
  const SessionId a = h.Join("a"), b = h.Join("b");
  h.Join("slow");
  h.Vote(a, 1);
  h.Work();
  EXPECT_EQ(h.federation->Status().round(), 0u);  // one against two
  h.Vote(b, 1);
  h.Work();
  EXPECT_EQ(h.federation->Status().round(), 1u);
  h.Vote(a, 2, true);
  h.Vote(b, 2, false);
  h.Work();
  EXPECT_EQ(h.federation->Status().round(), 1u);  // they cancel: the third decides
}

TEST(Federation, ACheckpointIsWrittenBesideTheRoundsThatFollow) {
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

TEST(Federation, TheJournalSaysWhatACheckpointKnowsBeforeIt) {
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
  h.store.failure = absl::OkStatus();
  checkpoint();
  EXPECT_TRUE(status.ok());
  ASSERT_TRUE(h.store.journal.back().has_client());
  EXPECT_TRUE(h.store.journal.back().client().evicted());
}

TEST(Federation, IgnoresImpossibleEvaluations) {
  H h;
  const SessionId voter = h.Join("v"), observer = h.Join("o", v1::OBSERVER);
  auto evaluate = [&](SessionId session, uint64_t round, double accuracy) {
    v1::ClientMessage message;
    message.mutable_evaluation()->set_round(round);
    message.mutable_evaluation()->set_accuracy(accuracy);
    h.federation->Receive(session, message);
  };
  evaluate(observer, 0, 7);
  evaluate(observer, 99, 0.5);
  evaluate(observer, 0, -0.5);
  evaluate(voter, 0, 0.5);
  EXPECT_EQ(h.federation->Status().evaluations_size(), 0);
  evaluate(observer, 0, 0.5);
  EXPECT_EQ(h.federation->Status().evaluations_size(), 1);
}

TEST(Federation, NoMessageIsLargerThanClientsTake) {
  // Two voters who disagree on random coordinates: signs and holds that no coding makes smaller.
  const uint64_t parameters = kBlockCoordinates;
  H h(H::DefaultOptions(), parameters);
  const SessionId a = h.Join("a"), b = h.Join("b");
  h.Read(a);
  uint64_t word = 1;
  for (const SessionId session : {a, b}) {
    std::vector<uint64_t> words(WordsFor(parameters));
    for (uint64_t& w : words) w = Mix(word++);
    v1::ClientMessage message;
    message.mutable_ballot()->set_round(1);
    message.mutable_ballot()->mutable_signs()->set_signs(words.data(), words.size() * 8);
    h.federation->Receive(session, message);
  }
  const auto decisions = h.Read(a).Of(Kind::kDecision);
  ASSERT_EQ(decisions.size(), 1u);
  EXPECT_GT(decisions[0].ByteSizeLong(), 2u * kBlockCoordinates / 8);
  EXPECT_LT(decisions[0].ByteSizeLong(), static_cast<size_t>(kMaxMessageBytes));
}

TEST(Federation, AClientThatLeavesMidBallotCostsTheRoundNothing) {
  const uint64_t parameters = kBlockCoordinates + H::kParameters;
  H h(H::DefaultOptions(), parameters);
  const SessionId a = h.Join("a"), b = h.Join("b");
  auto vote_block_1 = [](uint64_t) { return H::BallotOf(1, true, 1); };
  v1::ClientMessage block_0;
  block_0.mutable_ballot()->set_round(1);
  block_0.mutable_ballot()->mutable_signs()->set_signs(std::string(kBlockCoordinates / 8, '\0'));
  h.federation->Receive(a, block_0);
  h.federation->Receive(a, vote_block_1(1));
  h.federation->Receive(b, block_0);  // and never block 1
  h.Work();
  EXPECT_EQ(h.federation->Status().round(), 0u);
  h.federation->Closed(b);
  h.Work();
  EXPECT_EQ(h.federation->Status().round(), 1u);
  ASSERT_EQ(h.rows.size(), 1u);
  EXPECT_EQ(h.rows[0].ballots, 1u);
}

// Bad ballots: each answered by its verdict, none of them counted.
TEST(Federation, AnswersBadBallots) {
  H h;
  const SessionId a = h.Join("a"), observer = h.Join("o", v1::OBSERVER);
  h.Join("b");  // holds the round open
  h.Read(a);
  v1::ClientMessage wrong_length = H::BallotOf(1, true), beyond_end = wrong_length, bad_zstd = wrong_length;
  wrong_length.mutable_ballot()->mutable_signs()->mutable_signs()->pop_back();
  beyond_end.mutable_ballot()->mutable_signs()->set_signs(std::string(H::kWords * 8, '\xff'));
  bad_zstd.mutable_ballot()->mutable_signs()->set_signs_coding(v1::SignBlock::ZSTD);
  for (const auto& message : {wrong_length, beyond_end, bad_zstd, H::BallotOf(1, true, 9), H::BallotOf(2, true)}) {
    h.federation->Receive(a, message);
  }
  EXPECT_THAT(h.Read(a).Verdicts(), ElementsAre(Verdict::WRONG_LENGTH, Verdict::MALFORMED, Verdict::MALFORMED,
                                                Verdict::UNKNOWN_BLOCK, Verdict::FUTURE_ROUND));
  h.Vote(observer, 1);
  EXPECT_THAT(h.Read(observer).Verdicts(), ElementsAre(Verdict::NOT_A_VOTER));
  EXPECT_EQ(h.federation->Status().ballots(), 0u);
  EXPECT_EQ(h.federation->Clients().clients(0).refused_ballots(), 5u);
}

TEST(Federation, ABallotIsIdempotent) {
  H h;
  const SessionId a = h.Join("a");
  h.Join("b");
  h.Read(a);
  h.Vote(a, 1, true);
  h.Vote(a, 1, true);
  h.Vote(a, 1, false);
  EXPECT_THAT(h.Read(a).Verdicts(), ElementsAre(Verdict::DUPLICATE, Verdict::CONFLICT));
  EXPECT_EQ(h.federation->Status().ballots(), 1u);
}

TEST(Federation, ACountedBallotSentAgainAfterTheRoundIsADuplicateNotStale) {
  H h;
  const SessionId a = h.Join("a");
  h.Vote(a, 1);
  h.Read(a);
  h.Vote(a, 1);
  EXPECT_THAT(h.Read(a).Verdicts(), ElementsAre(Verdict::DUPLICATE));
}

TEST(Federation, ALateBallotIsStaleOrCountsWithItsAge) {
  for (const uint32_t max_staleness : {0, 1}) {
    H h(With([&](ServerOptions& o) { o.rounds.max_staleness = max_staleness; }));
    const SessionId a = h.Join("a"), slow = h.Join("slow");
    h.Vote(a, 1);
    h.now += absl::Minutes(2);
    h.federation->Tick();
    h.Read(slow);
    h.Vote(slow, 1);
    EXPECT_THAT(h.Read(slow).Verdicts(), ElementsAre(max_staleness ? Verdict::COUNTED_LATE : Verdict::STALE));
    h.Vote(a, 2);
    h.now += absl::Minutes(2);
    h.federation->Tick();
    h.Work();
    ASSERT_EQ(h.rows.size(), 2u);
    EXPECT_EQ(h.rows[1].ballots, 1 + max_staleness);
    EXPECT_EQ(h.rows[1].late, max_staleness);
  }
}

TEST(Federation, ASecondClientOfATakenNameIsRefusedAndTheTokenTakesOver) {
  H h;
  const SessionId first = h.Join("a");
  const std::string token = h.Read(first).messages[0].welcome().session();
  EXPECT_EQ(h.Read(h.Join("a")).end->code(), absl::StatusCode::kAlreadyExists);
  v1::ClientMessage join = H::JoinOf("a");
  join.mutable_join()->set_session(token);
  const SessionId second = h.Join(join);
  EXPECT_TRUE(h.Read(second).messages[0].has_welcome());
  EXPECT_EQ(h.Read(first).end->code(), absl::StatusCode::kAborted);
  h.federation->Closed(first);  // does not take the name from the second
  EXPECT_EQ(h.federation->Status().voters(), 1u);
}

TEST(Federation, EndsSessionsThatBreakTheProtocol) {
  H h;
  const SessionId unjoined = h.federation->Open();
  h.Vote(unjoined, 1);
  EXPECT_EQ(h.Read(unjoined).end->code(), absl::StatusCode::kFailedPrecondition);
  const SessionId twice = h.Join("a");
  h.federation->Receive(twice, H::JoinOf("a"));
  EXPECT_EQ(h.Read(twice).end->code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(h.Read(h.Join("no spaces")).end->code(), absl::StatusCode::kInvalidArgument);
  v1::ClientMessage future = H::JoinOf("b");
  future.mutable_join()->set_protocol(2);
  EXPECT_EQ(h.Read(h.Join(future)).end->code(), absl::StatusCode::kFailedPrecondition);
}

TEST(Federation, AnEvictedVoterIsToldNotCountedAndKeptOutUntilReadmitted) {
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

// Plays the journal as recovery would.
Fingerprint Replayed(const H& h, const VoteOptions& vote) {
  RunState state{Tally(vote, BlockRange::All(H::kParameters), std::vector<float>(H::kParameters)), {}};
  Replay replay(&state, Canonical({.vote = vote}), Serially);
  std::vector<std::string> bodies;
  for (const v1::JournalRecord& record : h.store.journal) {
    bodies.push_back(record.SerializeAsString());
    if (!record.has_round_end()) continue;
    const std::vector<std::string_view> views(bodies.begin(), bodies.end());
    const absl::Status status = replay.Play(views);
    EXPECT_TRUE(status.ok()) << Message(status);
    bodies.clear();
  }
  return state.tally.fingerprint();
}

TEST(Federation, AVoterReadmittedInTheSameRoundMayVoteAgainAndIsRecoveredSo) {
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
  EXPECT_EQ(Replayed(h, H::DefaultOptions().vote), FromProto(h.federation->Status().fingerprint()));
}

TEST(Federation, AnObserverThatComesAndGoesLeavesOneRecord) {
  H h;
  const SessionId a = h.Join("a");
  for (int i = 0; i < 10; ++i) h.federation->Closed(h.Join("o", v1::OBSERVER));
  h.Vote(a, 1);
  h.Work();
  EXPECT_EQ(std::count_if(h.store.journal.begin(), h.store.journal.end(),
                          [](const v1::JournalRecord& record) { return record.client().name() == "o"; }),
            1);
}

TEST(Federation, ANewcomerGetsTheParametersOfNow) {
  H h;
  const SessionId a = h.Join("a");
  h.Vote(a, 1);
  h.Work();
  const auto heard = h.Read(h.Join("late"));
  const v1::ParametersChunk chunk = heard.Of(Kind::kParameters).at(0).parameters();
  EXPECT_EQ(chunk.round(), 1u);
  float first = 0;
  std::memcpy(&first, chunk.data().data(), sizeof first);
  EXPECT_EQ(first, -0.125f);
  EXPECT_EQ(heard.messages.back().round_open().round(), 2u);
}

TEST(Federation, AClientThatKnowsItsFingerprintCatchesUpByDecisions) {
  H h;
  const SessionId a = h.Join("a"), b = h.Join("b");
  h.Read(b);
  h.Vote(a, 1), h.Vote(b, 1);
  const auto closed = h.Read(b).Of(Kind::kRoundClosed).at(0).round_closed();
  h.federation->Closed(b);
  h.Vote(a, 2), h.Work(), h.Vote(a, 3), h.Work();
  v1::ClientMessage join = H::JoinOf("b");
  join.mutable_join()->set_model_sha256(std::string(32, 's'));
  join.mutable_join()->set_round(1);
  *join.mutable_join()->mutable_fingerprint() = closed.fingerprint();
  auto heard = h.Read(h.Join(join));
  EXPECT_THAT(heard.Of(Kind::kModel), IsEmpty());
  EXPECT_THAT(heard.Of(Kind::kParameters), IsEmpty());
  EXPECT_EQ(heard.Of(Kind::kRoundClosed).size(), 2u);
  EXPECT_EQ(heard.messages.back().round_open().round(), 4u);
}

TEST(Federation, AfterARestartAClientThatIsBehindCatchesUpByDecisions) {
  H before;
  const SessionId a = before.Join("a");
  before.Read(a);
  Federation::State state{.tally = H::NewTally(H::DefaultOptions(), H::kParameters), .registry = {}};
  std::vector<v1::ServerMessage> decisions;
  for (uint64_t round = 1; round <= 3; ++round) {
    before.Vote(a, round, round != 2);
    const auto heard = before.Read(a);
    decisions.push_back(heard.messages[0]);
    const v1::DecisionBlock& decision = decisions.back().decision();
    state.recent.push_back({round, {decision.step(), decision.decay()}, 1, {decision.signs()},
                            FromProto(heard.messages[1].round_closed().fingerprint())});
  }
  std::string learnt;
  state.tally.Save(&learnt);
  ASSERT_TRUE(state.tally.Restore(3, std::vector<float>(H::kParameters, -0.125f), learnt).ok());

  v1::ClientMessage join = H::JoinOf("a");
  join.mutable_join()->set_model_sha256(std::string(32, 's'));
  join.mutable_join()->set_round(1);
  *join.mutable_join()->mutable_fingerprint() = ToProto(state.recent[0].fingerprint);
  H after(H::DefaultOptions(), std::move(state));
  const auto heard = after.Read(after.Join(join));
  ASSERT_EQ(heard.messages.size(), 6u);  // Welcome, rounds 2 and 3, RoundOpen
  EXPECT_EQ(heard.messages[1].SerializeAsString(), decisions[1].SerializeAsString());
  EXPECT_EQ(heard.messages[3].SerializeAsString(), decisions[2].SerializeAsString());
  EXPECT_EQ(heard.messages[5].round_open().round(), 4u);
}

TEST(Federation, AWrongFingerprintGetsParametersInstead) {
  H h;
  const SessionId a = h.Join("a");
  h.Vote(a, 1);
  h.Work();
  v1::ClientMessage join = H::JoinOf("b");
  join.mutable_join()->set_round(1);
  join.mutable_join()->mutable_fingerprint()->set_low(42);
  EXPECT_EQ(h.Read(h.Join(join)).Of(Kind::kParameters).size(), 1u);
}

TEST(Federation, AReaderTooSlowForEveryDecisionIsGivenParametersAgain) {
  H h;
  const SessionId a = h.Join("a"), slow = h.Join("slow", v1::OBSERVER);
  h.Read(slow);
  for (uint64_t round = 1; round <= History::kRounds + 4; ++round) {
    h.Vote(a, round);
    h.Read(a);
  }
  const auto heard = h.Read(slow);
  EXPECT_EQ(heard.Of(Kind::kParameters).size(), 1u);
  EXPECT_THAT(heard.Of(Kind::kDecision), IsEmpty());
  EXPECT_EQ(heard.messages.back().round_open().round(), History::kRounds + 5);
}

TEST(Federation, AFullDiskPausesTheRoundAndLosesNothing) {
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

TEST(Federation, JournalsBallotsBeforeTheDecisionLeaves) {
  H h;
  const SessionId a = h.Join("a");
  h.Vote(a, 1);
  h.Work();
  std::vector<v1::JournalRecord::RecordCase> kinds;
  for (const auto& record : h.store.journal) kinds.push_back(record.record_case());
  using R = v1::JournalRecord;
  EXPECT_THAT(kinds, ElementsAre(R::kBallot, R::kClient, R::kRound, R::kDecision, R::kRoundEnd));
}

TEST(Federation, DrainingClosesTheOpenRoundAndOpensNoOther) {
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

TEST(Federation, DrainingWaitsForNoRoundThatCannotClose) {
  H h(With([](ServerOptions& o) { o.rounds.quorum = 2; }));
  const SessionId a = h.Join("a");
  h.federation->Drain();
  EXPECT_TRUE(h.federation->IsDrained());
  h.Vote(a, 1);
  EXPECT_TRUE(h.federation->IsDrained());
}

TEST(Federation, JournalsTheBallotThatCountsAndNotTheOneThatWasWithdrawn) {
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

TEST(Federation, PausesAndGoesOn) {
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

TEST(Federation, PausesAfterARoundThatIsStillToCome) {
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

TEST(Federation, ExportsWhatItHoldsAfterTheLastRound) {
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

TEST(Federation, WelcomeTellsWhatAllShardsMustHaveInCommon) {
  H h;
  const auto welcomes = h.Read(h.Join("a")).Of(Kind::kWelcome);
  ASSERT_EQ(welcomes.size(), 1u);
  EXPECT_EQ(welcomes[0].welcome().config().terms(), "seed=0");
}

TEST(Federation, AnotherStepSizeHoldsFromTheOpenRoundOn) {
  H h;
  const SessionId a = h.Join("a");
  h.Read(a);
  EXPECT_FALSE(h.federation->SetStepSize(-1).ok());
  ASSERT_TRUE(h.federation->SetStepSize(0.5f).ok());
  h.Vote(a, 1);
  EXPECT_EQ(h.Read(a).Of(Kind::kDecision).at(0).decision().step(), 0.5f);
}

TEST(Federation, FinishesWhenTheLastRoundIsAppliedAndEvaluated) {
  H h(With([](ServerOptions& o) { o.rounds.total = 1; }));
  const SessionId a = h.Join("a"), o = h.Join("o", v1::OBSERVER);
  h.Vote(a, 1);
  h.Work();
  EXPECT_FALSE(h.federation->IsFinished());
  v1::ClientMessage applied, evaluation;
  applied.mutable_applied()->set_round(1);
  h.federation->Receive(a, applied);
  h.federation->Receive(o, applied);
  EXPECT_FALSE(h.federation->IsFinished());
  evaluation.mutable_evaluation()->set_round(1);
  h.federation->Receive(o, evaluation);
  EXPECT_TRUE(h.federation->IsFinished());
  h.federation->Stop(v1::Farewell::FINISHED, "done");
  EXPECT_EQ(h.Read(a).messages.back().farewell().reason(), v1::Farewell::FINISHED);
}

TEST(Federation, AFingerprintThatDiffersIsShown) {
  H h;
  const SessionId a = h.Join("a");
  h.Vote(a, 1);
  h.Work();
  v1::ClientMessage applied;
  applied.mutable_applied()->set_round(1);
  applied.mutable_applied()->mutable_fingerprint()->set_low(1);
  h.federation->Receive(a, applied);
  EXPECT_FALSE(h.federation->Clients().clients(0).fingerprint_agrees());
}

TEST(Federation, AsksOnlyTheDrawnElectorate) {
  H h(With([](ServerOptions& o) { o.rounds.electorate = 2; }));
  std::map<std::string, SessionId> sessions;
  for (const char* name : {"a", "b", "c", "d"}) sessions[name] = h.Join(name);
  // The first round opened with nobody to draw from: the first two to come have its seats.
  for (auto& [name, session] : sessions) h.Vote(session, 1);
  h.Work();
  h.now += absl::Minutes(2);
  h.federation->Tick();
  h.Work();
  int asked = 0;
  for (auto& [name, session] : sessions) {
    for (const auto& open : h.Read(session).Of(Kind::kRoundOpen)) {
      asked += open.round_open().round() == h.federation->Status().round() + 1 && open.round_open().vote();
    }
  }
  EXPECT_EQ(asked, 2);
}

}  // namespace
}  // namespace signvote
