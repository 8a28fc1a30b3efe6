// A server of random parameters, made-up voters, and signvotectl with a configuration directory of its own.
#pragma once

#include "tests/e2e/federation_fixture.h"

namespace signvote {

class CtlFixture : public FederationFixture {
 protected:
  static constexpr const char* kParameters = "20000";

  void SetUp() override {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    directory_ = std::filesystem::path(testing::TempDir()) /
                 (std::string("signvote-ctl-") + info->name() + "-" + std::to_string(getpid()));
    std::filesystem::create_directories(directory_);
    setenv("XDG_CONFIG_HOME", Path("config").c_str(), 1);
    unsetenv("SIGNVOTE_TLS");
    Process bundle({Program("signvote-loadgen"), "bundle", "--parameters", kParameters, "--out", Path("bundle")},
                   Path("bundle.log"));
    ASSERT_EQ(bundle.Wait(Seconds(60)), 0) << bundle.Output();
  }

  void StartRun(const std::vector<std::string>& settings = {}) {
    std::vector<std::string> all{"rounds.total=1000000", "rounds.quorum=2", "durability=decisions"};
    all.insert(all.end(), settings.begin(), settings.end());
    StartServer("run", all);
  }

  // `flipped` of them vote with flipped signs: voter-0 and those after it.
  void StartVoters(int count, int flipped = 0) {
    clients_.emplace("voters",
                     Process({Program("signvote-loadgen"), "--server", listen_, "--voters", std::to_string(count),
                              "--flipped", std::to_string(flipped), "--rounds", "0", "--prefix", "voter"},
                             Path("voters.log")));
    ASSERT_TRUE(Eventually([&] { return Round() >= 3; }, Seconds(60))) << clients_.at("voters").Output();
  }

  // signvotectl with these words and no --server; its exit code and output.
  std::pair<int, std::string> Ctl(const std::vector<std::string>& words) {
    std::vector<std::string> arguments{Program("signvotectl")};
    arguments.insert(arguments.end(), words.begin(), words.end());
    Process process(arguments, Path("ctl-" + std::to_string(++controls_) + ".log"));
    const std::optional<int> code = process.Wait(Seconds(30));
    return {code.value_or(-1), process.Output()};
  }
};

}  // namespace signvote
