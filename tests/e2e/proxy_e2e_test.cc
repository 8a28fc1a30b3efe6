// Bad networks between clients and server: a run ends with the bits of a run on a good one.
#include "tests/e2e/chaos_fixture.h"
#include "tests/e2e/fault_proxy.h"

namespace signvote {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;

class ProxyE2e : public ChaosFixture {
 protected:
  static constexpr uint64_t kRounds = 80;

  // Clients find the server through the proxy; admin_ stays the server's own.
  void StartServerBehindProxy(const std::string& run, const std::vector<std::string>& settings) {
    StartServer(run, settings);
    proxy_.SetTarget(listen_);
    listen_ = proxy_.address();
  }

  // A run of which each 100 ms or so one thing happens to its connections, `most` times.
  template <typename Fault>
  std::string FingerprintUnder(const std::string& run, int most, Fault fault) {
    StartServerBehindProxy(run, ServerSettings(kRounds));
    StartVoters({"keepalive=2s"});
    int faults = 0;
    const std::string fingerprint = FinalFingerprint(run, kRounds, [&] {
      PauseAtRandom(300);
      if (faults < most && Round() > 0) fault(), ++faults;
    });
    EXPECT_GT(faults, 0) << "the run ended before anything happened to it";
    proxy_.Pass();
    return fingerprint;
  }

  bool IsConnected(const std::string& name) {
    const nlohmann::json answer = nlohmann::json::parse(Control({"clients", "--json"}).second);
    for (const auto& client : answer["clients"]) {
      if (client["name"] == name) return client["connected"].get<bool>();
    }
    return false;
  }

