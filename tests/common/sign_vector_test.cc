#include "common/sign_vector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include <algorithm>

#include "common/blocks.h"
#include "common/random.h"
#include "common/status.h"

namespace signvote {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;

// Random signs of so many coordinates; of 64 words one has zeros where `with_zeros`.
SignVector RandomSigns(uint64_t coordinates, bool with_zeros, uint64_t seed) {
  Random random(seed);
  SignVector result;
  result.signs.resize(WordsFor(coordinates));
  if (with_zeros) result.zeros.resize(WordsFor(coordinates));
  for (uint64_t n = 0; n < coordinates; ++n) {
    const uint64_t bit = uint64_t{1} << (n % 64);
    const uint64_t draw = random.Below(1000);
    if (with_zeros && (n == 0 || draw < 10)) {
      result.zeros[n / 64] |= bit;
    } else if (draw % 2 == 0) {
      result.signs[n / 64] |= bit;
    }
  }
  return result;
}

v1::SignBlock Encoded(const SignVector& vector, std::span<const uint64_t> previous = {}) {
  v1::SignBlock block;
  EncodeSigns(vector.signs, vector.zeros, previous, &block);
  return block;
}

absl::Status Decode(const v1::SignBlock& block, uint64_t coordinates, std::span<const uint64_t> previous = {}) {
  SignVector out;
  return DecodeSigns(block, coordinates, previous, &out);
}

std::string Zstd(const std::string& bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 3));
  return out;
}

class SignVectorOfLength : public testing::TestWithParam<uint64_t> {};

TEST_P(SignVectorOfLength, RoundTrips) {
  for (bool with_zeros : {false, true}) {
    const uint64_t seed = 7 * GetParam() + with_zeros;
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const SignVector vector = RandomSigns(GetParam(), with_zeros && GetParam() > 0, seed);
    SignVector decoded = RandomSigns(999, true, 1);  // what was in it does not matter
    ASSERT_TRUE(DecodeSigns(Encoded(vector), GetParam(), {}, &decoded).ok());
    EXPECT_EQ(decoded, vector);
  }
}

TEST_P(SignVectorOfLength, RoundTripsAsDifference) {
  const uint64_t coordinates = GetParam();
  SignVector vector = RandomSigns(coordinates, false, 3);
  const std::vector<uint64_t> previous = vector.signs;
  Random random(4);
  for (uint64_t flips = 0; flips < coordinates / 10; ++flips) {
    const uint64_t n = random.Below(coordinates);
    vector.signs[n / 64] ^= uint64_t{1} << (n % 64);
  }
  SignVector decoded;
  ASSERT_TRUE(DecodeSigns(Encoded(vector, previous), coordinates, previous, &decoded).ok());
  EXPECT_EQ(decoded, vector);
}

INSTANTIATE_TEST_SUITE_P(Lengths, SignVectorOfLength,
                         testing::Values(0, 1, 63, 64, 65, 512, 582026, kBlockCoordinates));

TEST(SignVector, PlainSignsAreLittleEndianWordsBitByBit) {
  v1::SignBlock block;
  EncodeSigns(std::vector<uint64_t>{0x0102, 0x80}, {}, {}, &block);
  EXPECT_EQ(block.signs(), std::string("\x02\x01\0\0\0\0\0\0\x80\0\0\0\0\0\0\0", 16));
  EXPECT_EQ(block.signs_coding(), v1::SignBlock::PLAIN);
}

TEST(SignVector, APlaneWithoutZerosDoesNotTravel) {
  v1::SignBlock block;
  block.set_zeros("from before");
  EncodeSigns(std::vector<uint64_t>{1, 2}, std::vector<uint64_t>{0, 0}, {}, &block);
  EXPECT_TRUE(block.zeros().empty());
}

TEST(SignVector, FewZerosTravelCompressedAndRandomOnesPlain) {
  SignVector few{std::vector<uint64_t>(1000), std::vector<uint64_t>(1000)};
  few.zeros[500] = 1;
  EXPECT_EQ(Encoded(few).zeros_coding(), v1::SignBlock::ZSTD);
  EXPECT_LT(Encoded(few).zeros().size(), 100u);

  SignVector random{std::vector<uint64_t>(1000), RandomSigns(64000, false, 5).signs};
  EXPECT_EQ(Encoded(random).zeros_coding(), v1::SignBlock::PLAIN);
  EXPECT_EQ(Encoded(random).zeros().size(), 8000u);
}

