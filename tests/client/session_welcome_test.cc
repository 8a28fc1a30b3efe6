// What a server's Welcome says of its run, and what a client makes of it that was in another.
#include "tests/client/session_fixture.h"

namespace signvote {
namespace {

using testing::AllOf;
using testing::HasSubstr;

using SessionWelcomeTest = SessionTest;

// A Welcome to another run, whose tensor has other dimensions.
v1::ServerMessage OtherTensors(ScriptedServer& server, uint64_t columns) {
  server.run = fmt::format("of {} columns", columns);
  v1::ServerMessage message = server.Welcome("ada");
  v1::Tensor& tensor = *message.mutable_welcome()->mutable_tensors(0);
  tensor.set_shape(0, ScriptedServer::kParameters / columns);
  tensor.set_shape(1, columns);
  return message;
}

TEST_F(SessionWelcomeTest, AnotherModelThanThePinnedOneIsNeverLoaded) {
  SessionOptions options{"ada", v1::VOTER, 4, 0, 0};
  options.model_sha256 = std::string(32, 'x');
  Restart(options);
  session_->Connected();
  const auto actions = Say({server_.Welcome("ada")});
  ASSERT_EQ(Only<action::Failed>(actions).size(), 1u);
  EXPECT_EQ(Only<action::Failed>(actions)[0].code, kExitData) << "it is the client that refuses";
  EXPECT_THAT(std::string(Only<action::Failed>(actions)[0].status.message()), HasSubstr("model_sha256 is 7878"));
  EXPECT_TRUE(Only<action::LoadModel>(actions).empty());
}

TEST_F(SessionWelcomeTest, TellsItsSettingsAndWarnsWhereTheServerFindsOthers) {
  SessionOptions options{"ada", v1::VOTER, 4, 0, 0};
  options.settings = {{"data.mean", 7}};
  Restart(options);
  EXPECT_EQ(Connect().settings().at("data.mean"), 7u);
  v1::ServerMessage welcome = server_.Welcome("ada");
  welcome.mutable_welcome()->set_warning("data.mean is not\nthat of 2");
  const auto notices = Only<action::Notice>(Say(welcome));
  const auto is_warning = [](const action::Notice& notice) {
    return notice.warning && notice.text == "the server: data.mean is not that of 2: compare client.yaml with theirs";
  };
  EXPECT_TRUE(std::any_of(notices.begin(), notices.end(), is_warning));
}

TEST_F(SessionWelcomeTest, AnotherModelInTheSamePlaceIsSaidWhereItComesIn) {
  JoinAsNewcomer();
  session_->Disconnected(kBroken);
  Connect();
  EXPECT_THAT(Only<action::Notice>(Say(server_.Welcome("ada"))).at(0).text, HasSubstr("joined")) << "the same run";
  session_->Disconnected(kBroken);
  Connect();
  server_.run = "another";
  v1::ServerMessage welcome = server_.Welcome("ada");
  EXPECT_THAT(Only<action::Notice>(Say(welcome)).at(0).text, HasSubstr("run another now, not"));
  session_->Disconnected(kBroken);
  Connect();
  welcome.mutable_welcome()->set_run("third");
  welcome.mutable_welcome()->set_model_sha256(std::string(32, 'm'));
  welcome.mutable_welcome()->mutable_config()->set_parameters(8);
  v1::Tensor& tensor = *welcome.mutable_welcome()->mutable_tensors(0);
  tensor.clear_shape();
  tensor.add_shape(8);
  welcome.mutable_welcome()->mutable_config()->set_blocks(1);
  const auto notice = Only<action::Notice>(Say(welcome)).at(0);
  EXPECT_TRUE(notice.warning);
  EXPECT_THAT(notice.text, AllOf(HasSubstr("run third now, not another, with another model"), HasSubstr("6d6d6d"),
                                 HasSubstr(fmt::format("8 parameters instead of {}", ScriptedServer::kParameters))));
}

TEST_F(SessionWelcomeTest, ParametersOfAnotherRunAreForgotten) {
  JoinAsNewcomer();
  session_->Disconnected(kBroken);
  Connect();
  server_ = ScriptedServer();
  server_.run = "another";
  server_.Close();
  Say(server_.Welcome("ada"));
  EXPECT_EQ(session_->round(), 0u);
  Say(server_.Parameters());
  EXPECT_EQ(parameters_, server_.truth());
}

TEST_F(SessionWelcomeTest, TheSameModelWithOtherTensorsIsLoadedAgainBeforeAnythingIsComputed) {
  JoinAsNewcomer();
  session_->Disconnected(kBroken);
  EXPECT_EQ(Connect().model_sha256(), Sha256(server_.model));
  const v1::ServerMessage welcome = OtherTensors(server_, 2);
  EXPECT_EQ(Only<action::Reconnect>(Say(welcome)).size(), 1u);
  EXPECT_FALSE(session_->IsLoaded());
  const v1::Join again = Connect();
  EXPECT_EQ(again.model_sha256(), "") << "so that the server sends it";
  EXPECT_EQ(again.round(), 0u);
  EXPECT_TRUE(Only<action::Reconnect>(Say(welcome)).empty());
  EXPECT_EQ(Only<action::LoadModel>(Say(server_.Model())).size(), 1u);
  EXPECT_EQ(session_->tensors().at(0).shape[1], 2u);
  Say(server_.Parameters());
  EXPECT_EQ(Only<action::ComputeBallot>(Say(server_.Open())).at(0).round, 1u);
}

TEST_F(SessionWelcomeTest, OtherTensorsAreNoDisagreementHoweverOftenTheyCome) {
  JoinAsNewcomer();
  for (const uint64_t columns : {2, 1, 2, 1, 2, 1}) {
    session_->Disconnected(kBroken);
    Connect();
    EXPECT_EQ(Only<action::Reconnect>(Say(OtherTensors(server_, columns))).size(), 1u);
    Connect();
    Say(OtherTensors(server_, columns));
    Say(server_.Model());
    EXPECT_TRUE(Only<action::Failed>(Say(server_.Parameters())).empty());
  }
}

}  // namespace
}  // namespace signvote
