#include "server/service/federation.h"

#include <gmock/gmock.h>

#include <cstring>

#include "common/random.h"
#include "tests/server/service/federation_harness.h"

namespace signvote {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Kind = v1::ServerMessage;
using H = FederationHarness;

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

TEST(Federation, SessionsDoNotWaitForARoundThatIsComputed) {
  H h;
  const SessionId a = h.Join("a");
  h.Read(a);
  std::vector<std::pair<SessionId, std::vector<uint64_t>>> newcomers;  // and the rounds whose parameters they are sent
  h.while_computing = [&] {
    const std::string name = "newcomer-" + std::to_string(newcomers.size());
    auto& [session, rounds] = newcomers.emplace_back(h.Join(name), std::vector<uint64_t>());
    while (const Frame frame = h.federation->Next(session).frame) {
      v1::ServerMessage message;
      ASSERT_TRUE(message.ParseFromString(*frame));
      if (message.has_parameters()) rounds.push_back(message.parameters().round());
    }
    EXPECT_EQ(h.federation->Status().phase(), v1::CLOSING);
  };
  h.Vote(a, 1);
  h.Work();
  h.while_computing = [] {};
  ASSERT_GE(newcomers.size(), 2u) << "it is decoded, then applied";
  EXPECT_THAT(newcomers.front().second, ElementsAre(0u)) << "decoding moves no parameters";
  EXPECT_THAT(newcomers.back().second, IsEmpty()) << "they are moving";
  const auto heard = h.Read(newcomers.back().first).Of(Kind::kParameters);
  ASSERT_EQ(heard.size(), 1u);
  EXPECT_EQ(heard[0].parameters().round(), 1u);
  EXPECT_EQ(FromProto(heard[0].parameters().fingerprint()), FingerprintOf(std::vector<float>(H::kParameters, -0.125f)));
}

TEST(Federation, ParametersThatAreBeingSentStayAsTheyWereWhileTheRunMovesOn) {
  const uint64_t parameters = 100'000;  // several chunks
  H h(H::DefaultOptions(), parameters);
  const SessionId a = h.Join("a"), slow = h.Join("slow", v1::OBSERVER);
  std::vector<float> received;
  auto read_one = [&] {
    const Frame frame = h.federation->Next(slow).frame;
    v1::ServerMessage message;
    if (!frame || !message.ParseFromString(*frame)) return false;
    const std::string& data = message.parameters().data();
    const size_t had = received.size();
    received.resize(had + data.size() / sizeof(float));
    if (!data.empty()) std::memcpy(received.data() + had, data.data(), data.size());
    return true;
  };
  while (received.empty()) ASSERT_TRUE(read_one());
  v1::ClientMessage ballot = H::BallotOf(1, false);
  ballot.mutable_ballot()->mutable_signs()->set_signs(std::string(WordsFor(parameters) * 8, '\0'));
  h.federation->Receive(a, ballot);
  h.Work();
  ASSERT_EQ(h.federation->Status().round(), 1u);
  while (received.size() < parameters) ASSERT_TRUE(read_one());
  EXPECT_EQ(received, std::vector<float>(parameters, 0.0f));
  EXPECT_EQ(h.federation->Export().parameters, std::vector<float>(parameters, 0.125f));
}

TEST(Federation, IgnoresImpossibleEvaluations) {
  H h;
  const SessionId voter = h.Join("v"), observer = h.Join("o", v1::OBSERVER);
  h.Evaluate(observer, 0, 7);
  h.Evaluate(observer, 99, 0.5);
  h.Evaluate(observer, 0, -0.5);
  h.Evaluate(voter, 0, 0.5);
  EXPECT_EQ(h.federation->Status().evaluations_size(), 0);
  h.Evaluate(observer, 0, 0.5);
  EXPECT_EQ(h.federation->Status().evaluations_size(), 1);
}

TEST(Federation, TakesOneEvaluationARoundFromEachObserver) {
  H h;
  const SessionId a = h.Join("a"), o = h.Join("o", v1::OBSERVER), p = h.Join("p", v1::OBSERVER);
  for (int i = 0; i < 100; ++i) h.Evaluate(o, 0);
  h.Evaluate(p, 0);
  h.Vote(a, 1);
  h.Work();
  h.Evaluate(o, 1);
  h.Evaluate(o, 0);
  h.Work();
  EXPECT_THAT(h.evaluations, ElementsAre(0u, 0u, 1u));
  EXPECT_EQ(h.federation->Status().evaluations_size(), 3);
}

TEST(Federation, AFingerprintThatDiffersIsAnEventOnceARound) {
  H h;
  const SessionId a = h.Join("a");
  for (uint64_t round = 1; round <= 2; ++round) {
    h.Vote(a, round);
    h.Work();
    for (int i = 0; i < 100; ++i) h.Apply(a, round, H::WrongFingerprint());
  }
  const std::vector<v1::Event> events = h.federation->events().After(0);
  EXPECT_EQ(std::count_if(events.begin(), events.end(), [](const auto& e) { return e.kind() == v1::DISAGREED; }), 2);
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

TEST(Federation, WhatComesAfterASessionsEndIsNotLookedAtAndItsNameIsFree) {
  H h;
  const SessionId rude = h.Join("ada");
  EXPECT_TRUE(h.federation->Receive(rude, H::BallotOf(1, false)));
  EXPECT_FALSE(h.federation->Receive(rude, v1::ClientMessage()));
  EXPECT_FALSE(h.federation->Receive(rude, H::BallotOf(1, true)));
  EXPECT_EQ(h.federation->events().After(0).back().kind(), v1::LEFT_SESSION) << "though the stream is still there";
  EXPECT_FALSE(h.Read(h.Join("ada")).end);
}

TEST(Federation, AdministratorsHearOfWhoIsRefused) {
  H h;
  h.Join("ada");
  for (int i = 0; i < 3; ++i) h.Join("ada");
  for (const char* name : {"no name", "\n"}) h.Join(name);
  std::vector<std::string> told;
  for (const v1::Event& event : h.federation->events().After(0)) {
    if (event.kind() == v1::REFUSED_JOIN) told.push_back(event.client() + ": " + event.detail());
  }
  EXPECT_THAT(told, testing::ElementsAre(
                        "ada: another live session holds the name ada: give every client a name of its own; 3 times in "
                        "a row",
                        ": client name \"\\n\": expected 1 to 64 letters, digits, dots, underscores or dashes; 2 "
                        "times in a row"))
      << "a stranger's names cannot push events out";
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

TEST(Federation, AClientThatJoinsEachTimeWithAnotherBatchLeavesItsLastRecord) {
  H h;
  const SessionId a = h.Join("a");
  for (uint32_t batch = 1; batch <= 100; ++batch) {
    v1::ClientMessage join = H::JoinOf("b");
    join.mutable_join()->set_batch(batch);
    h.federation->Closed(h.Join(join));
  }
  h.Vote(a, 1);
  h.Work();
  std::vector<uint32_t> batches;
  for (const v1::JournalRecord& record : h.store.journal) {
    if (record.client().name() == "b") batches.push_back(record.client().batch());
  }
  EXPECT_THAT(batches, ElementsAre(100u));
}

TEST(Federation, WelcomeTellsWhatAllShardsMustHaveInCommon) {
  H h;
  const auto welcomes = h.Read(h.Join("a")).Of(Kind::kWelcome);
  ASSERT_EQ(welcomes.size(), 1u);
  EXPECT_EQ(welcomes[0].welcome().config().terms(), "seed=0");
}

TEST(Federation, FinishesWhenTheLastRoundIsAppliedAndEvaluated) {
  H h(H::With([](ServerOptions& o) { o.rounds.total = 1; }));
  const SessionId a = h.Join("a"), o = h.Join("o", v1::OBSERVER);
  h.Vote(a, 1);
  h.Work();
  EXPECT_FALSE(h.federation->IsFinished());
  h.Apply(a, 1, h.federation->Status().fingerprint());
  h.Apply(o, 1, h.federation->Status().fingerprint());
  v1::ClientMessage evaluation;
  EXPECT_FALSE(h.federation->IsFinished());
  evaluation.mutable_evaluation()->set_round(1);
  h.federation->Receive(o, evaluation);
  EXPECT_TRUE(h.federation->IsFinished());
  h.federation->Stop(v1::Farewell::FINISHED, "done");
  EXPECT_EQ(h.Read(a).messages.back().farewell().reason(), v1::Farewell::FINISHED);
}

TEST(Federation, WaitsForTheLastEvaluationOfEachObserver) {
  H h(H::With([](ServerOptions& o) { o.rounds.total = 1; }));
  const SessionId a = h.Join("a"), o = h.Join("o", v1::OBSERVER), p = h.Join("p", v1::OBSERVER);
  h.Vote(a, 1);
  h.Work();
  for (const SessionId session : {a, o, p}) h.Apply(session, 1, h.federation->Status().fingerprint());
  h.Evaluate(o, 1);
  EXPECT_FALSE(h.federation->IsFinished());
  h.Evaluate(p, 1);
  EXPECT_TRUE(h.federation->IsFinished());
}

TEST(Federation, WaitsForAVoterThatLoadsTheLastParametersAnew) {
  H h(H::With([](ServerOptions& o) { o.rounds.total = 1; }));
  SessionId a = h.Join("a");
  h.Vote(a, 1);
  h.Work();
  h.Apply(a, 1, H::WrongFingerprint());
  h.federation->Closed(a);
  EXPECT_FALSE(h.federation->IsFinished());
  a = h.Join("a");
  h.Apply(a, 1, h.federation->Status().fingerprint());
  EXPECT_TRUE(h.federation->IsFinished());
  EXPECT_TRUE(h.federation->Clients().clients(0).fingerprint_agrees());
}

TEST(Federation, AFingerprintThatDiffersIsShown) {
  H h;
  const SessionId a = h.Join("a");
  h.Vote(a, 1);
  h.Work();
  h.Apply(a, 1, H::WrongFingerprint());
  EXPECT_FALSE(h.federation->Clients().clients(0).fingerprint_agrees());
}

std::string LastWords(const FederationHarness& h) {
  std::string detail = "nobody left";
  for (const v1::Event& event : h.federation->events().After(0)) {
    if (event.kind() == v1::LEFT_SESSION) detail = event.detail();
  }
  return detail;
}

TEST(Federation, TellsWhyAClientLeaves) {
  const auto leave = [](const std::string& reason) {
    FederationHarness h;
    const SessionId a = h.Join("a");
    v1::ClientMessage message;
    message.mutable_leave()->set_reason(reason);
    h.federation->Receive(a, message);
    const auto heard = h.Read(a);
    EXPECT_EQ(heard.Of(v1::ServerMessage::kFarewell).at(0).farewell().reason(), v1::Farewell::LEFT);
    h.federation->Closed(a);
    return LastWords(h);
  };
  EXPECT_EQ(leave(""), "") << "as a client says that does not know of reasons";
  EXPECT_EQ(leave("label 10, expected 0 to 9"), "it says: label 10, expected 0 to 9");
  EXPECT_EQ(leave("a\x1b[2J\nround 7 joined evil"), "it says: a [2J round 7 joined evil");
  EXPECT_EQ(leave(std::string(100'000, 'x')), "it says: " + std::string(497, 'x') + "...");
}

}  // namespace
}  // namespace signvote
