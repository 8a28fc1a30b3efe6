// When what everyone is told is computed anew.
#include "server/http/live.h"

#include <gtest/gtest.h>

namespace signvote {
namespace {

class LiveTest : public testing::Test {
 protected:
  LiveTest() { clients_.add_clients()->set_name("ada"); }

  // How often the reliability was looked at by the time of another report.
  int LooksBy(absl::Time now) {
    live_.Now(now);
    return looks_;
  }

  v1::RunStatus status_;
  v1::ListClientsResponse clients_;
  int looks_ = 0;
  Live live_{{.status = [this] { return status_; },
              .clients = [this] { return clients_; },
              .client = {},
              .reliability =
                  [this] {
                    ++looks_;
                    v1::ReliabilityReport report;
                    report.set_round(status_.round());
                    return report;
                  },
              .rounds = {},
              .events = {}}};
  const absl::Time start_ = absl::UnixEpoch();
};

TEST_F(LiveTest, TheReliabilityIsLookedAtAgainWhenItMayHaveChangedAndOnlyThen) {
  EXPECT_EQ(LooksBy(start_), 1);
  EXPECT_EQ(LooksBy(start_ + Live::kInterval), 1) << "nothing has happened";
  status_.set_round(1);
  EXPECT_EQ(LooksBy(start_ + Live::kInterval), 1) << "the last report is not old enough";
  EXPECT_EQ(LooksBy(start_ + 2 * Live::kInterval), 2);
  clients_.mutable_clients(0)->set_suspicion(v1::VOTES_AGAINST);
  EXPECT_EQ(LooksBy(start_ + 3 * Live::kInterval), 3);
  clients_.mutable_clients(0)->set_explanation("ada votes against the others now");
  EXPECT_EQ(LooksBy(start_ + 4 * Live::kInterval), 4);
  clients_.mutable_clients(0)->set_evicted(true);
  EXPECT_EQ(LooksBy(start_ + 5 * Live::kInterval), 5);
  clients_.add_clients()->set_name("bob");
  EXPECT_EQ(LooksBy(start_ + 6 * Live::kInterval), 6);
  clients_.mutable_clients(0)->set_bytes_up(1);
  EXPECT_EQ(LooksBy(start_ + 7 * Live::kInterval), 6) << "what ada sent says nothing of its votes";
}

}  // namespace
}  // namespace signvote
