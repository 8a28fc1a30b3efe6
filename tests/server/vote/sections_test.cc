#include "server/vote/sections.h"

#include <gmock/gmock.h>

namespace signvote {
namespace {

using testing::ElementsAre;

constexpr uint64_t kStripe = kStripeCoordinates;

TEST(SectionsTest, ABlockWithinATensorIsOne) {
  EXPECT_THAT(CutIntoSections({}, 1), ElementsAre(0));
  EXPECT_THAT(CutIntoSections({}, kBlockCoordinates), ElementsAre(0));
}

TEST(SectionsTest, AStripeOfTwoTensorsIsTheSmallerOnes) {
  const uint64_t ends[] = {10 * kStripe + 1, 40 * kStripe + 511};
  EXPECT_THAT(CutIntoSections(ends, 60 * kStripe), ElementsAre(0, 11, 40));
  const uint64_t between[] = {20 * kStripe - 300, 20 * kStripe + 300};  // of 600, in two halves of stripes
  EXPECT_THAT(CutIntoSections(between, 40 * kStripe), ElementsAre(0, 19, 21));
}

TEST(SectionsTest, SmallTensorsJoinTheSmallerNeighbour) {
  const uint64_t bias_between[] = {100 * kStripe, 100 * kStripe + 64, 110 * kStripe};
  EXPECT_THAT(CutIntoSections(bias_between, 400 * kStripe), ElementsAre(0, 100, 110));
  const uint64_t other[] = {10 * kStripe, 10 * kStripe + 64, 110 * kStripe};
  EXPECT_THAT(CutIntoSections(other, 400 * kStripe), ElementsAre(0, 11, 110));
  const uint64_t tiny[] = {1, 2, 3, 700};
  EXPECT_THAT(CutIntoSections(tiny, 1000), ElementsAre(0)) << "too little to judge by";
}

TEST(SectionsTest, OfManyTensorsTheLargestStayByThemselves) {
  std::vector<uint64_t> ends;
  for (uint64_t i = 1; i <= 20; ++i) ends.push_back(4 * i * kStripe);  // 20 small ones, then a large and a last one
  ends.push_back(1000 * kStripe);
  const std::vector<uint32_t> sections = CutIntoSections(ends, 1010 * kStripe);
  EXPECT_EQ(sections.size(), kMostSections);
  EXPECT_THAT(sections, testing::IsSupersetOf({0, 80, 1000}));
}

TEST(SectionsTest, OfManyTensorsTheLastOneStaysByItself) {
  std::vector<uint64_t> ends;
  for (uint64_t i = 1; i <= 20; ++i) ends.push_back(72 * i * kStripe);
  EXPECT_EQ(CutIntoSections(ends, 1440 * kStripe + 650).back(), 1440u);
  ends.push_back(1440 * kStripe + 640);  // its bias
  EXPECT_EQ(CutIntoSections(ends, 1440 * kStripe + 650).back(), 1440u);
  EXPECT_LT(CutIntoSections(ends, 1440 * kStripe + 650).size(), kMostSections + 1);
}

// The weights and biases of a convolutional network, in one block.
TEST(SectionsTest, ALastLayerOfSomeThousandsStandsAlone) {
  const std::vector<TensorShape> tensors{
      {"c1.weight", {32, 1, 5, 5}}, {"c1.bias", {32}},  {"c2.weight", {64, 32, 5, 5}}, {"c2.bias", {64}},
      {"f1.weight", {512, 1024}},   {"f1.bias", {512}}, {"f2.weight", {10, 512}},      {"f2.bias", {10}}};
  const BlockRange range = BlockRange::All(582026);
  EXPECT_THAT(SectionsOf(tensors, range, 0), ElementsAre(0, 2, 102, 1125, 1127));
}

TEST(SectionsTest, AShardCutsWhatItHolds) {
  const BlockRange second = BlockRange::Shard(3 * kBlockCoordinates, 1, 2);  // blocks 1 and 2
  const std::vector<TensorShape> tensors{{"a[..]", {kBlockCoordinates + 5 * kStripe}},
                                         {"b", {kBlockCoordinates - 5 * kStripe}}};
  EXPECT_THAT(SectionsOf(tensors, second, second.first), ElementsAre(0));
  EXPECT_THAT(SectionsOf(tensors, second, second.first + 1), ElementsAre(0, 5));
  EXPECT_THAT(SectionsOf({}, second, second.first + 1), ElementsAre(0));
}

TEST(SectionsTest, ACoordinateIsInTheSectionOfItsStripe) {
  const uint32_t sections[] = {0, 2, 5};
  EXPECT_EQ(SectionAt(sections, 0), 0u);
  EXPECT_EQ(SectionAt(sections, 2 * kStripe - 1), 0u);
  EXPECT_EQ(SectionAt(sections, 2 * kStripe), 1u);
  EXPECT_EQ(SectionAt(sections, 9 * kStripe), 2u);
}

}  // namespace
}  // namespace signvote
