#include "server/ctl/plot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace signvote::ctl {
namespace {

using testing::HasSubstr;

TEST(PlotScript, CarriesThePointsOfEachCurve) {
  const std::string script =
      PlotScript({{"a", {{10, 0.5}, {20, 0.75}}}, {"b", {{10, 0.25}}}}, &Measurement::accuracy, "Accuracy", "out.png");
  EXPECT_THAT(script, HasSubstr("$curve0 << END\n10 0.5\n20 0.75\nEND\n$curve1 << END\n10 0.25\nEND\n"));
  EXPECT_THAT(script, HasSubstr("title 'a', $curve1"));
}

TEST(PlotScript, ARunWithoutAccuracyIsDrawnByItsLoss) {
  constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
  const Curve regression{"a", {{10, kUnknown, 12.5}, {20, kUnknown, 3}}};
  const Curve classes{"b", {{10, 0.25, 2}, {20, 0.5, 1}}};
  EXPECT_EQ(*CommonMeasure({classes}), &Measurement::accuracy);
  EXPECT_EQ(*CommonMeasure({regression, classes}), &Measurement::loss) << "what both have";
  EXPECT_EQ(CommonMeasure({regression, {"c", {{10, 0.5}}}}).status().code(), absl::StatusCode::kFailedPrecondition);
  const std::string script = PlotScript({regression}, &Measurement::loss, "Loss", "out.png");
  EXPECT_THAT(script, HasSubstr("set ylabel 'loss'"));
  EXPECT_THAT(script, HasSubstr("set yrange [*:*]"));
  EXPECT_THAT(script, HasSubstr("$curve0 << END\n10 12.5\n20 3\nEND\n"));
}

TEST(PlotScript, NothingCoversACurveOrCutsAPoint) {
  const std::string accuracy = PlotScript({{"a", {{10, 0.5}}}}, &Measurement::accuracy, "t", "out.png");
  EXPECT_THAT(accuracy, HasSubstr("set key outside below "));
  EXPECT_THAT(accuracy, HasSubstr("set offsets 0, graph 0.03, 0, graph 0.03\n")) << "1 is the end of the axis";
  const std::string loss = PlotScript({{"a", {{10, 0.5, 2}}}}, &Measurement::loss, "t", "out.png");
  EXPECT_THAT(loss, HasSubstr("set offsets 0, graph 0.03, graph 0.03, graph 0.03\n"));
}

TEST(PlotScript, NamesCannotBecomeCommands) {
  const std::string script = PlotScript({{"it's\nsystem('x')", {{1, 0.5}}}}, &Measurement::accuracy, "t", "a'b.png");
  EXPECT_THAT(script, HasSubstr("title 'it''s system(''x'')'"));
  EXPECT_THAT(script, HasSubstr("set output 'a''b.png'"));
}

TEST(PlotScript, TheNameOfTheFileSaysPngOrSvg) {
  EXPECT_THAT(PlotScript({}, &Measurement::accuracy, "t", "out.png"), HasSubstr("set terminal pngcairo "));
  EXPECT_THAT(PlotScript({}, &Measurement::accuracy, "t", "out.svg"), HasSubstr("set terminal svg "));
  EXPECT_TRUE(CheckPicture("out.svg").ok());
  EXPECT_FALSE(CheckPicture("out.pdf").ok());
}

}  // namespace
}  // namespace signvote::ctl
