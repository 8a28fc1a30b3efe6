#include "client/session/patience.h"

#include <gtest/gtest.h>

namespace signvote {
namespace {

absl::Time At(int64_t seconds) { return absl::FromUnixSeconds(seconds); }

TEST(Patience, EndsAfterGiveUpWithoutASession) {
  Patience patience(absl::Seconds(60));
  patience.Tries(At(0));
  EXPECT_EQ(patience.Ended(At(60), false), std::nullopt);
  patience.Tries(At(60));
  EXPECT_EQ(patience.Ended(At(61), false), absl::Seconds(61));
}

TEST(Patience, ASessionStartsItAgain) {
  Patience patience(absl::Seconds(60));
  patience.Tries(At(0));
  patience.Reached(At(50));
  EXPECT_EQ(patience.Ended(At(100), false), std::nullopt);
}

TEST(Patience, CountsFromTheFirstAttemptHoweverLateThatIs) {
  Patience patience(absl::Seconds(60));
  patience.Tries(At(1000));
  EXPECT_EQ(patience.Ended(At(1001), false), std::nullopt);
}

TEST(Patience, GivesUpNeverWhereNothingIsSet) {
  Patience patience(absl::ZeroDuration());
  patience.Tries(At(0));
  EXPECT_EQ(patience.Ended(At(1000000), false), std::nullopt);
}

TEST(Patience, WaitsTwoMinutesForATakenNameAlsoWhereItWasAwayForLonger) {
  Patience patience(absl::Minutes(10));
  patience.Tries(At(0));
  patience.Reached(At(0));
  EXPECT_EQ(patience.Ended(At(200), true), std::nullopt) << "its own session of a moment ago may hold it";
  EXPECT_EQ(patience.Ended(At(320), true), std::nullopt);
  EXPECT_EQ(patience.Ended(At(321), true), absl::Seconds(121));
}

TEST(Patience, WhatComesBetweenTwoRefusalsOfATakenNameStartsThatAgain) {
  Patience patience(absl::ZeroDuration());
  EXPECT_EQ(patience.Ended(At(0), true), std::nullopt);
  EXPECT_EQ(patience.Ended(At(100), false), std::nullopt);
  EXPECT_EQ(patience.Ended(At(200), true), std::nullopt);
  patience.Reached(At(300));
  EXPECT_EQ(patience.Ended(At(400), true), std::nullopt) << "and so does a session";
}

}  // namespace
}  // namespace signvote
