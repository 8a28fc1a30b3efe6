#include "client/session/backoff.h"

#include <gtest/gtest.h>

namespace signvote {
namespace {

TEST(Backoff, DoublesUpToTenSeconds) {
  Backoff backoff;
  for (const int milliseconds : {100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000}) {
    EXPECT_EQ(backoff.Next(1), absl::Milliseconds(milliseconds));
  }
}

TEST(Backoff, JitterTakesUpToHalfAway) { EXPECT_EQ(Backoff().Next(0), absl::Milliseconds(50)); }

TEST(Backoff, StartsAgainAfterASession) {
  Backoff backoff;
  for (int i = 0; i < 5; ++i) backoff.Next(0.5);
  backoff.Reset();
  EXPECT_LE(backoff.Next(1), absl::Milliseconds(100));
}

}  // namespace
}  // namespace signvote
