// kill -9 of servers and clients in the middle of a run: the final fingerprint is that of a run in which nothing happened.
#include <gmock/gmock.h>
#include <signal.h>

#include "common/random.h"
#include "tests/e2e/federation_fixture.h"

namespace signvote {
namespace {

class CrashE2e : public FederationFixture {
 protected:
  static constexpr int kVoters = 4;
  static constexpr uint64_t kRounds = 300;

  std::vector<std::string> ServerSettings() const {
    return {"rounds.total=" + std::to_string(kRounds), "rounds.quorum=" + std::to_string(kVoters), "rounds.deadline=10m",
            "checkpoint.every=40", "seed=5"};
  }

  void StartVoter(int index) {
    const std::string name = "voter-" + std::to_string(index);
    Process voter = StartClient(name, {"batch=" + std::to_string(4 + 8 * index), "data.index=" + std::to_string(index),
                                       "data.count=" + std::to_string(kVoters)});
    clients_.insert_or_assign(name, std::move(voter));
  }

  // The fingerprint after the last round; `disturb` is called again and again until the server has ended by itself.
  template <typename Disturb>
  std::string FinalFingerprint(const std::string& run, Disturb disturb) {
    StartServer(run, ServerSettings());
    for (int i = 0; i < kVoters; ++i) StartVoter(i);
    while (server_->IsRunning() && !HasFailure()) disturb(run);
    EXPECT_EQ(server_->Wait(Seconds(1)), 0) << server_->Output();
    const nlohmann::json summary = Json(run + "/summary.json");
    EXPECT_EQ(summary["rounds"], kRounds);
    EXPECT_TRUE(summary["fingerprints_agree"].get<bool>());
    clients_.clear();
    return summary["fingerprint"];
  }
};

TEST_F(CrashE2e, KilledServersAndClientsCostNotOneBit) {
  const uint64_t seed = testing::UnitTest::GetInstance()->random_seed();
  RecordProperty("seed", std::to_string(seed));
  Random random(seed);
  const std::string calm = FinalFingerprint("calm", [](const std::string&) { PauseBriefly(); });

  int kills = 0;
  const std::string stormy = FinalFingerprint("stormy", [&](const std::string& run) {
    const auto pause = std::chrono::milliseconds(100 + random.Below(500));
    const auto until = std::chrono::steady_clock::now() + pause;
    Eventually([&] { return std::chrono::steady_clock::now() > until || !server_->IsRunning(); }, Seconds(5));
    if (!server_->IsRunning() || kills == 12) return;
    ++kills;
    if (random.Below(3) == 0) {
      const int victim = static_cast<int>(random.Below(kVoters));
      clients_.at("voter-" + std::to_string(victim)).Kill();
      StartVoter(victim);
    } else {
      server_->Kill();
      StartServer(run, ServerSettings(), listen_);
    }
  });
  EXPECT_EQ(stormy, calm) << "again with --gtest_random_seed=" << seed;
  EXPECT_GE(kills, 3) << "the run ended before much could happen to it";

  Process verify({Program("signvote-server"), "verify", Path("stormy")}, Path("verify.log"));
  EXPECT_EQ(verify.Wait(Seconds(30)), 0) << verify.Output();
  Process replay({Program("signvote-server"), "replay", Path("stormy")}, Path("replay.log"));
  EXPECT_EQ(replay.Wait(Seconds(60)), 0) << replay.Output();
}

TEST_F(CrashE2e, ARunThatWasStoppedGoesOnWhereItWas) {
  StartServer("run", ServerSettings());
  for (int i = 0; i < kVoters; ++i) StartVoter(i);
  ASSERT_TRUE(Eventually([&] { return Round() >= 5; }, Seconds(60)));
  server_->Signal(SIGTERM);
  ASSERT_EQ(server_->Wait(Seconds(30)), 0) << server_->Output();
  const uint64_t stopped = Json("run/summary.json")["rounds"];
  StartServer("run", ServerSettings(), listen_);
  EXPECT_GE(Round(), stopped);
  EXPECT_EQ(server_->Wait(Seconds(120)), 0) << server_->Output();
  EXPECT_EQ(Json("run/summary.json")["rounds"], kRounds);
}

}  // namespace
}  // namespace signvote