TEST(SignVector, ASmallChangeTravelsAsDifferenceAndALargeOnePlain) {
  const SignVector before = RandomSigns(kBlockCoordinates, false, 8);
  SignVector after = before;
  Random random(9);
  for (uint64_t n = 0; n < kBlockCoordinates; ++n)
    if (random.Below(100) < 11) after.signs[n / 64] ^= uint64_t{1} << (n % 64);
  const v1::SignBlock block = Encoded(after, before.signs);
  EXPECT_EQ(block.signs_coding(), v1::SignBlock::DIFFERENCE);
  EXPECT_LT(block.signs().size(), kBlockCoordinates / 8 * 6 / 10);  // the entropy of 11 percent is 0.5

  const SignVector other = RandomSigns(kBlockCoordinates, false, 10);
  EXPECT_EQ(Encoded(other, before.signs).signs_coding(), v1::SignBlock::PLAIN);
}

TEST(SignVector, SignsOfAnotherLengthAreOutOfRange) {
  const v1::SignBlock block = Encoded(RandomSigns(640, false, 1));
  for (uint64_t coordinates : {576u, 641u, 0u}) {
    EXPECT_EQ(Decode(block, coordinates).code(), absl::StatusCode::kOutOfRange) << coordinates;
  }
  EXPECT_THAT(Message(Decode(block, 641)), HasSubstr("80 bytes, expected 88 for 641 coordinates"));
}

