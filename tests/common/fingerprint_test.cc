#include "common/fingerprint.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

#include "common/thread_pool.h"

namespace signvote {
namespace {

TEST(Fingerprint, OfNothingIsThePublishedXxh3Vector) {
  EXPECT_EQ(FingerprintOf({}).Hex(), "99aa06d3014798d86001c324468d497f");
}

TEST(Fingerprint, TellsApartWhatOnlyTheBitsTellApart) {
  const float zero[] = {0.0f}, negative_zero[] = {-0.0f};
  EXPECT_NE(FingerprintOf(zero), FingerprintOf(negative_zero));
}

TEST(Fingerprint, DependsOnEveryParameterAndItsPlace) {
  std::vector<float> x(1000, 1.0f);
  const Fingerprint before = FingerprintOf(x);
  x[999] = 2;
  const Fingerprint last = FingerprintOf(x);
  std::swap(x[998], x[999]);
  EXPECT_NE(before, last);
  EXPECT_NE(last, FingerprintOf(x));
}

TEST(Fingerprint, OfPartsIsThatOfTheWholeInWhateverOrderTheyAreFinished) {
  std::vector<float> x(100'000);
  std::iota(x.begin(), x.end(), 0.5f);
  std::vector<std::span<const float>> parts;
  for (size_t begin = 0, size = 0; begin < x.size(); begin += size, size = 2 * size + 1) {
    size = std::min(size, x.size() - begin);
    parts.push_back(std::span(x).subspan(begin, size));
  }
  std::vector<size_t> order(parts.size());
  std::iota(order.begin(), order.end(), 0);
  ThreadPool pool(4);
  for (uint32_t seed = 0; seed < 100; ++seed) {
    std::shuffle(order.begin(), order.end(), std::mt19937(seed));
    FingerprintOfParts fingerprint(parts);
    pool.ParallelFor(parts.size(), [&](size_t i) { fingerprint.Finish(order[i]); });
    EXPECT_EQ(fingerprint.Digest(), FingerprintOf(x)) << "seed " << seed;
  }
}

TEST(Fingerprint, HexIsHighThenLowWithAllDigits) {
  EXPECT_EQ((Fingerprint{.high = 0xab, .low = 1}).Hex(), "00000000000000ab0000000000000001");
}

TEST(Fingerprint, SurvivesTheWire) {
  const Fingerprint fingerprint{.high = 0x0123456789abcdef, .low = 42};
  EXPECT_EQ(FromProto(ToProto(fingerprint)), fingerprint);
}

}  // namespace
}  // namespace signvote
