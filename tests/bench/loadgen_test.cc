// The load generator against a real server: its voters are voters, and the run is one that replays.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/e2e/process.h"

namespace signvote {
namespace {

using Seconds = std::chrono::seconds;

class LoadgenTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = std::filesystem::path(testing::TempDir()) / ("signvote-loadgen-" + std::to_string(getpid()));
    std::filesystem::create_directories(directory_);
  }
  void TearDown() override {
    if (!HasFailure()) std::filesystem::remove_all(directory_);
  }
  std::string Path(const std::string& name) const { return (directory_ / name).string(); }

  // Runs a program to its end; its output.
  std::string Run(const std::vector<std::string>& arguments, const std::string& log) {
    Process process(arguments, Path(log));
    const std::optional<int> code = process.Wait(Seconds(60));
    EXPECT_EQ(code, 0) << process.Output();
    return process.Output();
  }

  std::filesystem::path directory_;
};

TEST_F(LoadgenTest, VotesInEveryRoundItIsAskedIn) {
  // Two blocks, each round a draw of 20 from 30 voters on shared connections, one stripe in four.
  Run({Program("signvote-loadgen"), "bundle", "--parameters", "1100000", "--out", Path("bundle")}, "bundle.log");
  std::ofstream(Path("server.yaml")) << "model: " << Path("bundle") << "\ndirectory: " << Path("run")
                                     << "\nlisten: 127.0.0.1:0\nadmin: {listen: 127.0.0.1:0}\nfraction: 4\n"
                                     << "rounds: {total: 6, quorum: 20, electorate: 20, deadline: 60s}\n";
  Process server({Program("signvote-server"), "--config", Path("server.yaml")}, Path("server.log"));
  ASSERT_TRUE(Eventually([&] { return std::filesystem::exists(Path("run/addresses.json")); }, Seconds(30)))
      << server.Output();
  const nlohmann::json addresses = nlohmann::json::parse(std::ifstream(Path("run/addresses.json")));
  const nlohmann::json report =
      nlohmann::json::parse(Run({Program("signvote-loadgen"), "--server", addresses["listen"], "--voters", "30",
                                 "--channels", "3", "--rounds", "6", "--json"},
                                "load.log"));
  EXPECT_EQ(report["rounds"], 6);
  EXPECT_EQ(report["parameters"], 1100000);
  EXPECT_EQ(report["reloads"], 0);
  EXPECT_NEAR(report["bytes_up"].get<double>(), 20 * 1100000 / 8 / 4, 5000);
  EXPECT_EQ(server.Wait(Seconds(30)), 0) << server.Output();
  Run({Program("signvote-server"), "replay", Path("run")}, "replay.log");
}

}  // namespace
}  // namespace signvote
