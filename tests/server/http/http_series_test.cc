#include "server/http/series.h"

#include <gtest/gtest.h>

namespace signvote {
namespace {

std::vector<v1::RoundSummary> Rounds(uint64_t count) {
  std::vector<v1::RoundSummary> rounds;
  for (uint64_t round = 1; round <= count; ++round) {
    v1::RoundSummary& summary = rounds.emplace_back();
    summary.set_round(round);
    summary.set_bytes_up(10 * round);
    summary.set_trust(0.5);
    if (round % 2 == 0) {
      summary.set_accuracy(0.25);
      summary.set_loss(static_cast<double>(round));
    }
  }
  return rounds;
}

TEST(HttpSeries, HasARowARoundAndNamesItsColumns) {
  const Json series = SeriesOf(Rounds(3), 10);
  EXPECT_EQ(series["columns"][0], "round");
  EXPECT_EQ(series["columns"][4], "bytes_up");
  ASSERT_EQ(series["rounds"].size(), 3u);
  EXPECT_EQ(series["rounds"][2][0], 3);
  EXPECT_EQ(series["rounds"][2][4], 30.0);
  EXPECT_EQ(series["rounds"][2].size(), series["columns"].size());
  EXPECT_EQ(series["evaluations"].dump(), "[[2,0.25,2.0]]");
}

TEST(HttpSeries, ALossWithoutAccuracyIsAMeasurement) {
  std::vector<v1::RoundSummary> rounds = Rounds(2);
  rounds[1].clear_accuracy();
  EXPECT_EQ(SeriesOf(rounds, 10)["evaluations"].dump(), "[[2,null,2.0]]");
}

TEST(HttpSeries, ThinsByMeansOfNeighboursAndKeepsTheLastMeasurement) {
  const Json series = SeriesOf(Rounds(10), 3);  // 4, 4 and 2 together
  ASSERT_EQ(series["rounds"].size(), 3u);
  EXPECT_EQ(series["rounds"][0][0], 4);
  EXPECT_EQ(series["rounds"][0][4], 25.0);
  EXPECT_EQ(series["rounds"][2][0], 10);
  EXPECT_EQ(series["rounds"][2][4], 95.0);
  EXPECT_EQ(series["evaluations"].size(), 3u);
  EXPECT_EQ(series["evaluations"].back()[0], 10);
}

TEST(HttpSeries, IsEmptyWithoutRounds) {
  EXPECT_TRUE(SeriesOf({}, 10)["rounds"].empty());
  EXPECT_TRUE(SeriesOf({}, 10)["evaluations"].empty());
}

}  // namespace
}  // namespace signvote
