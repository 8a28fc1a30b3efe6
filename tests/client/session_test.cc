#include "client/model/sign_packing.h"
#include "tests/client/session_fixture.h"

namespace signvote {
namespace {

using testing::HasSubstr;

TEST_F(SessionTest, ANewcomerJoinsWithNothing) {
  const v1::Join join = Connect();
  EXPECT_EQ(join.protocol(), 1u);
  EXPECT_EQ(join.name(), "ada");
  EXPECT_EQ(join.role(), v1::VOTER);
  EXPECT_EQ(join.batch(), 4u);
  EXPECT_EQ(join.session(), "");
  EXPECT_EQ(join.model_sha256(), "");
  EXPECT_EQ(join.round(), 0u);
  EXPECT_FALSE(join.has_fingerprint());
}

TEST_F(SessionTest, ReceivesModelAndParametersThenVotesWhenARoundOpens) {
  Connect();
  Say(server_.Welcome("ada"));
  const auto loads = Only<action::LoadModel>(Say(server_.Model()));
  ASSERT_EQ(loads.size(), 1u);
  EXPECT_EQ(loads[0].bytes, server_.model);
  const auto applied = Sent(Say(server_.Parameters()));
  EXPECT_EQ(parameters_, server_.truth());
  ASSERT_EQ(applied.size(), 1u);
  EXPECT_EQ(FromProto(applied[0].applied().fingerprint()), FingerprintOf(parameters_));
  const auto computes = Only<action::ComputeBallot>(Say(server_.Open()));
  ASSERT_EQ(computes.size(), 1u);
  EXPECT_EQ(computes[0].round, 1u);
}

TEST_F(SessionTest, TellsItsMagnitudeAndIsToldTheRunningOne) {
  JoinAsNewcomer();
  v1::ServerMessage open = server_.Open();
  open.mutable_round_open()->set_magnitude(0.5f);
  EXPECT_EQ(Only<action::ComputeBallot>(Say(open)).at(0).magnitude, 0.5f);
  EXPECT_EQ(Sent(session_->BallotBlockReady(1, 0, Vote(0, 0x55), 0.75f)).at(0).ballot().magnitude(), 0.75f);
}

TEST_F(SessionTest, AModelThatIsNotWhatWasPromisedIsFetchedAgain) {
  Connect();
  Say(server_.Welcome("ada"));
  auto chunks = server_.Model();
  chunks.back().mutable_model()->mutable_data()->back() ^= 1;
  const auto actions = Say(chunks);
  EXPECT_TRUE(Only<action::LoadModel>(actions).empty());
  EXPECT_EQ(Only<action::Reconnect>(actions).size(), 1u);
}

TEST_F(SessionTest, SendsEachBlockAsItBecomesReady) {
  JoinAsNewcomer();
  Say(server_.Open());
  const auto first = Sent(session_->BallotBlockReady(1, 0, Vote(0, 0x55)));
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].ballot().round(), 1u);
  EXPECT_EQ(first[0].ballot().block(), 0u);
  SignVector decoded;
  ASSERT_TRUE(DecodeSigns(first[0].ballot().signs(), kBlockCoordinates, {}, &decoded).ok());
  EXPECT_EQ(decoded, Vote(0, 0x55));
  EXPECT_EQ(Sent(session_->BallotBlockReady(1, 1, Vote(1, 0x5)))[0].ballot().block(), 1u);
}

TEST_F(SessionTest, AFractionSendsTheVotedStripesAlone) {
  server_.config().set_fraction(4);
  server_.config().set_seed(99);
  JoinAsNewcomer();
  Say(server_.Open());
  SignVector signs = Vote(0, 0);
  for (size_t i = 0; i < signs.signs.size(); ++i) signs.signs[i] = Mix(i);
  const auto sent = Sent(session_->BallotBlockReady(1, 0, signs));
  const auto stripes = VotedStripes({99, ClientId("ada"), 1, 4}, 0, kBlockCoordinates);
  SignVector decoded;
  ASSERT_TRUE(DecodeSigns(sent[0].ballot().signs(), StripeVotes(stripes, kBlockCoordinates), {}, &decoded).ok());
  ASSERT_EQ(decoded.signs.size(), stripes.size() * kWordsPerStripe);
  EXPECT_EQ(decoded.signs[kWordsPerStripe + 3], Mix(stripes[1] * kWordsPerStripe + 3));
}

TEST_F(SessionTest, DoesNotVoteUnasked) {
  JoinAsNewcomer();
  EXPECT_TRUE(Only<action::ComputeBallot>(Say(server_.Open(/*vote=*/false))).empty());
}