TEST(SignVector, BitsBeyondTheEndAreRefusedInBothPlanes) {
  EXPECT_TRUE(Decode(Encoded({{0b11}, {}}), 2).ok());
  EXPECT_EQ(Decode(Encoded({{0b11}, {}}), 1).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(Decode(Encoded({{0b00}, {0b10}}), 2).ok());
  EXPECT_EQ(Decode(Encoded({{0b00}, {0b10}}), 1).code(), absl::StatusCode::kInvalidArgument);
}

TEST(SignVector, ASignUnderAZeroIsRefused) {
  EXPECT_EQ(Decode(Encoded({{0b11}, {0b10}}), 64).code(), absl::StatusCode::kInvalidArgument);
}

TEST(SignVector, AZerosPlaneWithoutABitDecodesAsNone) {
  v1::SignBlock block = Encoded({{5}, {}});
  block.set_zeros(std::string(8, '\0'));
  SignVector decoded;
  ASSERT_TRUE(DecodeSigns(block, 64, {}, &decoded).ok());
  EXPECT_TRUE(decoded.zeros.empty());
}

TEST(SignVector, CompressedPlanesOfAnotherLengthAreRefused) {
  v1::SignBlock block = Encoded({{0, 0}, {}});
  block.set_zeros_coding(v1::SignBlock::ZSTD);
  for (size_t bytes : {0u, 8u, 15u, 17u, 24u, 100'000'000u}) {
    block.set_zeros(Zstd(std::string(bytes, '\0')));
    EXPECT_EQ(Decode(block, 128).code(), absl::StatusCode::kInvalidArgument) << bytes;
  }
  block.set_zeros(Zstd(std::string(16, '\0')));
  EXPECT_TRUE(Decode(block, 128).ok());
}

TEST(SignVector, DamagedCompressionIsRefusedOrHarmless) {
  SignVector vector{std::vector<uint64_t>(100), std::vector<uint64_t>(100)};
  vector.zeros[3] = 77;
  const v1::SignBlock block = Encoded(vector);
  ASSERT_EQ(block.zeros_coding(), v1::SignBlock::ZSTD);
  for (size_t size = 1; size < block.zeros().size(); ++size) {
    v1::SignBlock cut = block;
    cut.mutable_zeros()->resize(size);
    EXPECT_EQ(Decode(cut, 6400).code(), absl::StatusCode::kInvalidArgument) << size << " bytes";
  }
  for (size_t bit = 0; bit < 8 * block.zeros().size(); ++bit) {
    v1::SignBlock flipped = block;
    (*flipped.mutable_zeros())[bit / 8] ^= static_cast<char>(1 << (bit % 8));
    SignVector decoded;
    if (DecodeSigns(flipped, 6400, {}, &decoded).ok() && !decoded.zeros.empty()) {
      EXPECT_EQ(decoded.zeros.size(), 100u);
    }
  }
}

TEST(SignVector, DifferenceIsRefusedWhereNothingPrecedes) {
  const SignVector before = RandomSigns(6400, false, 2);
  const v1::SignBlock block = Encoded(before, before.signs);
  ASSERT_EQ(block.signs_coding(), v1::SignBlock::DIFFERENCE);
  EXPECT_TRUE(Decode(block, 6400, before.signs).ok());
  EXPECT_EQ(Decode(block, 6400).code(), absl::StatusCode::kInvalidArgument);
}

TEST(SignVector, AnUnknownOrMisplacedCodingIsRefused) {
  const SignVector before = RandomSigns(64, false, 2);
  v1::SignBlock block = Encoded(before);
  block.set_signs_coding(static_cast<v1::SignBlock::Coding>(9));
  EXPECT_EQ(Decode(block, 64).code(), absl::StatusCode::kInvalidArgument);
  block = Encoded({{0}, {1}});
  block.set_zeros_coding(v1::SignBlock::DIFFERENCE);
  EXPECT_EQ(Decode(block, 64, before.signs).code(), absl::StatusCode::kInvalidArgument);
}

TEST(Stripes, EveryGroupOfKGivesExactlyOne) {
  for (uint32_t k : {2u, 4u, 7u, 16u}) {
    const std::vector<uint32_t> voted =
        VotedStripes({.seed = 1, .client_id = 2, .round = 3, .k = k}, 0, kBlockCoordinates);
    const uint64_t whole_groups = 2048 / k;
    ASSERT_EQ(voted.size(), (2048 + k - 1) / k);
    for (uint64_t group = 0; group < whole_groups; ++group) EXPECT_EQ(voted[group] / k, group) << "k " << k;
    EXPECT_LT(voted.back(), 2048u);
  }
}

TEST(Stripes, AreDrawnAsDocumented) {
  const StripeDraw draw{.seed = 5, .client_id = ClientId("a"), .round = 17, .k = 4};
  const uint64_t key = Key(5, Purpose::kStripes, ClientId("a"), 17);
  const std::vector<uint32_t> voted = VotedStripes(draw, 3, kBlockCoordinates);
  ASSERT_EQ(voted.size(), 512u);
  for (uint64_t group = 0; group < 512; ++group)
    EXPECT_EQ(voted[group], 4 * group + Mix(key + 3 * (uint64_t{1} << 32) + group) % 4);
}

TEST(Stripes, OneMeansAllOfThem) {
  const std::vector<uint32_t> voted = VotedStripes({.k = 1}, 0, 582026);
  ASSERT_EQ(voted.size(), StripesFor(582026));
  for (uint32_t s = 0; s < voted.size(); ++s) ASSERT_EQ(voted[s], s);
  EXPECT_EQ(StripeVotes(voted, 582026), 582026u);
}

TEST(Stripes, OverManyRoundsEachIsVotedOnAboutEquallyOften) {
  std::vector<int> counts(64);
  for (uint64_t round = 0; round < 4000; ++round)
    for (uint32_t s : VotedStripes({.seed = 1, .client_id = 2, .round = round, .k = 4}, 0, 64 * 512)) ++counts[s];
  EXPECT_THAT(counts, Each(testing::AllOf(testing::Gt(850), testing::Lt(1150))));  // 1000, deviation 27
}

TEST(Stripes, VotesCountTheShortLastStripe) {
  EXPECT_EQ(StripeVotes({}, 1000), 0u);
  EXPECT_EQ(StripeVotes(std::vector<uint32_t>{0}, 1000), 512u);
  EXPECT_EQ(StripeVotes(std::vector<uint32_t>{1}, 1000), 488u);
  EXPECT_EQ(StripeVotes(std::vector<uint32_t>{0, 1}, 1000), 1000u);
  EXPECT_EQ(StripeVotes(std::vector<uint32_t>{1}, 1024), 512u);
}

}  // namespace
}  // namespace signvote
