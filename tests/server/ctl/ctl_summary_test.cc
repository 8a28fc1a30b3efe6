#include "server/ctl/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace signvote::ctl {
namespace {

using testing::HasSubstr;

RunSummary SomeRun(const std::string& rule) {
  RunSummary run;
  run.rule = rule;
  run.rounds = 150;
  run.parameters = 582026;
  run.bytes_up = run.bytes_down = 72800;
  run.accuracy = {{10, 0.5}, {50, 0.912}, {100, 0.964}, {150, 0.967}};
  run.final_accuracy = 0.967;
  run.fingerprints_agree = true;
  run.clients = {{"client-01", 4, 0.45, 0.2}, {"client-15", 904, 0.2, 1.4}, {"observer", 0, 0, 0}};
  return run;
}

TEST(AccuracyAt, IsTheLastMeasurementOfTheInterval) {
  const std::vector<Measurement> measured = {{10, 0.1}, {20, 0.2}, {30, 0.3}};
  EXPECT_EQ(AccuracyAt(measured, 0, 25), 0.2);
  EXPECT_EQ(AccuracyAt(measured, 20, 30), 0.3);
  EXPECT_TRUE(std::isnan(AccuracyAt(measured, 30, 40)));
}

TEST(RenderSummary, ShowsAccuracyAtThirdsOfTheRun) {
  const std::string text = RenderSummary({SomeRun("agreement")});
  EXPECT_THAT(text, HasSubstr("round 50  round 100  round 150    final"));
  EXPECT_THAT(text, HasSubstr(" 91.20 %    96.40 %    96.70 %  96.70 %"));
}

TEST(RenderSummary, HoldsBytesAgainstFloat32) {
  const std::string text = RenderSummary({SomeRun("agreement")});
  EXPECT_THAT(text, HasSubstr("72.8 kB  72.8 kB            2.33 MB  32.0 times less"));  // 4 * 582026 = 2328104
}

TEST(RenderSummary, HasTwoColumnsARunForEachVoterAndNoObserver) {
  const std::string text = RenderSummary({SomeRun("majority"), SomeRun("agreement")});
  EXPECT_THAT(text, HasSubstr("client-15    904     0.2000   1.400     0.2000   1.400\n"));
  EXPECT_THAT(text, testing::Not(HasSubstr("observer")));
}

TEST(RenderSummary, KeepsClientsOfDifferentBatchApart) {
  RunSummary other = SomeRun("agreement");
  other.clients[0].batch = 64;
  const std::string text = RenderSummary({SomeRun("majority"), other});
  EXPECT_THAT(text, testing::ContainsRegex("client-01 +4     0.4500   0.200\n"));
  EXPECT_THAT(text, testing::ContainsRegex("client-01 +64 {24}0.4500   0.200\n"));
}

}  // namespace
}  // namespace signvote::ctl
