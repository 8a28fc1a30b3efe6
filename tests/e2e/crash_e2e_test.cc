// kill -9 of servers and clients in the middle of a run: the final fingerprint is that of a run in which nothing
// happened.
#include <signal.h>

#include <set>

#include "tests/e2e/chaos_fixture.h"

namespace signvote {
namespace {

using testing::HasSubstr;

class CrashE2e : public ChaosFixture {
 protected:
  // Starts the server that takes the place of one that died, and does not wait for it.
  void Respawn(const std::string& run) {
    server_.emplace(ServerArguments(run, settings_, listen_), Path(run + ".log"));
  }

  // One byte in the middle of the file.
  void Flip(const std::string& name) {
    std::fstream file(Path(name), std::ios::in | std::ios::out | std::ios::binary);
    const auto middle = static_cast<std::streamoff>(std::filesystem::file_size(Path(name)) / 2);
    file.seekg(middle);
    const int byte = file.get();
    file.seekp(middle);
    file.put(static_cast<char>(byte ^ 0x40));
    ASSERT_TRUE(file.good());
  }

  std::set<std::string> Names(const std::string& directory) const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(Path(directory)))
      names.insert(entry.path().filename());
    return names;
  }

  // Those that are whole.
  std::set<std::string> Checkpoints(const std::string& run) const {
    std::set<std::string> names = Names(run + "/checkpoints");
    std::erase_if(names, [](const std::string& name) { return name.find('.') != std::string::npos; });
    return names;
  }

  std::vector<std::string> settings_;
};

TEST_F(CrashE2e, AHundredKilledServersAndMoreClientsCostNotOneBit) {
  constexpr uint64_t kRounds = 400;
  constexpr int kServers = 100;
  const std::string calm = CalmFingerprint(kRounds);

  settings_ = ServerSettings(kRounds);
  StartServer("stormy", settings_);
  StartVoters();
  int servers = 0, clients = 0;
  const std::string stormy = FinalFingerprint("stormy", kRounds, [&] {
    if (servers == kServers) return PauseBriefly();
    PauseAtRandom(random_.Below(4) == 0 ? 300 : 80);
    if (random_.Below(4) == 0) {
      const int victim = static_cast<int>(random_.Below(kVoters));
      clients_.at(NameOf(victim)).Kill();
      StartVoter(victim);
      ++clients;
    } else if (server_->IsRunning()) {
      server_->Kill();
      Respawn("stormy");
      ++servers;
    }
  });
  std::printf("killed %d servers and %d clients\n", servers, clients);
  EXPECT_EQ(stormy, calm);
  EXPECT_GE(servers, kServers / 2) << "the run ended before much could happen to it";
  ExpectVerifiedAndReplayed("stormy");
}

TEST_F(CrashE2e, AfterAKilledServerClientsCatchUpByDecisions) {
  settings_ = ServerSettings(100'000, 0);
  StartServer("run", settings_);
  StartVoters();
  ASSERT_TRUE(Eventually([&] { return Round() >= 20; }, Seconds(60)));
  server_->Kill();
  StartServer("run", settings_, listen_);
  const uint64_t recovered = Round();
  ASSERT_TRUE(Eventually([&] { return Round() >= recovered + 5; }, Seconds(60)));
  const nlohmann::json status = Status();
  // Nobody was more than a round or two behind, and one round is a bit a parameter.
  EXPECT_LT(status["bytes_join"].get<uint64_t>(), kVoters * 3 * status["parameters"].get<uint64_t>() / 8);
}

TEST_F(CrashE2e, AServerToldToStopClosesItsRoundAndClientsComeBackToTheNextOne) {
  constexpr uint64_t kRounds = 150;
  const std::string calm = CalmFingerprint(kRounds);
  settings_ = ServerSettings(kRounds);
  StartServer("run", settings_);
  StartVoters();
  for (int stops = 1; stops <= 3; ++stops) {
    ASSERT_TRUE(Eventually([&] { return Round() >= static_cast<uint64_t>(20 * stops); }, Seconds(60)));
    server_->Signal(SIGTERM);
    ASSERT_EQ(server_->Wait(Seconds(30)), 0) << server_->Output();
    const uint64_t stopped = Json("run/summary.json")["rounds"];
    StartServer("run", settings_, listen_);
    EXPECT_GE(Round(), stopped);
  }
  EXPECT_THAT(clients_.at(NameOf(0)).Output(), HasSubstr("the server stops for now"));
  EXPECT_EQ(FinalFingerprint("run", kRounds, PauseBriefly), calm);
}

TEST_F(CrashE2e, AfterDamageTheMessageSaysWhatToDoAndThatWorks) {
  settings_ = ServerSettings(1'000'000, 20);
  StartServer("run", settings_);
  StartVoters();
  ASSERT_TRUE(Eventually([&] { return Checkpoints("run").size() >= 3; }, Seconds(60)));
  ASSERT_EQ(Control({"pause"}).first, 0);
  server_->Kill();
  // The newest checkpoint is damaged, and so is the journal that leads to it from the one before.
  const std::string newest = *Checkpoints("run").rbegin();
  Flip("run/checkpoints/" + newest + "/params.safetensors");
  std::string segment;
  for (const std::string& name : Names("run/journal")) {
    if (name < newest + ".log") segment = name;
  }
  Flip("run/journal/" + segment);
  EXPECT_EQ(RunServerCommand({"verify", Path("run")}).first, 4);

  Respawn("run");
  EXPECT_EQ(server_->Wait(Seconds(60)), 4);
  const std::string message = server_->Output();
  EXPECT_THAT(message, HasSubstr(newest + "/params.safetensors is damaged"));
  EXPECT_THAT(message, HasSubstr("journal/" + segment + " is damaged at byte"));
  const std::string command = "signvote-server recover ";
  ASSERT_THAT(message, HasSubstr(command));
  std::istringstream advice(message.substr(message.find(command) + command.size()));
  std::string directory, option, checkpoint;
  advice >> directory >> option >> checkpoint;
  const auto [recovered, report] = RunServerCommand({"recover", directory, option, checkpoint});
  ASSERT_EQ(recovered, 0) << report;
  EXPECT_THAT(report, HasSubstr("the run goes on from " + checkpoint));

  StartServer("run", settings_, listen_);
  const uint64_t begins = Round();
  ASSERT_TRUE(Eventually([&] { return Round() >= begins + 10; }, Seconds(60))) << server_->Output();
  server_->Signal(SIGTERM);
  EXPECT_EQ(server_->Wait(Seconds(30)), 0) << server_->Output();
  ExpectVerifiedAndReplayed("run");
}

}  // namespace
}  // namespace signvote
