#include "client/model/sign_packing.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "common/blocks.h"
#include "common/random.h"
#include "common/status.h"

namespace signvote {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// Sizes that straddle words in every way.
const std::vector<TensorShape> kTensors = {{"a", {5}},      {"b", {300, 7}}, {"c", {64}}, {"d", {1}},
                                           {"zero", {130}}, {"e", {1000}},   {"f", {33}}};

std::vector<float> RandomGradient(uint64_t seed) {
  Random random(Mix(seed));
  std::vector<float> gradient;
  for (const TensorShape& tensor : kTensors) {
    const double scale = tensor.name == "zero" ? 0 : std::exp(5 * random.Normal());
    for (uint64_t i = 0; i < tensor.Coordinates(); ++i) {
      gradient.push_back(random.Below(10) == 0 ? 0.0f : static_cast<float>(scale * random.Normal()));
    }
  }
  return gradient;
}

SignVector Packed(std::span<const TensorShape> tensors, std::span<const float> gradient, const Dither& dither,
                  uint64_t begin, uint64_t count, Packing packing = Packing::kFast) {
  const auto packer = SignPacker::Make(tensors, gradient, dither, packing);
  EXPECT_TRUE(packer.ok()) << packer.status();
  SignVector out;
  packer->Pack(begin, count, &out);
  return out;
}

bool Bit(const std::vector<uint64_t>& plane, uint64_t n) { return (plane[n / 64] >> (n % 64) & 1) != 0; }

TEST(SignPacking, FastAndReferenceGiveTheSameBits) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const std::vector<float> gradient = RandomGradient(seed);
    for (const float amount : {0.0f, 2.0f}) {
      const Dither dither{amount, Mix(seed)};
      for (const uint64_t begin : {0u, 64u, 2176u}) {
        const uint64_t count = gradient.size() - begin;
        EXPECT_EQ(Packed(kTensors, gradient, dither, begin, count),
                  Packed(kTensors, gradient, dither, begin, count, Packing::kReference))
            << "seed " << seed << " dither " << amount << " from " << begin;
      }
    }
  }
}

TEST(SignPacking, WithoutDitherSignsAndZerosAreThoseOfTheGradient) {
  const std::vector<float> gradient = RandomGradient(1);
  const SignVector packed = Packed(kTensors, gradient, {}, 0, gradient.size());
  for (uint64_t n = 0; n < gradient.size(); ++n) {
    EXPECT_EQ(Bit(packed.signs, n), gradient[n] > 0) << n;
    EXPECT_EQ(Bit(packed.zeros, n), gradient[n] == 0) << n;
  }
}

// The documented definition in double precision; where rounding could decide, either sign is right.
TEST(SignPacking, DitherFollowsItsDefinition) {
  const std::vector<float> gradient = RandomGradient(2);
  const Dither dither{1.5f, 77};
  const SignVector packed = Packed(kTensors, gradient, dither, 0, gradient.size());
  EXPECT_TRUE(packed.zeros.empty());
  uint64_t n = 0;
  for (const TensorShape& tensor : kTensors) {
    double mean = 0;
    const uint64_t count = tensor.Coordinates();
    for (uint64_t i = n; i < n + count; ++i) mean += std::fabs(gradient[i]) / static_cast<double>(count);
    for (const uint64_t end = n + count; n < end; ++n) {
      const auto u = static_cast<double>(Mix(77 + n / 4) >> (16 * (n % 4)) & 0xFFFF);
      const double v = 2 * u - 65535;
      const double sum = gradient[n] + v / 65536 * 1.5 * mean;
      if (mean > 0 && std::fabs(sum) < 1e-6 * mean) continue;
      EXPECT_EQ(Bit(packed.signs, n), mean == 0 ? v > 0 : sum > 0) << tensor.name << " " << n;
    }
  }
}

// The same gradient, ten times smaller than is usual for this client: its votes are ten times closer to fair coins.
TEST(SignPacking, DitherIsMeasuredByTheUsualMagnitude) {
  const std::vector<TensorShape> tensors = {{"t", {400000}}};
  std::vector<float> gradient(400000);
  for (size_t i = 0; i < gradient.size(); ++i) gradient[i] = i % 2 == 0 ? 0.3f : -0.3f;
  const auto packer = SignPacker::Make(tensors, gradient, {2, 123, 3.0f});
  ASSERT_TRUE(packer.ok()) << packer.status();
  EXPECT_FLOAT_EQ(packer->magnitude(), 0.3f);
  SignVector packed;
  packer->Pack(0, gradient.size(), &packed);
  std::array<int, 2> positive = {};
  for (size_t i = 0; i < gradient.size(); ++i) positive[i % 2] += Bit(packed.signs, i);
  EXPECT_NEAR(positive[0], 105000, 1000);  // 0.3 of +-6: a probability of (1 + 0.05) / 2
  EXPECT_NEAR(positive[1], 95000, 1000);
}

