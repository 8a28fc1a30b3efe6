#include "common/real_text.h"

#include <gtest/gtest.h>

#include <limits>

namespace signvote {
namespace {

TEST(RealText, HasFourDecimalsWhereThatIsReadable) {
  EXPECT_EQ(RealText(0), "0.0000");
  EXPECT_EQ(RealText(5 / 3.0), "1.6667");
  EXPECT_EQ(RealText(-123456.5), "-123456.5000");
}

TEST(RealText, AnExponentSaysHowLargeOrSmall) {
  EXPECT_EQ(RealText(211512894388633038012921982379622400.0), "2.115e+35");
  EXPECT_EQ(RealText(3.2e-5), "3.2e-05");
}

TEST(RealText, WhatIsNoNumberHasNoSign) {
  EXPECT_EQ(RealText(-std::numeric_limits<double>::quiet_NaN()), "nan");
  EXPECT_EQ(RealText(-std::numeric_limits<double>::infinity()), "-inf");
}

}  // namespace
}  // namespace signvote
