// A run of several voters, all of whom a round needs, so that its last fingerprint does not depend on what happens to
// it.
#pragma once

#include <gmock/gmock.h>

#include "common/random.h"
#include "tests/e2e/federation_fixture.h"

namespace signvote {

class ChaosFixture : public FederationFixture {
 protected:
  static constexpr int kVoters = 4;

  ChaosFixture() : seed_(testing::UnitTest::GetInstance()->random_seed()), random_(seed_) {
    std::printf("again with --gtest_random_seed=%lu\n", static_cast<unsigned long>(seed_));
  }

  static std::vector<std::string> ServerSettings(uint64_t rounds, uint64_t checkpoint_every = 40) {
    return {"rounds.total=" + std::to_string(rounds), "rounds.quorum=" + std::to_string(kVoters), "rounds.deadline=10m",
            "checkpoint.every=" + std::to_string(checkpoint_every), "seed=5"};
  }

  static std::string NameOf(int voter) { return "voter-" + std::to_string(voter); }

  void StartVoter(int index, const std::vector<std::string>& settings = {}) {
    std::vector<std::string> all{"batch=" + std::to_string(4 + 8 * index)};
    all.insert(all.end(), settings.begin(), settings.end());
    clients_.insert_or_assign(NameOf(index), StartClient(NameOf(index), all));
  }

  void StartVoters(const std::vector<std::string>& settings = {}) {
    for (int i = 0; i < kVoters; ++i) StartVoter(i, settings);
  }

  // Calls `disturb` again and again until the server has ended by itself; the fingerprint after the last round.
  template <typename Disturb>
  std::string FinalFingerprint(const std::string& run, uint64_t rounds, Disturb disturb) {
    while (server_->IsRunning() && !HasFailure()) disturb();
    EXPECT_EQ(server_->Wait(Seconds(1)), 0) << server_->Output();
    const nlohmann::json summary = Json(run + "/summary.json");
    EXPECT_EQ(summary["rounds"], rounds);
    EXPECT_TRUE(summary["fingerprints_agree"].get<bool>());
    clients_.clear();
    return summary["fingerprint"];
  }

  std::string CalmFingerprint(uint64_t rounds) {
    StartServer("calm", ServerSettings(rounds));
    StartVoters();
    return FinalFingerprint("calm", rounds, PauseBriefly);
  }

  // Lets up to `most` milliseconds pass, or less if the server ends.
  void PauseAtRandom(uint64_t most) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(random_.Below(most));
    Eventually([&] { return std::chrono::steady_clock::now() > until || !server_->IsRunning(); }, Seconds(60));
  }

  std::pair<std::optional<int>, std::string> RunServerCommand(const std::vector<std::string>& words) {
    std::vector<std::string> arguments{Program("signvote-server")};
    arguments.insert(arguments.end(), words.begin(), words.end());
    Process process(arguments, Path("command-" + std::to_string(++controls_) + ".log"));
    const std::optional<int> code = process.Wait(Seconds(120));
    return {code, process.Output()};
  }

  void ExpectVerifiedAndReplayed(const std::string& run) {
    for (const std::string command : {"verify", "replay"}) {
      const auto [code, output] = RunServerCommand({command, Path(run)});
      EXPECT_EQ(code, 0) << command << "\n" << output;
    }
  }

  nlohmann::json Status() { return nlohmann::json::parse(Control({"status", "--json"}).second); }

  static size_t Count(const std::string& text, const std::string& word) {
    size_t count = 0;
    for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
    return count;
  }

  const uint64_t seed_;
  Random random_;
};

}  // namespace signvote
