#include "server/ctl/plot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace signvote::ctl {
namespace {

using testing::HasSubstr;

TEST(PlotScript, CarriesThePointsOfEachCurve) {
  const std::string script = PlotScript({{"a", {{10, 0.5}, {20, 0.75}}}, {"b", {{10, 0.25}}}}, "Accuracy", "out.png");
  EXPECT_THAT(script, HasSubstr("$curve0 << END\n10 0.5\n20 0.75\nEND\n$curve1 << END\n10 0.25\nEND\n"));
  EXPECT_THAT(script, HasSubstr("title 'a', $curve1"));
}

TEST(PlotScript, NamesCannotBecomeCommands) {
  const std::string script = PlotScript({{"it's\nsystem('x')", {{1, 0.5}}}}, "t", "a'b.png");
  EXPECT_THAT(script, HasSubstr("title 'it''s system(''x'')'"));
  EXPECT_THAT(script, HasSubstr("set output 'a''b.png'"));
}

TEST(PlotScript, TheNameOfTheFileSaysPngOrSvg) {
  EXPECT_THAT(PlotScript({}, "t", "out.png"), HasSubstr("set terminal pngcairo "));
  EXPECT_THAT(PlotScript({}, "t", "out.svg"), HasSubstr("set terminal svg "));
  EXPECT_TRUE(CheckPicture("out.svg").ok());
  EXPECT_FALSE(CheckPicture("out.pdf").ok());
}

}  // namespace
}  // namespace signvote::ctl
