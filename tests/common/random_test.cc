#include "common/random.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

namespace signvote {
namespace {

TEST(Random, MixIsTheFirstOutputOfSplitMix64) {
  EXPECT_EQ(Mix(0), 0xE220A8397B1DCDAFu);         // published for seed 0
  EXPECT_EQ(Mix(1234567), 6457827717110365317u);  // published for seed 1234567
}

TEST(Random, ClientIdIsXxh3OfTheName) { EXPECT_EQ(ClientId(""), 0x2d06800538d394c2u); }

TEST(Random, KeysDifferByEachOfTheirParts) {
  std::set<uint64_t> keys;
  for (uint64_t seed : {0, 1})
    for (Purpose purpose : {Purpose::kDither, Purpose::kStripes, Purpose::kBatch})
      for (uint64_t who : {0, 1, 2})
        for (uint64_t when : {0, 1, 2}) keys.insert(Key(seed, purpose, who, when));
  EXPECT_EQ(keys.size(), 2u * 3u * 3u * 3u);
}

TEST(Random, TheSameKeyGivesTheSameSequence) {
  Random a(7), b(7);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a.Next(), b.Next());
}

TEST(Random, BelowIsUniform) {
  Random random(Key(3, Purpose::kInit));
  int counts[6] = {};
  for (int i = 0; i < 60000; ++i) {
    const uint64_t value = random.Below(6);
    ASSERT_LT(value, 6u);
    ++counts[value];
  }
  for (int count : counts) EXPECT_NEAR(count, 10000, 5 * std::sqrt(60000 * (1.0 / 6) * (5.0 / 6)));
}

TEST(Random, UnitLiesInTheHalfOpenInterval) {
  Random random(11);
  double sum = 0;
  for (int i = 0; i < 10000; ++i) {
    const double value = random.Unit();
    ASSERT_GE(value, 0);
    ASSERT_LT(value, 1);
    sum += value;
  }
  EXPECT_NEAR(sum / 10000, 0.5, 5 * std::sqrt(1.0 / 12 / 10000));
}

TEST(Random, NormalHasTheMomentsOfAStandardNormal) {
  Random random(5);
  constexpr int kDraws = 40000;
  double sum = 0, squares = 0, fourths = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double value = random.Normal();
    ASSERT_TRUE(std::isfinite(value));
    sum += value;
    squares += value * value;
    fourths += value * value * value * value;
  }
  EXPECT_NEAR(sum / kDraws, 0, 0.025);
  EXPECT_NEAR(squares / kDraws, 1, 0.04);
  EXPECT_NEAR(fourths / kDraws, 3, 0.25);
}

}  // namespace
}  // namespace signvote
