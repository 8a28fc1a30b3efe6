#include "server/ctl/run_files.h"

#include <gtest/gtest.h>

#include <cmath>

namespace signvote::ctl {
namespace {

constexpr char kHeader[] =
    "round,ballots,step,trust,accuracy,loss,bytes_up,bytes_down,collect_seconds,decode_seconds,journal_seconds,"
    "seconds\n";

TEST(ParseMetrics, KeepsTheEvaluatedRounds) {
  const auto measured = ParseMetrics(std::string(kHeader) +
                                         "1,15,0.0006,0,,,1,1,0.1,0.1,0.1,1\n"
                                         "10,15,0.0006,0.9,0.75,0.8,1,1,0.1,0.1,0.1,1\n"
                                         "15,15,0.0006,0.9,,0.6,1,1,0.1,0.1,0.1,1\n"
                                         "20,15,0.0006,0.9,0.875,0.4,1,1,0.1,0.1,0.1,1\n",
                                     "metrics.csv");
  ASSERT_TRUE(measured.ok()) << measured.status();
  ASSERT_EQ(measured->size(), 3u);
  EXPECT_EQ((*measured)[0].round, 10u);
  EXPECT_TRUE(std::isnan((*measured)[1].accuracy)) << "as of a regression";
  EXPECT_EQ((*measured)[1].loss, 0.6);
  EXPECT_EQ((*measured)[2].accuracy, 0.875);
}

TEST(ParseMetrics, LeavesOutALineThatIsStillBeingWritten) {
  const auto measured = ParseMetrics("round,accuracy\n10,0.5\n20,0.", "metrics.csv");
  ASSERT_TRUE(measured.ok()) << measured.status();
  EXPECT_EQ(measured->size(), 1u);
}

TEST(ParseMetrics, NamesFileAndLineOfWhatIsNoNumber) {
  const auto measured = ParseMetrics("round,accuracy\n10,0.5\n20,high\n", "runs/a/metrics.csv");
  EXPECT_EQ(measured.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(std::string(measured.status().message()).find("runs/a/metrics.csv:3"), std::string::npos);
}

TEST(ParseMetrics, RefusesAFileWithoutItsColumns) {
  EXPECT_EQ(ParseMetrics("a,b\n1,2\n", "f").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(ParseMetrics("", "f").status().code(), absl::StatusCode::kDataLoss);
}

TEST(ParseSummary, ReadsLabelsAsTextAndMissingNumbersAsUnknown) {
  const auto run =
      ParseSummary(R"({"rule":"majority","mode":4,"partition":"all","rounds":150,"carry":null})", "runs/a");
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(run->mode, "4");
  EXPECT_EQ(run->rounds, 150u);
  EXPECT_TRUE(std::isnan(run->carry));
  EXPECT_FALSE(run->fingerprints_agree);
}

TEST(ParseSummary, NamesTheFileThatIsDamaged) {
  for (const char* text : {"{", "[]", R"({"rounds":"many"})", R"({"clients":[{"batch":"x"}]})"}) {
    const auto run = ParseSummary(text, "runs/a");
    EXPECT_EQ(run.status().code(), absl::StatusCode::kDataLoss) << text;
    EXPECT_NE(std::string(run.status().message()).find("runs/a/summary.json"), std::string::npos);
  }
}

TEST(ReadSummary, SaysWhenARunHasNotEnded) {
  const auto run = ReadSummary("/nonexistent");
  EXPECT_EQ(run.status().code(), absl::StatusCode::kNotFound);
}

TEST(Labels, AreRulesAndDirectoriesOnlyWhereRulesRepeat) {
  RunSummary a, b, c;
  a.rule = b.rule = "agreement";
  a.directory = "x";
  b.directory = "y";
  c.rule = "majority";
  EXPECT_EQ(Labels({a, b, c}), (std::vector<std::string>{"agreement (x)", "agreement (y)", "majority"}));
}

}  // namespace
}  // namespace signvote::ctl
