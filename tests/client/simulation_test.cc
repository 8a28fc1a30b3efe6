#include "client/simulation.h"

#include <gtest/gtest.h>

#include <bit>

namespace signvote {
namespace {

constexpr uint64_t kCoordinates = 64 * 1000 + 6, kLastLayer = 64 * 990 + 3;

SignVector Honest() {
  SignVector signs{std::vector<uint64_t>(1001, 0x5555555555555555), std::vector<uint64_t>(1001, 0)};
  signs.signs.back() = 0x15;
  signs.zeros[0] = 0b1010;
  return signs;
}

SignVector Attacked(const Simulation& simulation, uint64_t client = 1, uint64_t round = 1, uint64_t block = 0) {
  SignVector signs = Honest();
  SimulateAttack(simulation, client, round, block, kCoordinates, kLastLayer, &signs);
  return signs;
}

TEST(Simulation, NothingIsDoneUnasked) {
  EXPECT_EQ(Attacked({}), Honest());
  EXPECT_EQ(SimulatedBatch({}, 64, 7), 64u);
  EXPECT_EQ(SimulatedLateness({}, 7), 0u);
}

TEST(Simulation, FlipTurnsEverySignAndKeepsAbstentions) {
  const SignVector flipped = Attacked({.attack = "flip"});
  EXPECT_EQ(flipped.zeros, Honest().zeros);
  EXPECT_EQ(flipped.signs[0], 0xAAAAAAAAAAAAAAAA & ~uint64_t{0b1010});
  EXPECT_EQ(flipped.signs[1], 0xAAAAAAAAAAAAAAAA);
  EXPECT_EQ(flipped.signs.back(), 0x2A) << "bits beyond the end are 0";
}

TEST(Simulation, FlipHalfTurnsAllSignsOrNone) {
  int flips = 0;
  for (uint64_t round = 1; round <= 1000; ++round) {
    const SignVector signs = Attacked({.attack = "flip-half"}, 1, round);
    if (signs != Honest()) {
      EXPECT_EQ(signs, Attacked({.attack = "flip"}));
      ++flips;
    }
  }
  EXPECT_NEAR(flips, 500, 80);
}

TEST(Simulation, FlipLastTurnsTheSignsOfTheLastLayerAlone) {
  SignVector expected = Attacked({.attack = "flip"});
  std::copy_n(Honest().signs.begin(), 990, expected.signs.begin());
  expected.signs[990] = Honest().signs[990] ^ (~uint64_t{0} << 3);
  EXPECT_EQ(Attacked({.attack = "flip-last"}), expected);
  const std::vector<TensorShape> tensors{{"a", {5, 7}}, {"b", {7}}, {"c", {2, 3}}, {"d", {2}}};
  EXPECT_EQ(LastLayer(tensors), 42u);
  EXPECT_EQ(LastLayer(std::span(tensors).first(1)), 0u);
}

TEST(Simulation, RandomSignsAreFairAndDifferFromRoundToRoundAndFromClientToClient) {
  const SignVector signs = Attacked({.attack = "random"});
  EXPECT_TRUE(signs.zeros.empty());
  int positive = 0;
  for (const uint64_t word : signs.signs) positive += std::popcount(word);
  EXPECT_NEAR(positive, kCoordinates / 2, 1000);
  EXPECT_EQ(signs, Attacked({.attack = "random"})) << "a restarted client votes the same";
  EXPECT_NE(signs, Attacked({.attack = "random"}, 2));
  EXPECT_NE(signs, Attacked({.attack = "random"}, 1, 2));
}

TEST(Simulation, SameIsOneVectorForAllClientsAndRounds) {
  const SignVector signs = Attacked({.attack = "same"});
  EXPECT_NE(signs, Honest());
  EXPECT_EQ(signs, Attacked({.attack = "same"}, 2, 5));
  EXPECT_NE(signs, Attacked({.attack = "same"}, 1, 1, 1)) << "blocks differ";
}

TEST(Simulation, AlikeIsThatVectorWithAnEighthOfTheSignsFlippedForEachClientAndRound) {
  const auto differing = [](const SignVector& a, const SignVector& b) {
    int bits = 0;
    for (size_t w = 0; w < a.signs.size(); ++w) bits += std::popcount(a.signs[w] ^ b.signs[w]);
    return bits;
  };
  const SignVector same = Attacked({.attack = "same"}), signs = Attacked({.attack = "alike"});
  EXPECT_NEAR(differing(same, signs), kCoordinates / 8, 500);
  EXPECT_NEAR(differing(signs, Attacked({.attack = "alike"}, 2)), kCoordinates * 7 / 32, 600);
  EXPECT_NE(signs, Attacked({.attack = "alike"}, 1, 2));
  EXPECT_EQ(signs, Attacked({.attack = "alike"})) << "a restarted client votes the same";
  EXPECT_EQ(signs.signs.back() >> 6, 0u) << "bits beyond the end are 0";
}

TEST(Simulation, StartsWhenItIsTold) {
  const Simulation simulation{.attack = "flip", .batch = 4, .late = 2, .from_round = 100};
  EXPECT_EQ(Attacked(simulation, 1, 99), Honest());
  EXPECT_NE(Attacked(simulation, 1, 100), Honest());
  EXPECT_EQ(SimulatedBatch(simulation, 64, 99), 64u);
  EXPECT_EQ(SimulatedBatch(simulation, 64, 100), 4u);
  EXPECT_EQ(SimulatedLateness(simulation, 99), 0u);
  EXPECT_EQ(SimulatedLateness(simulation, 100), 2u);
}

}  // namespace
}  // namespace signvote
