// Two servers, each with half of the blocks: the run is that of one server, bit for bit.
#include <gmock/gmock.h>
#include <signal.h>

#include "common/fingerprint.h"
#include "common/safetensors.h"
#include "common/status.h"
#include "tests/e2e/fault_proxy.h"
#include "tests/e2e/federation_fixture.h"

namespace signvote {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class ShardsE2e : public FederationFixture {
 protected:
  static constexpr int kVoters = 3;

  std::string Model() const override { return "mlp_wide"; }

  void TearDown() override {
    processes_.clear();
    FederationFixture::TearDown();
  }

  static std::vector<std::string> Settings(uint64_t rounds, int shard = 0, int shards = 1) {
    return {"rounds.total=" + std::to_string(rounds),
            "rounds.quorum=" + std::to_string(kVoters),
            "rounds.deadline=10m",
            "seed=5",
            "fraction=1/2",
            "shard.index=" + std::to_string(shard),
            "shard.count=" + std::to_string(shards)};
  }

  static std::string RunOf(int shard) { return "shard-" + std::to_string(shard); }

  void StartShard(int shard, uint64_t rounds, const std::string& listen = "127.0.0.1:0") {
    StartServer(RunOf(shard), Settings(rounds, shard, 2), listen);
    addresses_.insert_or_assign(shard, listen_);
    admins_.insert_or_assign(shard, admin_);
    processes_.insert_or_assign(shard, *std::exchange(server_, std::nullopt));
  }

  // All of them with these words about where the servers are.
  void StartEveryone(const std::string& where) {
    StartObserver(where, "30");
    for (int i = 0; i < kVoters; ++i) {
      const std::string name = "voter-" + std::to_string(i);
      clients_.insert_or_assign(name, StartClientOf(where, name, {"batch=" + std::to_string(4 + 8 * i)}));
    }
  }

  std::string Everyone() const { return "shards=[" + addresses_.at(0) + ", " + addresses_.at(1) + "]"; }

  std::string FinalFingerprintOfOneServer(uint64_t rounds) {
    StartServer("one", Settings(rounds));
    StartEveryone("server=" + listen_);
    EXPECT_EQ(server_->Wait(Seconds(200)), 0) << server_->Output();
    ExpectAllEnded();
    const nlohmann::json summary = Json("one/summary.json");
    EXPECT_EQ(summary["whole_fingerprint"], summary["fingerprint"]);
    return summary["fingerprint"];
  }

  // Both shards end, and both tell the fingerprint of all blocks.
  std::string FinalFingerprintOfShards() {
    for (auto& [shard, process] : processes_) EXPECT_EQ(process.Wait(Seconds(200)), 0) << process.Output();
    ExpectAllEnded();
    const nlohmann::json low = Json("shard-0/summary.json"), high = Json("shard-1/summary.json");
    EXPECT_TRUE(low["fingerprints_agree"].get<bool>());
    EXPECT_TRUE(high["fingerprints_agree"].get<bool>());
    EXPECT_EQ(low["whole_fingerprint"], high["whole_fingerprint"]);
    // What was measured just before a shard was killed, it may have lost.
    EXPECT_EQ(low["final_accuracy"], high["final_accuracy"]);
    return low["whole_fingerprint"].is_string() ? low["whole_fingerprint"] : "none";
  }

  void ExpectAllEnded() {
    for (auto& [name, client] : clients_) EXPECT_EQ(client.Wait(Seconds(60)), 0) << name << "\n" << client.Output();
    clients_.clear();
  }

  // Of all blocks, from the checkpoints that both shards have of this round.
  std::vector<float> WholeFromCheckpoints(uint64_t round) {
    std::vector<float> whole;
    for (const int shard : {0, 1}) {
      const auto part =
          ReadSafetensors(Path(fmt::format("{}/checkpoints/round-{:08}/params.safetensors", RunOf(shard), round)));
      EXPECT_TRUE(part.ok()) << part.status();
      if (part.ok()) whole.insert(whole.end(), part->values.begin(), part->values.end());
    }
    return whole;
  }

  void AdministerBoth() { admin_ = admins_.at(0) + "," + admins_.at(1); }

  uint64_t RoundOf(int shard) {
    admin_ = admins_.at(shard);
    return Round();
  }

