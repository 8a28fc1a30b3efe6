#include "server/ctl/format.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace signvote::ctl {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(FormatBytes, KeepsThreeDigitsInPowersOfAThousand) {
  EXPECT_EQ(FormatBytes(0), "0 B");
  EXPECT_EQ(FormatBytes(999), "999 B");
  EXPECT_EQ(FormatBytes(1000), "1.00 kB");
  EXPECT_EQ(FormatBytes(72754), "72.8 kB");
  EXPECT_EQ(FormatBytes(2328104), "2.33 MB");
  EXPECT_EQ(FormatBytes(12.5e9), "12.5 GB");
}

TEST(FormatBytes, RoundsUpIntoTheNextUnit) {
  EXPECT_EQ(FormatBytes(999.6), "1.00 kB");
  EXPECT_EQ(FormatBytes(999600), "1.00 MB");
  EXPECT_EQ(FormatBytes(9996), "10.0 kB");
  EXPECT_EQ(FormatBytes(99960), "100 kB");
}

TEST(FormatBytes, ShowsWhatIsNoSizeAsADash) {
  EXPECT_EQ(FormatBytes(-1), "-");
  EXPECT_EQ(FormatBytes(kNan), "-");
}

TEST(FormatDuration, UsesTheTwoLargestUnits) {
  EXPECT_EQ(FormatDuration(0), "0 s");
  EXPECT_EQ(FormatDuration(450e-6), "450 us");
  EXPECT_EQ(FormatDuration(0.085), "85 ms");
  EXPECT_EQ(FormatDuration(2.44), "2.4 s");
  EXPECT_EQ(FormatDuration(45), "45 s");
  EXPECT_EQ(FormatDuration(185), "3 m 05 s");
  EXPECT_EQ(FormatDuration(3720), "1 h 02 m");
  EXPECT_EQ(FormatDuration(2 * 86400 + 3 * 3600), "2 d 03 h");
}

TEST(FormatDuration, RoundsUpIntoTheNextUnit) {
  EXPECT_EQ(FormatDuration(0.9996), "1.0 s");
  EXPECT_EQ(FormatDuration(9.96), "10 s");
  EXPECT_EQ(FormatDuration(59.6), "1 m 00 s");
}

TEST(FormatDuration, ShowsWhatIsNoTimeAsADash) {
  EXPECT_EQ(FormatDuration(-1), "-");
  EXPECT_EQ(FormatDuration(kNan), "-");
  EXPECT_EQ(FormatDuration(std::numeric_limits<double>::infinity()), "-");
  EXPECT_EQ(FormatDuration(1e300), "-");
}

TEST(FormatCount, GroupsDigitsByThrees) {
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(1000), "1,000");
  EXPECT_EQ(FormatCount(582026), "582,026");
  EXPECT_EQ(FormatCount(18446744073709551615u), "18,446,744,073,709,551,615");
}

TEST(ProgressBar, FillsWithTheFractionAndNeverOverflows) {
  EXPECT_EQ(ProgressBar(0, 10, 4), "[----]");
  EXPECT_EQ(ProgressBar(5, 10, 4), "[##--]");
  EXPECT_EQ(ProgressBar(9, 10, 4), "[###-]");
  EXPECT_EQ(ProgressBar(10, 10, 4), "[####]");
  EXPECT_EQ(ProgressBar(12, 10, 4), "[####]");
  EXPECT_EQ(ProgressBar(0, 0, 4), "[####]");
}

TEST(Truncate, CutsBetweenCharactersNotInsideThem) {
  EXPECT_EQ(Columns("aé€"), 3u);
  EXPECT_EQ(Truncate("aé€b", 3), "aé€");
  EXPECT_EQ(Truncate("aé€b", 1), "a");
  EXPECT_EQ(Truncate("ab", 5), "ab");
}

TEST(Table, AlignsColumnsAndLeavesNoSpacesAtTheEnds) {
  Table table({{"name", Table::Align::kLeft}, {"batch"}, {"flags", Table::Align::kLeft}});
  table.Add({"client-01", "4"});
  table.Add({"é", "1,904", "away"});
  EXPECT_EQ(table.Render(),
            "name       batch  flags\n"
            "client-01      4\n"
            "é          1,904  away\n");
}

}  // namespace
}  // namespace signvote::ctl
