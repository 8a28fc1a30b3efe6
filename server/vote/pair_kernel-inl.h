// Agreement of two voters by XOR and population count.
#if defined(SIGNVOTE_PAIR_KERNEL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SIGNVOTE_PAIR_KERNEL_INL_H_
#undef SIGNVOTE_PAIR_KERNEL_INL_H_
#else
#define SIGNVOTE_PAIR_KERNEL_INL_H_
#endif

#include <hwy/highway.h>

#include <utility>

#include "server/vote/kernels.h"

HWY_BEFORE_NAMESPACE();
namespace signvote {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using DBytes = hn::ScalableTag<uint8_t>;
using VBytes = hn::Vec<DBytes>;

// The number of bits set in each byte, by a table of nibbles.
HWY_INLINE VBytes PopcountBytes(DBytes d, VBytes table, VBytes v) {
  const VBytes low = hn::Set(d, uint8_t{0x0F});
  const hn::Repartition<uint16_t, DBytes> d16;
  const VBytes high = hn::And(hn::BitCast(d, hn::ShiftRight<4>(hn::BitCast(d16, v))), low);
  return hn::Add(hn::TableLookupBytes(table, hn::And(v, low)), hn::TableLookupBytes(table, high));
}

// The bits set in `count` of words, where `words` maps an index to a vector of words from there.
template <class Words>
HWY_INLINE uint64_t Popcount(uint64_t count, Words words) {
  const DBytes d;
  const hn::Repartition<uint64_t, DBytes> d64;
  constexpr uint64_t kLanes = HWY_LANES(uint64_t);
#if HWY_TARGET == HWY_AVX3_DL
  auto counted = hn::Zero(d64);
  for (uint64_t i = 0; i < count; i += kLanes) counted = hn::Add(counted, hn::PopulationCount(words(i)));
  return hn::GetLane(hn::SumOfLanes(d64, counted));
#endif
  HWY_ALIGN static constexpr uint8_t kTable[16] = {0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4};
  const VBytes table = hn::LoadDup128(d, kTable);
  auto total = hn::Zero(d64);
  for (uint64_t i = 0; i + kLanes <= count;) {
    VBytes bytes = hn::Zero(d);  // each at most 31 * 8
    for (int step = 0; step < 31 && i + kLanes <= count; ++step, i += kLanes) {
      bytes = hn::Add(bytes, PopcountBytes(d, table, hn::BitCast(d, words(i))));
    }
    total = hn::Add(total, hn::SumsOf8(bytes));
  }
  return hn::GetLane(hn::SumOfLanes(d64, total));
}

HWY_NOINLINE PairCount CountPair(const uint64_t* signs_a, const uint64_t* said_a, const uint64_t* signs_b,
                                 const uint64_t* said_b, uint64_t words) {
  const hn::ScalableTag<uint64_t> d;
  if (said_a == nullptr) std::swap(said_a, said_b);
  const auto differ = [&](uint64_t i)
                          HWY_ATTR { return hn::Xor(hn::LoadU(d, signs_a + i), hn::LoadU(d, signs_b + i)); };
  const auto said = [&](uint64_t i) HWY_ATTR {
    const auto by_a = hn::LoadU(d, said_a + i);
    return said_b == nullptr ? by_a : hn::And(by_a, hn::LoadU(d, said_b + i));
  };
  const uint64_t whole = words / HWY_LANES(uint64_t) * HWY_LANES(uint64_t);
  PairCount count;
  if (said_a == nullptr) {
    count.both = static_cast<uint32_t>(64 * whole);
    count.agree = count.both - static_cast<uint32_t>(Popcount(whole, differ));
  } else {
    count.both = static_cast<uint32_t>(Popcount(whole, said));
    count.agree =
        static_cast<uint32_t>(Popcount(whole, [&](uint64_t i) HWY_ATTR { return hn::AndNot(differ(i), said(i)); }));
  }
  for (uint64_t i = whole; i < words; ++i) {
    uint64_t both = said_a == nullptr ? ~uint64_t{0} : said_a[i];
    if (said_b != nullptr) both &= said_b[i];
    count.agree += static_cast<uint32_t>(hwy::PopCount(~(signs_a[i] ^ signs_b[i]) & both));
    count.both += static_cast<uint32_t>(hwy::PopCount(both));
  }
  return count;
}

}  // namespace HWY_NAMESPACE
}  // namespace signvote
HWY_AFTER_NAMESPACE();

#endif
