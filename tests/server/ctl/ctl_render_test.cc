#include "server/ctl/render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/ctl/format.h"

namespace signvote::ctl {
namespace {

using testing::HasSubstr;
using testing::Not;

v1::RunStatus SomeStatus() {
  v1::RunStatus status;
  status.set_phase(v1::COLLECTING);
  status.set_round(75);
  status.set_rounds_total(150);
  status.set_seconds_per_round(0.25);
  status.set_eta_seconds(18.75);
  status.set_rule("agreement");
  status.set_bytes_up(72754 * 15 * 75);
  auto* evaluation = status.add_evaluations();
  evaluation->set_round(70);
  evaluation->set_accuracy(0.9634);
  evaluation->set_loss(0.12);
  return status;
}

TEST(RenderClients, FlagsAreThoseThatAnAdministratorLooksFor) {
  v1::ClientSummary client;
  client.set_connected(true);
  EXPECT_EQ(Flags(client), "");
  client.set_silent(true);
  EXPECT_EQ(Flags(client), "silent");
  client.set_connected(false);
  client.set_different(true);
  client.set_evicted(true);
  EXPECT_EQ(Flags(client), "different, evicted, away");
}

TEST(RenderClients, ShowsNoReliabilityBeforeTheFirstCountedRound) {
  v1::ListClientsResponse response;
  auto* client = response.add_clients();
  client->set_name("phone-07");
  client->set_role(v1::VOTER);
  client->set_crossover(0.5);
  client->set_connected(true);
  const std::string text = RenderClients(response);
  EXPECT_THAT(text, HasSubstr("phone-07  voter"));
  EXPECT_THAT(text, Not(HasSubstr("0.5000")));
  client->set_rounds_counted(1);
  EXPECT_THAT(RenderClients(response), HasSubstr("0.5000"));
}

TEST(RenderWatch, ShowsProgressAccuracyBytesAndTimeLeft) {
  const auto lines = RenderWatch(SomeStatus(), 200);
  EXPECT_EQ(lines[0], "[###############---------------] 75/150  50 %  4.0 rounds/s  19 s left  collecting");
  EXPECT_EQ(lines[1], "accuracy  96.34 %, loss 0.1200 (round 70)");
  EXPECT_THAT(lines[2], HasSubstr("81.8 MB up"));
}

TEST(RenderWatch, OfARegressionOnlyTheLossIsKnown) {
  v1::RunStatus status = SomeStatus();
  status.mutable_evaluations(0)->set_accuracy(std::nan(""));
  EXPECT_EQ(RenderWatch(status, 200)[1], "accuracy  not measured, loss 0.1200 (round 70)");
}

TEST(RenderWatch, FitsTheTerminal) {
  for (const std::string& line : RenderWatch(SomeStatus(), 40)) EXPECT_LE(Columns(line), 40u) << line;
}

TEST(RenderWatch, SaysWhyARunDoesNotGoOn) {
  v1::RunStatus status = SomeStatus();
  status.set_problem("waiting for 3 more ballots");
  EXPECT_EQ(RenderWatch(status, 100).back(), "problem   waiting for 3 more ballots");
  EXPECT_THAT(RenderWatchLine(status), HasSubstr("problem: waiting for 3 more ballots"));
}

TEST(RenderWatch, AnswersOfAnEmptyRunAreNotNonsense) {
  const auto lines = RenderWatch(v1::RunStatus(), 200);
  EXPECT_THAT(lines[0], Not(HasSubstr("nan")));
  EXPECT_EQ(lines[1], "accuracy  not measured yet");
}

TEST(RenderEvent, IsOneLineWithTimeRoundAndWhoItIsAbout) {
  v1::Event event;
  event.set_unix_seconds(86400 + 3723.5);
  event.set_kind(v1::STALE_BALLOT);
  event.set_client("phone-07");
  event.set_round(12);
  event.set_detail("for round 9\n");
  EXPECT_EQ(RenderEvent(event, absl::UTCTimeZone()),
            "1970-01-02 01:02:03  round 12  stale ballot  phone-07: for round 9?");
  event.clear_client();
  EXPECT_THAT(RenderEvent(event, absl::UTCTimeZone()), HasSubstr("stale ballot  for round 9"));
}

TEST(Flags, SaySuspicionsInWords) {
  v1::ClientSummary client;
  client.set_connected(true);
  client.set_different(true);
  client.set_suspicion(v1::VOTES_AGAINST);
  EXPECT_EQ(Flags(client), "different, votes against");
}

TEST(RenderClient, ShowsQuantilesByTensorAndWeightsByBlock) {
  v1::ClientDetail detail;
  detail.mutable_summary()->set_name("big");
  auto* tensor = detail.add_tensors();
  tensor->set_name("conv1.weight");
  tensor->set_coordinates(800);
  tensor->mutable_crossover()->set_median(0.123);
  auto* block = detail.add_blocks();
  block->set_weight(57);
  block->set_next_weight(61);
  block->set_different(true);
  EXPECT_THAT(RenderClient(detail), Not(HasSubstr("abstained")));
  detail.mutable_summary()->set_rounds_counted(19);
  detail.mutable_summary()->set_rounds_abstained(17);
  const std::string text = RenderClient(detail);
  EXPECT_THAT(text, HasSubstr("abstained in 17 of its 19 rounds\n"));
  EXPECT_THAT(text, HasSubstr("conv1.weight"));
  EXPECT_THAT(text, HasSubstr("0.123"));
  EXPECT_THAT(text, HasSubstr("57           61"));
  EXPECT_THAT(text, HasSubstr("different"));
}

}  // namespace
}  // namespace signvote::ctl
