#include "common/fingerprint.h"

#include <gtest/gtest.h>

#include <vector>

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

TEST(Fingerprint, HexIsHighThenLowWithAllDigits) {
  EXPECT_EQ((Fingerprint{.high = 0xab, .low = 1}).Hex(), "00000000000000ab0000000000000001");
}

TEST(Fingerprint, SurvivesTheWire) {
  const Fingerprint fingerprint{.high = 0x0123456789abcdef, .low = 42};
  EXPECT_EQ(FromProto(ToProto(fingerprint)), fingerprint);
}

}  // namespace
}  // namespace signvote
