#include "common/step.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <vector>

#include "common/blocks.h"
#include "common/random.h"

namespace signvote {
namespace {

bool Bit(const std::vector<uint64_t>& plane, size_t n) { return plane[n / 64] >> (n % 64) & 1; }

// The same move in double: a product of two floats is exact there, and a difference has bits enough to spare that
// rounding it twice equals rounding it once.
float Moved(float x, bool positive, Step step) {
  const float kept = static_cast<float>(static_cast<double>(step.decay) * static_cast<double>(x));
  const double signed_size = positive ? static_cast<double>(step.size) : -static_cast<double>(step.size);
  return static_cast<float>(static_cast<double>(kept) - signed_size);
}

struct Example {
  std::vector<uint64_t> signs, holds;
  std::vector<float> x;
};

Example RandomExample(size_t coordinates, uint64_t seed) {
  Random random(seed);
  Example example;
  for (size_t w = 0; w < WordsFor(coordinates); ++w) {
    example.holds.push_back(w % 3 == 0 ? 0 : random.Next() & random.Next());
    example.signs.push_back(random.Next() & ~example.holds.back());
  }
  for (size_t n = 0; n < coordinates; ++n)
    example.x.push_back(static_cast<float>(random.Normal() * std::pow(10, random.Below(9)) * 1e-6));
  return example;
}

class StepOfLength : public testing::TestWithParam<size_t> {};

TEST_P(StepOfLength, EqualsTheDefinitionBitForBit) {
  const uint64_t seed = 20 + GetParam();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  const Example example = RandomExample(GetParam(), seed);
  for (const Step step : {Step{6e-4f, 1}, Step{1e-3f, 0.9999f}, Step{0.1f, 0.3f}}) {
    std::vector<float> all = example.x, some = example.x;
    ApplyDecision(example.signs, {}, step, all);
    ApplyDecision(example.signs, example.holds, step, some);
    for (size_t n = 0; n < example.x.size(); ++n) {
      const float moved = Moved(example.x[n], Bit(example.signs, n), step);
      ASSERT_EQ(std::bit_cast<uint32_t>(all[n]), std::bit_cast<uint32_t>(moved)) << n;
      const float expected = Bit(example.holds, n) ? example.x[n] : moved;
      ASSERT_EQ(std::bit_cast<uint32_t>(some[n]), std::bit_cast<uint32_t>(expected)) << n;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Lengths, StepOfLength, testing::Values(0, 1, 31, 32, 33, 63, 64, 65, 1000, 4096, 100001));

TEST(Step, PositiveSignsLowerTheParameterAndNegativeOnesRaiseIt) {
  std::vector<float> x = {1, 1};
  ApplyDecision(std::vector<uint64_t>{0b01}, {}, {.size = 0.25f}, x);
  EXPECT_EQ(x, (std::vector<float>{0.75f, 1.25f}));
}

TEST(Step, AHeldCoordinateDoesNotEvenDecay) {
  std::vector<float> x = {1, 1};
  ApplyDecision(std::vector<uint64_t>{0b00}, std::vector<uint64_t>{0b01}, {.size = 0.25f, .decay = 0.5f}, x);
  EXPECT_EQ(x, (std::vector<float>{1, 0.75f}));
}

TEST(Step, ProductAndDifferenceAreRoundedOneByOne) {
  // With a fused multiply-subtract the answer would be another: the product needs more than 24 bits.
  const float x = 1 + 0x1p-23f, decay = 1 - 0x1p-24f, size = 1;
  const float product = static_cast<float>(static_cast<double>(x) * static_cast<double>(decay));
  const float expected = product - size;
  ASSERT_NE(expected, std::fma(decay, x, -size));
  std::vector<float> values = {x};
  ApplyDecision(std::vector<uint64_t>{1}, {}, {.size = size, .decay = decay}, values);
  EXPECT_EQ(values[0], expected);
}

}  // namespace
}  // namespace signvote
