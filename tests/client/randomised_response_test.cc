#include "client/model/randomised_response.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

namespace signvote {
namespace {

constexpr uint64_t kCoordinates = 64 * 10000 + 10;

SignVector Zero() { return {std::vector<uint64_t>(10001), {}}; }

int Positive(const SignVector& signs) {
  int count = 0;
  for (const uint64_t word : signs.signs) count += std::popcount(word);
  return count;
}

TEST(RandomisedResponse, FlipsAtItsProbability) {
  for (const double p : {0.05, 0.25, 0.49}) {
    SignVector signs = Zero();
    FlipSigns(p, kCoordinates, &signs);
    const double deviation = std::sqrt(kCoordinates * p * (1 - p));
    EXPECT_NEAR(Positive(signs), kCoordinates * p, 6 * deviation) << p;
    EXPECT_EQ(signs.signs.back() >> 10, 0u) << "bits beyond the end are 0";
  }
}

TEST(RandomisedResponse, WithoutProbabilityNothingIsFlipped) {
  SignVector signs = Zero();
  FlipSigns(0, kCoordinates, &signs);
  EXPECT_EQ(signs, Zero());
}

TEST(RandomisedResponse, IsNeverTheSameTwice) {
  SignVector first = Zero(), second = Zero();
  FlipSigns(0.25, kCoordinates, &first);
  FlipSigns(0.25, kCoordinates, &second);
  EXPECT_NE(first, second);
}

TEST(RandomisedResponse, AbstentionsStay) {
  SignVector signs{{0, 0}, {~uint64_t{0}, 1}};
  FlipSigns(0.49, 128, &signs);
  EXPECT_EQ(signs.signs[0], 0u);
  EXPECT_EQ(signs.signs[1] & 1, 0u);
}

TEST(RandomisedResponse, EpsilonIsThatOfOneSign) { EXPECT_NEAR(SignEpsilon(0.25), std::log(3.0), 1e-12); }

// Sixteen bits a draw: the least probability is 2^-16, and epsilon is never less than announced.
TEST(RandomisedResponse, ATinyProbabilityFlipsToo) {
  SignVector signs{std::vector<uint64_t>(100000), {}};
  FlipSigns(1e-9, 6400000, &signs);
  EXPECT_NEAR(Positive(signs), 6400000 / 65536.0, 60);
}

}  // namespace
}  // namespace signvote
