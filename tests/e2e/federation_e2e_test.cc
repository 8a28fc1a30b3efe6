#include <gmock/gmock.h>
#include <signal.h>

#include "tests/e2e/federation_fixture.h"

namespace signvote {
namespace {

using testing::HasSubstr;
using testing::Not;

class FederationE2e : public FederationFixture {
 protected:
  // Five unequal voters and an observer; all end by themselves.
  void RunToTheEnd(const std::string& run, const std::vector<std::string>& settings, bool reversed = false) {
    std::vector<std::string> all{"rounds.total=12", "rounds.quorum=5", "seed=5"};
    all.insert(all.end(), settings.begin(), settings.end());
    StartServer(run, all);
    StartObserver("server=" + listen_, "6");
    for (int i = 0; i < 5; ++i) {
      const int index = reversed ? 4 - i : i;
      const std::string name = "voter-" + std::to_string(index);
      clients_.emplace(
          name, StartClient(name, {"batch=" + std::string(index == 0 ? "200" : "8"),
                                   "data.index=" + std::to_string(index), "data.count=5", "data.partition=iid"}));
    }
    ASSERT_EQ(server_->Wait(Seconds(120)), 0) << server_->Output();
    for (auto& [name, client] : clients_) ASSERT_EQ(client.Wait(Seconds(30)), 0) << name << "\n" << client.Output();
    clients_.clear();
  }
};

TEST_F(FederationE2e, TrainsTogetherAndTellsHowItWent) {
  RunToTheEnd("run", {"labels={mode: 4, partition: iid, data: digits}"});
  const nlohmann::json summary = Json("run/summary.json");
  EXPECT_EQ(summary["rule"], "agreement");
  EXPECT_EQ(summary["mode"], 4);
  EXPECT_EQ(summary["rounds"], 12);
  EXPECT_TRUE(summary["fingerprints_agree"].get<bool>());
  ASSERT_EQ(summary["accuracy"].size(), 2u);
  EXPECT_EQ(summary["accuracy"][1]["round"], 12);
  EXPECT_GT(summary["final_accuracy"].get<double>(), 0.2);
  ASSERT_EQ(summary["clients"].size(), 5u);
  for (const auto& client : summary["clients"]) {
    EXPECT_EQ(client["rounds_counted"], 12);
    EXPECT_EQ(client["fingerprint"], summary["fingerprint"]);
  }
  const double floor = summary["parameters"].get<double>() / 8;
  EXPECT_LE(summary["bytes_up_per_client_round"].get<double>(), 1.05 * floor);
  EXPECT_LE(summary["bytes_down_per_client_round"].get<double>(), 1.05 * floor);
  EXPECT_TRUE(std::filesystem::exists(Path("run/checkpoints/round-00000012/params.safetensors")));
  EXPECT_TRUE(std::filesystem::exists(Path("run/metrics.csv")));
}

TEST_F(FederationE2e, TheSameSeedsGiveTheSameBitsInAnyOrderAndWithAnyThreads) {
  RunToTheEnd("first", {"threads=1"});
  RunToTheEnd("second", {"threads=3"}, true);
  EXPECT_EQ(Json("first/summary.json")["fingerprint"], Json("second/summary.json")["fingerprint"]);
}

TEST_F(FederationE2e, PublishedRulesTrainToo) {
  for (const std::string rule : {"majority", "it-signsgd"}) {
    RunToTheEnd(rule, {"rule=" + rule, "carry=0", "dither=0", "it-signsgd.prior=0", "it-signsgd.warmup_rounds=4",
                       "step.schedule=constant"});
    EXPECT_TRUE(Json(rule + "/summary.json")["fingerprints_agree"].get<bool>());
  }
}

TEST_F(FederationE2e, AnAdministratorSeesAndChangesTheRun) {
  StartServer("run", {"rounds.total=100000", "rounds.quorum=2"});
  clients_.emplace("a", StartClient("a", {"batch=4"}));
  clients_.emplace("b", StartClient("b", {"batch=4"}));
  ASSERT_TRUE(Eventually([&] { return Round() >= 2; }, Seconds(60)));
  EXPECT_THAT(Control({"clients"}).second, HasSubstr("a"));
  EXPECT_THAT(Control({"client", "a"}).second, HasSubstr("crossover"));
  EXPECT_EQ(Control({"client", "nobody"}).first, 5);
  EXPECT_EQ(Control({"step-size", "0.001"}).first, 0);
  EXPECT_EQ(Control({"step-size", "-1"}).first, 2);
  EXPECT_EQ(Control({"checkpoint"}).first, 0);
  EXPECT_EQ(Control({"pause"}).first, 0);
  const uint64_t paused = Round();
  EXPECT_EQ(Control({"evict", "b"}).first, 0);
  EXPECT_EQ(Control({"evict", "b"}).first, 5);
  EXPECT_EQ(clients_.at("b").Wait(Seconds(30)), 5);
  EXPECT_EQ(Control({"readmit", "b"}).first, 0);
  EXPECT_LE(Round(), paused + 1);
  clients_.at("b") = StartClient("b", {"batch=4"});
  EXPECT_EQ(Control({"resume"}).first, 0);
  ASSERT_TRUE(Eventually([&] { return Round() >= paused + 3; }, Seconds(60)));
  EXPECT_EQ(Control({"stop"}).first, 0);
  EXPECT_EQ(server_->Wait(Seconds(30)), 0) << server_->Output();
}

TEST_F(FederationE2e, StopsCleanlyOnSigterm) {
  StartServer("run", {"rounds.total=100000"});
  clients_.emplace("a", StartClient("a", {"batch=4"}));
  ASSERT_TRUE(Eventually([&] { return Round() >= 1; }, Seconds(60)));
  server_->Signal(SIGTERM);
  EXPECT_EQ(server_->Wait(Seconds(30)), 0) << server_->Output();
  EXPECT_TRUE(std::filesystem::exists(Path("run/summary.json")));
  EXPECT_TRUE(clients_.at("a").IsRunning()) << "a client outlives a server that stops for now";
}

TEST_F(FederationE2e, AClientWithoutAServerTriesAndThenEndsClearly) {
  listen_ = "127.0.0.1:1";
  Process client = StartClient("lonely", {"connect.give_up=1s"});
  EXPECT_EQ(client.Wait(Seconds(60)), 3);
  EXPECT_THAT(client.Output(), HasSubstr("127.0.0.1:1"));
}

TEST_F(FederationE2e, WrongConfigurationEndsWithCode2AndNamesTheLine) {
  Write("bad.yaml", "model: m\ndirectory: d\nrounds:\n  quorun: 3\n");
  Process server({Program("signvote-server"), "--config", Path("bad.yaml")}, Path("bad.log"));
  EXPECT_EQ(server.Wait(Seconds(30)), 2);
  EXPECT_THAT(server.Output(), HasSubstr("bad.yaml:4"));
  EXPECT_THAT(server.Output(), HasSubstr("rounds.quorun"));
  Write("bad-client.yaml", "server: 127.0.0.1:1\nname: x\nbatch: -4\n");
  Process client({Program("signvote-client"), "--config", Path("bad-client.yaml")}, Path("bad-client.log"));
  EXPECT_EQ(client.Wait(Seconds(30)), 2);
  EXPECT_THAT(client.Output(), HasSubstr("bad-client.yaml:3"));
}

TEST_F(FederationE2e, MissingOrDamagedFilesEndWithCode4AndTheirName) {
  listen_ = "127.0.0.1:1";
  Process client = StartClient("dataless", {"data.format=mnist", "data.path=" + Path("nowhere")});
  EXPECT_EQ(client.Wait(Seconds(30)), 4);
  EXPECT_THAT(client.Output(), HasSubstr(Path("nowhere")));

  std::filesystem::resize_file(Path("bundle/params.safetensors"), 1000);
  Write("run.yaml", "model: " + Path("bundle") + "\ndirectory: " + Path("run") + "\n");
  Process server({Program("signvote-server"), "--config", Path("run.yaml")}, Path("run.log"));
  EXPECT_EQ(server.Wait(Seconds(30)), 4);
  EXPECT_THAT(server.Output(), HasSubstr("params.safetensors"));
}

TEST_F(FederationE2e, RefusesPlainTextBeyondLoopbackUnlessToldSo) {
  Write("open.yaml", "model: " + Path("bundle") + "\ndirectory: " + Path("run") + "\nlisten: 0.0.0.0:0\n");
  Process server({Program("signvote-server"), "--config", Path("open.yaml")}, Path("open.log"));
  EXPECT_EQ(server.Wait(Seconds(30)), 2);
  EXPECT_THAT(server.Output(), HasSubstr("insecure: true"));
}

TEST_F(FederationE2e, TheServerDoesNotLinkLibTorch) {
  Process ldd({"/usr/bin/ldd", Program("signvote-server")}, Path("ldd.log"));
  EXPECT_EQ(ldd.Wait(Seconds(30)), 0);
  EXPECT_THAT(ldd.Output(), Not(HasSubstr("torch")));
}

}  // namespace
}  // namespace signvote