TEST_F(SessionTest, AppliesDecisionsAndReportsTheFingerprint) {
  JoinAsNewcomer();
  for (uint64_t round = 1; round <= 3; ++round) {
    Say(server_.Open());
    const auto sent = Sent(Say(server_.Close()));
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(sent[0].applied().round(), round);
    EXPECT_EQ(FromProto(sent[0].applied().fingerprint()), FingerprintOf(server_.truth()));
  }
  EXPECT_EQ(parameters_, server_.truth());
}

TEST_F(SessionTest, RejoinsWithItsTokenRoundAndFingerprint) {
  JoinAsNewcomer();
  Say(server_.Close());
  EXPECT_EQ(Only<action::Reconnect>(session_->Disconnected(kBroken)).size(), 1u);
  const v1::Join join = Connect();
  EXPECT_EQ(join.session(), "token");
  EXPECT_EQ(join.model_sha256(), Sha256(server_.model));
  EXPECT_EQ(join.round(), 1u);
  EXPECT_EQ(FromProto(join.fingerprint()), FingerprintOf(server_.truth()));
}

TEST_F(SessionTest, CatchesUpByDecisions) {
  JoinAsNewcomer();
  Say(server_.Close());
  session_->Disconnected(kBroken);
  server_.ForgetDecisions();
  auto missed = server_.Close();
  for (const auto& message : server_.Close()) missed.push_back(message);
  Connect();
  Say(server_.Welcome("ada"));
  Say(missed);
  EXPECT_EQ(parameters_, server_.truth());
  EXPECT_EQ(Only<action::ComputeBallot>(Say(server_.Open())).at(0).round, 4u);
}

TEST_F(SessionTest, CatchesUpByParametersInTheMiddleOfADecision) {
  JoinAsNewcomer();
  Say(server_.Close()[0]);  // one block of round 1
  server_.Close();
  Say(server_.Parameters());
  EXPECT_EQ(session_->round(), 2u);
  EXPECT_EQ(parameters_, server_.truth());
}

TEST_F(SessionTest, ParametersThatADecisionHasBegunToMoveAreNoBasisOfABallot) {
  JoinAsNewcomer();
  Say(server_.Open());
  EXPECT_TRUE(session_->IsBasisOf(1));
  const auto messages = server_.Close();
  Say(messages[0]);
  EXPECT_FALSE(session_->IsBasisOf(1));
  Say(messages);
  EXPECT_FALSE(session_->IsBasisOf(1));
  EXPECT_TRUE(session_->IsBasisOf(2));
}

TEST_F(SessionTest, ADecisionCutOffByADisconnectionIsNotAppliedTwice) {
  JoinAsNewcomer();
  const auto messages = server_.Close();
  Say(messages[0]);
  session_->Disconnected(kBroken);
  EXPECT_EQ(Connect().round(), 0u);
  Say(server_.Welcome("ada"));
  EXPECT_TRUE(Only<action::Reconnect>(Say(messages)).empty());
  EXPECT_EQ(parameters_, server_.truth());
}

TEST_F(SessionTest, TheBallotOfAnOpenRoundIsSentAgainAfterAReconnection) {
  JoinAsNewcomer();
  Say(server_.Open());
  const auto sent = Sent(CastBallot(1));
  session_->Disconnected(kBroken);
  Connect();
  Say(server_.Welcome("ada"));
  const auto actions = Say(server_.Open());
  EXPECT_TRUE(Only<action::ComputeBallot>(actions).empty());
  const auto again = Sent(actions);
  ASSERT_EQ(again.size(), 2u);
  for (size_t i = 0; i < 2; ++i) EXPECT_EQ(again[i].SerializeAsString(), sent[i].SerializeAsString());
}

TEST_F(SessionTest, ABallotThatBecomesReadyWhileDisconnectedIsSentWhenTheRoundOpensAgain) {
  JoinAsNewcomer();
  Say(server_.Open());
  session_->Disconnected(kBroken);
  EXPECT_TRUE(Sent(CastBallot(1)).empty());
  Connect();
  Say(server_.Welcome("ada"));
  EXPECT_EQ(Sent(Say(server_.Open())).size(), 2u);
}

TEST_F(SessionTest, ABallotThatIsLateIsNotSent) {
  JoinAsNewcomer();
  Say(server_.Open());
  Say(server_.Close());
  const auto actions = CastBallot(1);
  EXPECT_TRUE(Sent(actions).empty());
  EXPECT_THAT(Only<action::Notice>(actions).at(0).text, HasSubstr("1 round late"));
}

TEST_F(SessionTest, ABallotNoLaterThanMaxStalenessIsSent) {
  server_.config().set_max_staleness(2);
  JoinAsNewcomer();
  Say(server_.Open());
  Say(server_.Close());
  Say(server_.Close());
  EXPECT_EQ(Sent(CastBallot(1)).size(), 2u);
  Say(server_.Close());
  EXPECT_TRUE(Sent(CastBallot(1)).empty());
}

