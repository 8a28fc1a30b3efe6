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

}  // namespace
}  // namespace signvote::ctl