TEST(SignPacking, TheMagnitudeIsTheMeanOverTheModel) {
  const std::vector<TensorShape> tensors = {{"a", {2}}, {"b", {6}}};
  const std::vector<float> gradient = {4, -4, 0, 0, 1, -1, 1, 1};
  EXPECT_FLOAT_EQ(SignPacker::Make(tensors, gradient, {2, 1})->magnitude(), 1.5f);
  EXPECT_EQ(SignPacker::Make(tensors, gradient, {0, 1})->magnitude(), 0) << "nobody needs it without dither";
}

TEST(SignPacking, TheExpectedVoteGrowsWithTheGradient) {
  // Mean |g| is 1 and dither 2: a gradient of x is positive with probability (1 + x / 2) / 2.
  const std::vector<TensorShape> tensors = {{"t", {400000}}};
  std::vector<float> gradient(400000);
  for (size_t i = 0; i < gradient.size(); ++i) gradient[i] = std::array{0.0f, 0.5f, -1.0f, 2.5f}[i % 4];
  const SignVector packed = Packed(tensors, gradient, {2, 123}, 0, gradient.size());
  std::array<int, 4> positive = {};
  for (size_t i = 0; i < gradient.size(); ++i) positive[i % 4] += Bit(packed.signs, i);
  EXPECT_NEAR(positive[0], 50000, 1000);
  EXPECT_NEAR(positive[1], 62500, 1000);
  EXPECT_NEAR(positive[2], 25000, 1000);
  EXPECT_EQ(positive[3], 100000);
}

TEST(SignPacking, AGradientOfZeroVotesByFairCoinsUnderDither) {
  const std::vector<TensorShape> tensors = {{"t", {100000}}};
  const std::vector<float> gradient(100000, 0.0f);
  const SignVector packed = Packed(tensors, gradient, {2, 9}, 0, gradient.size());
  EXPECT_TRUE(packed.zeros.empty());
  double positive = 0;
  for (size_t i = 0; i < gradient.size(); ++i) positive += Bit(packed.signs, i);
  EXPECT_NEAR(positive / 100000, 0.5, 0.01);
}

TEST(SignPacking, ABlockDoesNotDependOnHowTheOthersAreCut) {
  const std::vector<float> gradient = RandomGradient(3);
  const Dither dither{2, 5};
  const SignVector whole = Packed(kTensors, gradient, dither, 0, gradient.size());
  const SignVector part = Packed(kTensors, gradient, dither, 640, 128);
  EXPECT_THAT(part.signs, testing::ElementsAre(whole.signs[10], whole.signs[11]));
}

TEST(SignPacking, BitsBeyondTheEndAreZero) {
  const std::vector<TensorShape> tensors = {{"t", {70}}};
  const SignVector packed = Packed(tensors, std::vector<float>(70, 0.0f), {}, 0, 70);
  EXPECT_THAT(packed.zeros, testing::ElementsAre(~uint64_t{0}, 0x3F));
  EXPECT_EQ(Abstention(70), packed);
}

TEST(SignPacking, AValueThatIsNotFiniteNamesItsTensor) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    std::vector<float> gradient = RandomGradient(4);
    gradient[5 + 17] = bad;
    const absl::Status status = SignPacker::Make(kTensors, gradient, {2, 1}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
    EXPECT_THAT(Message(status), AllOf(HasSubstr("tensor b "), HasSubstr("coordinate 17")));
  }
}

TEST(SignPacking, TheWordsOfStripesAreConcatenated) {
  SignVector block{std::vector<uint64_t>(20), {}};
  for (size_t i = 0; i < 20; ++i) block.signs[i] = i;
  const std::vector<uint32_t> stripes = {0, 2};  // the last one of 4 words
  EXPECT_THAT(TakeStripes(block, stripes).signs, testing::ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19));
  EXPECT_TRUE(TakeStripes(block, stripes).zeros.empty());
}

}  // namespace
}  // namespace signvote