  FaultProxy proxy_;
};

TEST_F(ProxyE2e, DelaysResetsCutsAndBlackHolesCostNotOneBit) {
  const std::string calm = CalmFingerprint(kRounds);
  EXPECT_EQ(FingerprintUnder("delayed", 1000, [&] { proxy_.Delay(milliseconds(random_.Below(30))); }), calm);
  EXPECT_EQ(FingerprintUnder("reset", 10, [&] { proxy_.Reset(); }), calm);
  EXPECT_EQ(FingerprintUnder("cut", 20, [&] { proxy_.CutAfter(1 + random_.Below(100'000)); }), calm);
  // What was connected is dead without a word; whoever notices finds the way open again.
  EXPECT_EQ(FingerprintUnder("swallowed", 2,
                             [&] {
                               proxy_.BlackHole();
                               proxy_.Pass();
                             }),
            calm);
}

// What no checksum of TCP or TLS let through would do: a client moves its parameters where nobody else does, says so,
// and starts over from the server's.
TEST_F(ProxyE2e, AnAlteredDecisionIsFoundByItsFingerprint) {
  const std::string calm = CalmFingerprint(kRounds);
  StartServerBehindProxy("altered", ServerSettings(kRounds));
  StartVoters();
  // In this round; everybody has come through it before the next flip, and through the last one before the run's end.
  uint64_t flipped = 0;
  size_t found = 0;
  const std::string altered = FinalFingerprint("altered", kRounds, [&] {
    const uint64_t round = Round();
    if (round > flipped + 3 && round + 10 < kRounds) proxy_.Flip(), flipped = round;
    if (round + 5 > kRounds) proxy_.Pass();
    found = 0;
    for (auto& [name, client] : clients_) found += Count(client.Output(), "fetching them anew");
  });
  EXPECT_GT(found, 0u);
  EXPECT_EQ(altered, calm);
}

TEST_F(ProxyE2e, ABlackHoleIsNoticedWithin90SecondsByDefault) {
  StartServerBehindProxy("run", {"rounds.total=1000000", "seed=5"});
  StartVoter(0);
  ASSERT_TRUE(Eventually([&] { return IsConnected(NameOf(0)) && Round() >= 3; }, Seconds(60)));
  proxy_.BlackHole();
  const auto tells = [&] { return Count(clients_.at(NameOf(0)).Output(), "connects again") > 0; };
  EXPECT_TRUE(Eventually([&] { return tells() && !IsConnected(NameOf(0)); }, Seconds(90)))
      << "client " << tells() << ", server " << !IsConnected(NameOf(0));
}

TEST_F(ProxyE2e, ABlackHoleIsNoticedOnBothSidesAndHoldsNoRoundBeyondItsDeadline) {
  StartServerBehindProxy("run", {"rounds.total=1000000", "rounds.deadline=3s", "keepalive=2s", "seed=5"});
  StartVoter(0, {"keepalive=2s"});
  listen_ = Json("run/addresses.json")["listen"];
  StartVoter(1);
  ASSERT_TRUE(
      Eventually([&] { return IsConnected(NameOf(0)) && IsConnected(NameOf(1)) && Round() >= 3; }, Seconds(60)));

  proxy_.BlackHole();
  const uint64_t swallowed = Round();
  ASSERT_TRUE(Eventually([&] { return Round() >= swallowed + 2; }, Seconds(30)));
  EXPECT_TRUE(Eventually([&] { return !IsConnected(NameOf(0)); }, Seconds(30))) << "the server did not notice";
  EXPECT_TRUE(Eventually([&] { return Count(clients_.at(NameOf(0)).Output(), "connects again") > 0; }, Seconds(30)))
      << "the client did not notice";

  proxy_.Pass();
  EXPECT_TRUE(Eventually([&] { return IsConnected(NameOf(0)); }, Seconds(90)));
  const auto counted = [&] {
    return nlohmann::json::parse(Control({"client", NameOf(0), "--json"}).second)["summary"]["rounds_counted"]
        .get<uint64_t>();
  };
  const uint64_t before = counted();
  EXPECT_TRUE(Eventually([&] { return counted() > before; }, Seconds(30)));
  EXPECT_THAT(clients_.at(NameOf(0)).Output(), Not(HasSubstr("too_many_pings")));
}

TEST_F(ProxyE2e, AClientTakesItsNameBackWhileItsDeadSessionStillHoldsIt) {
  StartServerBehindProxy("run", {"rounds.total=1000000", "rounds.quorum=1", "rounds.deadline=10m", "seed=5"});
  StartVoter(0, {"keepalive=2s"});
  ASSERT_TRUE(Eventually([&] { return Round() >= 3; }, Seconds(60)));
  proxy_.BlackHole();
  const uint64_t swallowed = Round();
  proxy_.Pass();
  // The server's own keepalive is a minute: it is the client's token that ends the dead session.
  EXPECT_TRUE(Eventually([&] { return Round() >= swallowed + 3; }, Seconds(40))) << clients_.at(NameOf(0)).Output();
}

TEST_F(ProxyE2e, SilentLinksStayOpen) {
  StartServerBehindProxy("run", {"rounds.total=1000000", "seed=5", "keepalive=2s"});
  StartVoter(0, {"keepalive=2s"});
  ASSERT_TRUE(Eventually([&] { return Round() >= 1; }, Seconds(60)));
  ASSERT_EQ(Control({"pause"}).first, 0);
  // Long enough for a server that forbids these pings to say too_many_pings.
  EXPECT_FALSE(Eventually([&] { return proxy_.connections() > 1; }, Seconds(9))) << clients_.at(NameOf(0)).Output();
  EXPECT_TRUE(IsConnected(NameOf(0)));
}

TEST_F(ProxyE2e, ClientsWaitForAServerThatIsNotThereYetOrNotThereForLong) {
  const std::string unreachable = proxy_.address();  // without a target
  listen_ = unreachable;
  StartVoter(0);
  const auto attempts = [&] { return Count(clients_.at(NameOf(0)).Output(), "connects again"); };
  ASSERT_TRUE(Eventually([&] { return attempts() >= 3; }, Seconds(60)));
  StartServerBehindProxy("run", {"rounds.total=1000000", "seed=5"});
  ASSERT_TRUE(Eventually([&] { return Round() >= 1; }, Seconds(60)));

  server_->Kill();
  const size_t before = attempts();
  ASSERT_TRUE(Eventually([&] { return attempts() >= before + 5; }, Seconds(60)));
  EXPECT_TRUE(clients_.at(NameOf(0)).IsRunning());
  StartServerBehindProxy("run", {"rounds.total=1000000", "seed=5"});
  const uint64_t recovered = Round();
  EXPECT_TRUE(Eventually([&] { return Round() > recovered; }, Seconds(60)));
}

}  // namespace
}  // namespace signvote
