#include "client/data/minibatch.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>

#include "client/data/batch.h"

namespace signvote {
namespace {

const std::vector<uint32_t> kShare = {3, 7, 11, 20, 21};

TEST(Minibatch, IsAFunctionOfSeedClientAndRound) {
  const DrawKey key{1, 2, 3};
  const auto drawn = Minibatch(key, kShare, 32);
  EXPECT_EQ(drawn, Minibatch(key, kShare, 32));
  for (const DrawKey& other : {DrawKey{0, 2, 3}, DrawKey{1, 0, 3}, DrawKey{1, 2, 0}}) {
    EXPECT_NE(drawn, Minibatch(other, kShare, 32));
  }
}

TEST(Minibatch, ASmallerOneIsTheBeginningOfALargerOne) {
  const auto large = Minibatch({1, 2, 3}, kShare, 100);
  const auto small = Minibatch({1, 2, 3}, kShare, 4);
  EXPECT_TRUE(std::equal(small.begin(), small.end(), large.begin()));
}

TEST(Minibatch, APartIsWhatTheWholeHasThere) {
  const auto whole = Minibatch({1, 2, 3}, kShare, 100);
  const auto part = Minibatch({1, 2, 3, 60}, kShare, 40);
  EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + 60));
}

TEST(Minibatch, DrawsUniformlyWithReplacement) {
  std::map<uint32_t, int> count;
  for (const uint32_t sample : Minibatch({5, 6, 7}, kShare, 50000)) ++count[sample];
  ASSERT_EQ(count.size(), kShare.size());
  for (const uint32_t sample : kShare) EXPECT_NEAR(count[sample], 10000, 500);
}

// One picture of 1 x 3 x 4 whose pixels are 10, 20, ..., 120.
Dataset OnePicture() {
  Dataset dataset;
  dataset.inputs.shape = {1, 3, 4};
  dataset.classes = 1;
  dataset.mean = {0.5f};
  dataset.deviation = {0.25f};
  std::vector<uint8_t> pixels;
  for (int i = 1; i <= 12; ++i) pixels.push_back(static_cast<uint8_t>(10 * i));
  dataset.inputs.values = pixels;
  dataset.targets.values = std::vector<int32_t>{0};
  return dataset;
}

const std::vector<float>& Inputs(const Batch& batch) { return std::get<std::vector<float>>(batch.inputs.values); }

float Normal(int pixel) { return (static_cast<float>(pixel) / 255.0f - 0.5f) / 0.25f; }

TEST(Batch, NormalisesEachPixel) {
  Batch batch;
  MakeBatch(OnePicture(), std::vector<uint32_t>{0}, &batch);
  for (int i = 0; i < 12; ++i) EXPECT_FLOAT_EQ(Inputs(batch)[static_cast<size_t>(i)], Normal(10 * (i + 1)));
}

TEST(Batch, NormalisesByChannel) {
  Dataset dataset = OnePicture();
  dataset.inputs.shape = {3, 2, 2};
  dataset.mean = {0.0f, 0.1f, 0.2f};
  dataset.deviation = {1.0f, 2.0f, 4.0f};
  Batch batch;
  MakeBatch(dataset, std::vector<uint32_t>{0}, &batch);
  EXPECT_FLOAT_EQ(Inputs(batch)[0], 10 / 255.0f);
  EXPECT_FLOAT_EQ(Inputs(batch)[4], (50 / 255.0f - 0.1f) / 2);
  EXPECT_FLOAT_EQ(Inputs(batch)[11], (120 / 255.0f - 0.2f) / 4);
}

TEST(Batch, APartIsCutAsTheWholeIsThere) {
  Batch whole, part;
  MakeAugmentedBatch(OnePicture(), std::vector<uint32_t>(100, 0), {1, true}, {1, 2, 3}, &whole);
  MakeAugmentedBatch(OnePicture(), std::vector<uint32_t>(40, 0), {1, true}, {1, 2, 3, 60}, &part);
  EXPECT_TRUE(std::equal(Inputs(part).begin(), Inputs(part).end(), Inputs(whole).begin() + 60 * 12));
}

// Every augmented picture is one of the cuts of the padded picture or its mirror image, and every one of them comes.
TEST(Batch, AugmentationGivesEachCutAndMirrorImage) {
  const Dataset dataset = OnePicture();
  std::map<std::vector<float>, int> cuts;
  for (int dy = -1; dy <= 1; ++dy) {
    for (int dx = -1; dx <= 1; ++dx) {
      for (const bool mirror : {false, true}) {
        std::vector<float> cut;
        for (int y = 0; y < 3; ++y) {
          for (int x = 0; x < 4; ++x) {
            const int row = y + dy;
            const int column = (mirror ? 3 - x : x) + dx;
            const bool inside = row >= 0 && row < 3 && column >= 0 && column < 4;
            cut.push_back(Normal(inside ? 10 * (row * 4 + column + 1) : 0));
          }
        }
        cuts[cut] = 0;
      }
    }
  }
  Batch batch;
  MakeAugmentedBatch(dataset, std::vector<uint32_t>(1800, 0), {1, true}, {1, 2, 3}, &batch);
  for (size_t i = 0; i < batch.size; ++i) {
    const std::vector<float> picture(Inputs(batch).begin() + static_cast<std::ptrdiff_t>(12 * i),
                                     Inputs(batch).begin() + static_cast<std::ptrdiff_t>(12 * (i + 1)));
    ASSERT_TRUE(cuts.contains(picture)) << "sample " << i;
    ++cuts[picture];
  }
  for (const auto& [cut, count] : cuts) EXPECT_NEAR(count, 100, 50);
}

}  // namespace
}  // namespace signvote
