#include "server/http/metrics.h"

#include <gmock/gmock.h>

#include <cmath>

namespace signvote {
namespace {

using testing::HasSubstr;
using testing::Not;

v1::RunStatus Status() {
  v1::RunStatus status;
  status.set_run("r");
  status.set_rule("majority");
  status.set_phase(v1::COLLECTING);
  status.set_round(7);
  status.set_parameters(1000);
  status.set_blocks(1);
  status.set_ballots_counted(3);
  status.set_decisions_delivered(2);
  status.mutable_all_rounds()->set_decode_seconds(1.5);
  return status;
}

TEST(HttpMetrics, TellTheRun) {
  const std::string text = RenderMetrics(Status(), {}, {});
  EXPECT_THAT(text, HasSubstr("# TYPE signvote_round gauge\nsignvote_round 7\n"));
  EXPECT_THAT(text, HasSubstr("signvote_phase{phase=\"collecting\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("signvote_phase{phase=\"finished\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("signvote_round_seconds_total{part=\"decode\"} 1.5\n"));
  EXPECT_THAT(text, HasSubstr("signvote_float32_bytes_total{direction=\"up\"} 12000\n"));
  EXPECT_THAT(text, Not(HasSubstr("\nsignvote_accuracy_ratio ")));
}

TEST(HttpMetrics, CountFloat32BytesOfTheBlocksHeldHere) {
  v1::RunStatus status = Status();
  status.set_parameters(3 << 20);
  status.set_first_block(2);
  EXPECT_EQ(Float32BytesOf(status).down, 2 * 4.0 * (1 << 20));
}

TEST(HttpMetrics, LeaveOutWhatIsNotMeasured) {
  v1::ListClientsResponse clients;
  v1::ClientSummary& a = *clients.add_clients();
  a.set_name("a");
  a.set_role(v1::VOTER);
  a.set_rounds_counted(5);
  a.set_rounds_abstained(2);
  a.set_crossover(std::nan(""));
  a.set_mean_weight(0.5);
  a.set_last_seen_seconds(-1);
  v1::ClientSummary& b = *clients.add_clients();
  b.set_name("b");
  b.set_last_seen_seconds(-1);
  const std::string text = RenderMetrics(Status(), clients, {});
  EXPECT_THAT(text, HasSubstr("signvote_client_weight{client=\"a\"} 0.5\n"));
  EXPECT_THAT(text, HasSubstr("signvote_client_rounds_abstained_total{client=\"a\"} 2\n"));
  EXPECT_THAT(text, Not(HasSubstr("signvote_client_weight{client=\"b\"}")));
  EXPECT_THAT(text, Not(HasSubstr("signvote_client_crossover_ratio{")));
  EXPECT_THAT(text, Not(HasSubstr("signvote_client_last_seen_timestamp_seconds{")));
  EXPECT_THAT(text, Not(HasSubstr("signvote_client_fingerprint_agrees{")));
}

TEST(HttpMetrics, NameSuspects) {
  v1::ReliabilityReport report;
  report.add_voters()->set_name("honest");
  v1::VoterReliability& bad = *report.add_voters();
  bad.set_name("c7");
  bad.set_suspicion(v1::VOTES_AGAINST);
  const std::string text = RenderMetrics(Status(), {}, report);
  EXPECT_THAT(text, HasSubstr("signvote_client_suspicion{client=\"c7\",suspicion=\"votes_against\"} 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("honest")));
}

}  // namespace
}  // namespace signvote