TEST_F(SessionTest, AMismatchIsReportedAndTheParametersAreFetchedAnew) {
  JoinAsNewcomer();
  parameters_[123] += 1;
  const auto actions = Say(server_.Close());
  const auto sent = Sent(actions);
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(FromProto(sent[0].applied().fingerprint()), FingerprintOf(parameters_));
  EXPECT_EQ(Only<action::Reconnect>(actions).size(), 1u);
  const v1::Join join = Connect();
  EXPECT_EQ(join.round(), 0u);
  EXPECT_FALSE(join.has_fingerprint());
  Say(server_.Welcome("ada"));
  Say(server_.Parameters());
  EXPECT_EQ(parameters_, server_.truth());
}

TEST_F(SessionTest, GivesUpWhenItNeverAgrees) {
  JoinAsNewcomer();
  std::vector<Action> actions;
  for (int i = 0; i < 4; ++i) {
    parameters_[123] += 1;
    actions = Say(server_.Close());
    server_.ForgetDecisions();
    if (i == 3) break;
    Connect();
    Say(server_.Welcome("ada"));
    Say(server_.Parameters());
  }
  EXPECT_EQ(Only<action::Failed>(actions).at(0).code, kExitFailure);
}

TEST_F(SessionTest, ABallotOnWrongParametersIsForgotten) {
  JoinAsNewcomer();
  Say(server_.Open());
  parameters_[0] += 1;
  Say(server_.Close());  // a mismatch
  Connect();
  Say(server_.Welcome("ada"));
  EXPECT_TRUE(Sent(CastBallot(1)).empty());
}

TEST_F(SessionTest, AModelThatWasAdoptedMeanwhileMayStillBeSent) {
  EXPECT_EQ(Connect().model_sha256(), "");
  session_->AdoptModel(Sha256(server_.model), {{"weight", {ScriptedServer::kParameters / 4, 4}}});
  Say(server_.Welcome("ada"));
  const auto actions = Say(server_.Model());
  EXPECT_TRUE(Only<action::Reconnect>(actions).empty());
  EXPECT_EQ(Only<action::LoadModel>(actions).size(), 1u);
}

TEST_F(SessionTest, ParametersAreNotTakenBeforeTheirModel) {
  Connect();
  Say(server_.Welcome("ada"));
  EXPECT_EQ(Only<action::Reconnect>(Say(server_.Parameters())).size(), 1u);
  EXPECT_FALSE(session_->IsLoaded());
}

TEST_F(SessionTest, RefusalsEndWithTheServersWords) {
  for (const auto code : {absl::StatusCode::kPermissionDenied, absl::StatusCode::kFailedPrecondition,
                          absl::StatusCode::kInvalidArgument}) {
    Restart({"ada"});
    Connect();
    const auto failed = Only<action::Failed>(session_->Disconnected(absl::Status(code, "because")));
    ASSERT_EQ(failed.size(), 1u);
    EXPECT_EQ(failed[0].code, kExitRefused);
    EXPECT_THAT(std::string(failed[0].status.message()), HasSubstr("because"));
  }
}

TEST_F(SessionTest, ATakenNameIsTriedAgain) {
  Connect();
  const auto status = absl::Status(absl::StatusCode::kAlreadyExists, "ada is here");
  const auto reconnects = Only<action::Reconnect>(session_->Disconnected(status));
  ASSERT_EQ(reconnects.size(), 1u);
  EXPECT_TRUE(reconnects[0].name_taken);
}

TEST_F(SessionTest, ReturnsWhenAStoppingServerSaidSo) {
  JoinAsNewcomer();
  EXPECT_EQ(Only<action::Reconnect>(Say(Farewell(v1::Farewell::STOPPING))).at(0).after_seconds, 7u);
}

TEST_F(SessionTest, AnEvictedClientEndsRefused) {
  JoinAsNewcomer();
  EXPECT_EQ(Only<action::Failed>(Say(Farewell(v1::Farewell::EVICTED))).at(0).code, kExitRefused);
}

TEST_F(SessionTest, AVoterLeavesAfterTheLastRound) {
  server_.config().set_rounds_total(2);
  JoinAsNewcomer();
  EXPECT_EQ(Sent(Say(server_.Close())).size(), 1u);
  const auto sent = Sent(Say(server_.Close()));
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_TRUE(sent[0].has_applied());
  EXPECT_TRUE(sent[1].has_leave());
  EXPECT_EQ(Only<action::Finished>(Say(Farewell(v1::Farewell::LEFT))).size(), 1u);
}

TEST_F(SessionTest, LeavesWhenTheUserWants) {
  JoinAsNewcomer();
  EXPECT_TRUE(Sent(session_->Leave()).at(0).has_leave());
  EXPECT_EQ(Only<action::Finished>(session_->Disconnected(absl::OkStatus())).size(), 1u);
}

}  // namespace
}  // namespace signvote