  std::map<int, Process> processes_;
  std::map<int, std::string> addresses_, admins_;
};

TEST_F(ShardsE2e, EndOnTheBitsOfOneServerAlsoWhenOneIsKilledInTheMiddle) {
  constexpr uint64_t kRounds = 60;
  const std::string one = FinalFingerprintOfOneServer(kRounds);

  StartShard(0, kRounds);
  StartShard(1, kRounds);
  FaultProxy proxy;  // makes a round last long enough to be in the middle of the run when a shard is killed
  proxy.SetTarget(addresses_.at(1));
  proxy.Delay(std::chrono::milliseconds(50));
  StartEveryone("shards=[" + addresses_.at(0) + ", " + proxy.address() + "]");
  AdministerBoth();
  ASSERT_TRUE(Eventually([&] { return Round() >= 3; }, Seconds(100)));
  ASSERT_EQ(Control({"pause"}).first, 0);
  const auto [code, output] = Control({"export", Path("whole.safetensors"), "--json"});
  ASSERT_EQ(code, 0) << output;
  const auto [checkpoint_code, checkpoints] = Control({"checkpoint", "--json"});
  ASSERT_EQ(checkpoint_code, 0) << checkpoints;
  const nlohmann::json checkpoint = nlohmann::json::parse(checkpoints);
  ASSERT_EQ(Control({"resume"}).first, 0);
  const auto exported = ReadSafetensors(Path("whole.safetensors"));
  ASSERT_TRUE(exported.ok()) << exported.status();
  EXPECT_EQ(exported->values, WholeFromCheckpoints(checkpoint["round"]));
  EXPECT_EQ(exported->tensors.size(), 4u);
  EXPECT_EQ(nlohmann::json::parse(output)["fingerprint"], FingerprintOf(exported->values).Hex());
  Process torchscript({Program("signvote-client"), "export", "--model", Path("bundle"), "--parameters",
                       Path("whole.safetensors"), "--out", Path("trained.pt")},
                      Path("export.log"));
  EXPECT_EQ(torchscript.Wait(Seconds(60)), 0) << torchscript.Output();
  EXPECT_THAT(Control({"clients"}).second, HasSubstr("voter-2"));
  EXPECT_THAT(Control({"status"}).second, AllOf(HasSubstr("0 to 0"), HasSubstr("1 to 1")));

  for (const int victim : {1, 0, 1}) {
    const uint64_t before = RoundOf(victim);
    ASSERT_TRUE(Eventually([&] { return RoundOf(victim) >= before + 3; }, Seconds(100)));
    processes_.at(victim).Kill();
    ASSERT_LT(RoundOf(1 - victim), kRounds) << "too fast to be killed in the middle";
    StartShard(victim, kRounds, addresses_.at(victim));
  }
  EXPECT_EQ(FinalFingerprintOfShards(), one);
  EXPECT_EQ(FingerprintOf(WholeFromCheckpoints(kRounds)).Hex(), one);

  for (const int shard : {0, 1}) {
    Process replay({Program("signvote-server"), "replay", Path(RunOf(shard))}, Path("replay.log"));
    EXPECT_EQ(replay.Wait(Seconds(60)), 0) << replay.Output();
  }
}

TEST_F(ShardsE2e, AnInterruptedExportLeavesNoShardHalted) {
  StartShard(0, 100'000);
  StartShard(1, 100'000);
  StartEveryone(Everyone());
  AdministerBoth();
  ASSERT_TRUE(Eventually([&] { return Round() >= 3; }, Seconds(100)));
  int interrupted = 0;
  for (int delay = 0; delay < 100; delay += 5) {
    Process exporting({Program("signvotectl"), "--server", admin_, "export", Path("whole.safetensors")},
                      Path("export.log"));
    std::this_thread::sleep_for(std::chrono::milliseconds(delay));
    exporting.Signal(SIGTERM);
    interrupted += exporting.Wait(Seconds(60)) == 128 + SIGTERM;
    ASSERT_THAT(Control({"status", "--json"}).second, Not(HasSubstr("PAUSED"))) << delay << " ms";
  }
  EXPECT_GT(interrupted, 0);
}

TEST_F(ShardsE2e, ClientsRefuseServersThatAreNotOfOneRun) {
  StartShard(0, 10);
  Process half = StartClientOf("shards=[" + addresses_.at(0) + "]", "half", {});
  EXPECT_EQ(half.Wait(Seconds(60)), 5);
  EXPECT_THAT(half.Output(), HasSubstr("holds block 1 of 2"));

  std::vector<std::string> other = Settings(10, 1, 2);
  other.push_back("carry=0.5");
  StartServer("other", other);
  Process client = StartClientOf("shards=[" + addresses_.at(0) + ", " + listen_ + "]", "torn", {});
  EXPECT_EQ(client.Wait(Seconds(60)), 5);
  EXPECT_THAT(client.Output(), HasSubstr("carry=0.5"));
}

TEST_F(ShardsE2e, AModelOfOneBlockHasNoSecondShard) {
  Write("few.yaml", "model: " + Path("bundle") + "\ndirectory: " + Path("few") + "\nshard: {index: 2, count: 3}\n");
  Process server({Program("signvote-server"), "--config", Path("few.yaml")}, Path("few.log"));
  EXPECT_EQ(server.Wait(Seconds(30)), 2);
  EXPECT_THAT(server.Output(), HasSubstr("at most 2"));
}

}  // namespace
}  // namespace signvote
