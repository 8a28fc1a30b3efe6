#include "server/ctl/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace signvote::ctl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

RunSummary SomeRun(const std::string& rule) {
  RunSummary run;
  run.rule = rule;
  run.rounds = 150;
  run.parameters = 582026;
  run.bytes_up = run.bytes_down = 72800;
  run.measured = {{10, 0.5}, {50, 0.912}, {100, 0.964}, {150, 0.967}};
  run.final_accuracy = 0.967;
  run.fingerprints_agree = true;
  run.clients = {{"client-01", 4, 0.45, 0.2}, {"client-15", 904, 0.2, 1.4}, {"observer", 0, 0, 0}};
  return run;
}

RunSummary MeasuredEvery(uint64_t every, uint64_t rounds) {
  RunSummary run = SomeRun("agreement");
  run.rounds = rounds;
  run.measured.clear();
  for (uint64_t round = every; round <= rounds; round += every) {
    run.measured.push_back({round, static_cast<double>(round) / 1000});
  }
  run.final_accuracy = static_cast<double>(rounds) / 1000;
  return run;
}

std::vector<uint64_t> Shown(const std::vector<RunSummary>& runs) { return ShownRounds(runs, &Measurement::accuracy); }

TEST(MeasuredAt, IsOfThatRoundAndNoOther) {
  const std::vector<Measurement> measured = {{10, 0.1}, {20, 0.2}};
  EXPECT_EQ(MeasuredAt(measured, &Measurement::accuracy, 20), 0.2);
  EXPECT_TRUE(std::isnan(MeasuredAt(measured, &Measurement::accuracy, 15)));
}

TEST(ShownRounds, AreRoundsThatWereMeasured) {
  EXPECT_THAT(Shown({MeasuredEvery(10, 80)}), ElementsAre(30, 50, 80));
  EXPECT_THAT(Shown({MeasuredEvery(20, 60), MeasuredEvery(30, 60)}), ElementsAre(20, 40, 60));
  EXPECT_THAT(Shown({MeasuredEvery(80, 80)}), ElementsAre(80));
  EXPECT_THAT(Shown({MeasuredEvery(100, 80)}), ElementsAre());
  RunSummary regression = SomeRun("agreement");
  for (Measurement& m : regression.measured) m.accuracy = std::nan("");
  EXPECT_THAT(Shown({regression}), ElementsAre()) << "of the accuracy";
}

TEST(ShownRounds, AreThoseThatMostRunsHave) {
  const std::vector<RunSummary> runs = {MeasuredEvery(10, 60), MeasuredEvery(20, 80)};
  EXPECT_THAT(Shown(runs), ElementsAre(20, 60, 80));
  const std::string text = RenderSummary(runs);
  EXPECT_THAT(text, HasSubstr("round 20  round 60  round 80   final"));
  EXPECT_THAT(text, HasSubstr("  2.00 %    6.00 %         -  6.00 %")) << "it ended at 60";
  EXPECT_THAT(text, HasSubstr("  2.00 %    6.00 %    8.00 %  8.00 %"));
}

TEST(RenderSummary, ShowsAccuracyAtThirdsOfTheRun) {
  const std::string text = RenderSummary({SomeRun("agreement")});
  EXPECT_THAT(text, HasSubstr("round 50  round 100  round 150    final"));
  EXPECT_THAT(text, HasSubstr(" 91.20 %    96.40 %    96.70 %  96.70 %"));
}

TEST(RenderSummary, ShowsTheLossOfARegression) {
  constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
  RunSummary run = SomeRun("agreement");
  run.measured = {{50, kUnknown, 9.5}, {100, kUnknown, 4.25}, {150, kUnknown, 2.5}};
  run.final_accuracy = kUnknown;
  const std::string text = RenderSummary({run});
  EXPECT_THAT(text, testing::StartsWith("loss "));
  EXPECT_THAT(text, testing::ContainsRegex(" 9.5000 +4.2500 +2.5000 +2.5000 "));
  EXPECT_THAT(text, testing::Not(HasSubstr("accuracy")));
  const std::string both = RenderSummary({run, SomeRun("majority")});
  EXPECT_THAT(both, testing::AllOf(HasSubstr("96.40 %"), HasSubstr("4.2500")));
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
