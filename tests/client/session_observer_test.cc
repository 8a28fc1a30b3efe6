#include "tests/client/session_fixture.h"

namespace signvote {
namespace {

class ObserverTest : public SessionTest {
 protected:
  ObserverTest() {
    Restart({"ada", v1::OBSERVER, 1, 0, 2});
    server_.config().set_rounds_total(5);
    JoinAsNewcomer();
  }
  static v1::Evaluation Result(uint64_t round) {
    v1::Evaluation result;
    result.set_round(round);
    result.set_accuracy(0.5);
    return result;
  }
  action::Evaluate Of(uint64_t round) const { return {round, session_->run()}; }
  std::vector<Action> JoinAnotherRun() {
    session_->Disconnected(kBroken);
    server_ = ScriptedServer();
    server_.run = "another";
    server_.config().set_rounds_total(2);
    Connect();
    return Say(server_.Welcome("ada"));
  }
};

TEST_F(ObserverTest, NeverVotes) { EXPECT_TRUE(Only<action::ComputeBallot>(Say(server_.Open())).empty()); }

TEST_F(ObserverTest, EvaluatesEverySecondRoundAndTheLast) {
  std::vector<uint64_t> evaluated;
  for (int i = 0; i < 5; ++i) {
    for (const auto& evaluate : Only<action::Evaluate>(Say(server_.Close()))) evaluated.push_back(evaluate.round);
  }
  EXPECT_THAT(evaluated, testing::ElementsAre(2, 4, 5));
}

TEST_F(ObserverTest, SendsEvaluationsThatLag) {
  Say(server_.Close());
  Say(server_.Close());
  Say(server_.Close());
  EXPECT_EQ(Sent(session_->EvaluationDone(Of(2), Result(2))).at(0).evaluation().round(), 2u);
}

TEST_F(ObserverTest, LeavesOnlyAfterItsLastEvaluation) {
  for (int i = 0; i < 5; ++i) {
    for (const auto& message : Sent(Say(server_.Close()))) EXPECT_FALSE(message.has_leave());
  }
  EXPECT_TRUE(Only<action::Finished>(Say(Farewell(v1::Farewell::FINISHED))).empty());
  session_->EvaluationDone(Of(2), Result(2));
  session_->EvaluationDone(Of(4), std::nullopt);
  const auto actions = session_->EvaluationDone(Of(5), Result(5));
  const auto sent = Sent(actions);
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0].evaluation().round(), 5u);
  EXPECT_TRUE(sent[1].has_leave());
  EXPECT_EQ(Only<action::Finished>(actions).size(), 1u);
}

TEST_F(ObserverTest, AnEvaluationMeasuredWhileDisconnectedIsSentLater) {
  Say(server_.Close());
  Say(server_.Close());
  session_->Disconnected(kBroken);
  EXPECT_TRUE(Sent(session_->EvaluationDone(Of(2), Result(2))).empty());
  Connect();
  EXPECT_EQ(Sent(Say(server_.Welcome("ada"))).at(0).evaluation().round(), 2u);
}

TEST_F(ObserverTest, AnEvaluationOfAnEarlierRunIsNotToldToAnother) {
  Say(server_.Close());
  const action::Evaluate early = Only<action::Evaluate>(Say(server_.Close())).at(0);
  Say(server_.Close());
  const action::Evaluate late = Only<action::Evaluate>(Say(server_.Close())).at(0);
  session_->Disconnected(kBroken);
  EXPECT_TRUE(Sent(session_->EvaluationDone(early, Result(2))).empty()) << "it waits for the next connection";
  EXPECT_TRUE(Sent(JoinAnotherRun()).empty());
  EXPECT_TRUE(Sent(session_->EvaluationDone(late, Result(4))).empty());
}

TEST_F(ObserverTest, InAnotherRunItLeavesAfterThatRunsLastEvaluationAlone) {
  Say(server_.Close());
  const action::Evaluate before = Only<action::Evaluate>(Say(server_.Close())).at(0);
  JoinAnotherRun();
  Say(server_.Parameters());
  Say(server_.Close());
  const action::Evaluate now = Only<action::Evaluate>(Say(server_.Close())).at(0);
  EXPECT_EQ(now.round, before.round);
  EXPECT_TRUE(Sent(session_->EvaluationDone(before, Result(2))).empty()) << "the round is the same, the run is not";
  const auto sent = Sent(session_->EvaluationDone(now, Result(2)));
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_TRUE(sent[0].has_evaluation());
  EXPECT_TRUE(sent[1].has_leave());
}

TEST_F(ObserverTest, OneThatComesAfterTheLastRoundEvaluatesAndLeaves) {
  for (int i = 0; i < 5; ++i) server_.Close();
  Restart({"ada", v1::OBSERVER, 1, 0, 2});
  Connect();
  Say(server_.Welcome("ada"));
  Say(server_.Model());
  EXPECT_EQ(Only<action::Evaluate>(Say(server_.Parameters())).at(0).round, 5u);
  EXPECT_TRUE(Sent(session_->EvaluationDone(Of(5), Result(5))).at(1).has_leave());
}

}  // namespace
}  // namespace signvote
