// Weighted sums of bits into evidence, in 16-bit lanes: starting at -sum w, each voter adds 2w where its bit is set (w
// where it abstains). A group of voters with sum |w| <= 32767 is added before its sum is looked at, and that fits, so
// it is right whatever wraps on the way. Many voters are first counted by binary digits of their weights.
#if defined(SIGNVOTE_SUM_KERNEL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SIGNVOTE_SUM_KERNEL_INL_H_
#undef SIGNVOTE_SUM_KERNEL_INL_H_
#else
#define SIGNVOTE_SUM_KERNEL_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <utility>
#include <vector>

#include "server/vote/kernels.h"
#include "server/vote/sliced_count-inl.h"

HWY_BEFORE_NAMESPACE();
namespace signvote {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D16 = hn::ScalableTag<int16_t>;
using V16 = hn::Vec<D16>;
using D32 = hn::ScalableTag<int32_t>;

constexpr size_t kLanes16 = HWY_LANES(int16_t);
constexpr int32_t kLargestGroup = 32767;
// Many streams are more than hardware prefetchers follow: ballots and evidence are asked for this long before their
// turn.
constexpr size_t kAheadWords = 64;
constexpr size_t kAheadCoordinates = 64 * kAheadWords;

// sum + x in the lanes of `mask`.
template <class V, class M>
HWY_INLINE V AddWhere(V sum, M mask, V x) {
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
  if constexpr (sizeof(hn::TFromV<V>) == 1) {
    return V{_mm512_mask_add_epi8(sum.raw, mask.raw, sum.raw, x.raw)};
  } else {
    return V{_mm512_mask_add_epi16(sum.raw, mask.raw, sum.raw, x.raw)};
  }
#else
  return hn::Add(sum, hn::IfThenElseZero(mask, x));
#endif
}

// Eight vectors of sums, the coordinates of kLanes16 bytes of a plane: named, so that they stay in registers.
struct Sums {
  V16 v0, v1, v2, v3, v4, v5, v6, v7;

  explicit HWY_INLINE Sums(V16 x) : v0(x), v1(x), v2(x), v3(x), v4(x), v5(x), v6(x), v7(x) {}

  HWY_INLINE void AddPlane(const uint8_t* bits, V16 x) {
    const D16 d;
    constexpr size_t kStep = kLanes16 / 8;  // bytes of mask a vector
    v0 = AddWhere(v0, hn::LoadMaskBits(d, bits + 0 * kStep), x);
    v1 = AddWhere(v1, hn::LoadMaskBits(d, bits + 1 * kStep), x);
    v2 = AddWhere(v2, hn::LoadMaskBits(d, bits + 2 * kStep), x);
    v3 = AddWhere(v3, hn::LoadMaskBits(d, bits + 3 * kStep), x);
    v4 = AddWhere(v4, hn::LoadMaskBits(d, bits + 4 * kStep), x);
    v5 = AddWhere(v5, hn::LoadMaskBits(d, bits + 5 * kStep), x);
    v6 = AddWhere(v6, hn::LoadMaskBits(d, bits + 6 * kStep), x);
    v7 = AddWhere(v7, hn::LoadMaskBits(d, bits + 7 * kStep), x);
  }

  template <class F>
  HWY_INLINE void ForEach(F f) const {
    f(0, v0);
    f(1, v1);
    f(2, v2);
    f(3, v3);
    f(4, v4);
    f(5, v5);
    f(6, v6);
    f(7, v7);
  }
};

// Holds where all who voted abstain, and keeps the sign under a hold 0.
inline void Silence(std::span<const TileVote> votes, const TileDecision& out) {
  if (votes.empty()) return;
  for (const TileVote& vote : votes) {
    if (vote.zeros == nullptr) return;
  }
  for (uint64_t w = 0; w < out.words; ++w) {
    uint64_t silent = ~uint64_t{0};
    for (const TileVote& vote : votes) silent &= vote.zeros[w];
    out.zeros[w] |= silent;
    out.signs[w] &= ~silent;
  }
}

HWY_INLINE void StoreSigns(V16 sum, const TileDecision& out, size_t coordinate) {
  const D16 d;
  const V16 zero = hn::Zero(d);
  hn::StoreMaskBits(d, hn::Gt(sum, zero), reinterpret_cast<uint8_t*>(out.signs) + coordinate / 8);
  hn::StoreMaskBits(d, hn::Eq(sum, zero), reinterpret_cast<uint8_t*>(out.zeros) + coordinate / 8);
}

// Carries the evidence on, adds what this round said, and decides.
HWY_INLINE void FinishNarrow(const WeightedTile& tile, int16_t* evidence, size_t coordinate, const Sums& sums) {
  const D16 d;
  const V16 r = hn::Set(d, static_cast<int16_t>(tile.r));
  sums.ForEach([&](size_t i, V16 sum) HWY_ATTR {
    const size_t at = coordinate + i * kLanes16;
    if (evidence != nullptr) {
      __builtin_prefetch(evidence + at + kAheadCoordinates, 1);
      sum = hn::Add(sum, hn::MulFixedPoint15(hn::LoadU(d, evidence + at), r));
      hn::StoreU(sum, d, evidence + at);
    }
    StoreSigns(sum, tile.decision, at);
  });
}

struct SumVote {
  const uint8_t* signs;
  const uint8_t* zeros;
  int32_t weight;
};

// Voters that are added together; `base` is -sum of w.
struct SumGroup {
  std::vector<SumVote> votes;
  int32_t base = 0;
};

// The sums of a group for the coordinates of kLanes16 bytes.
HWY_INLINE Sums SumOf(const SumGroup& group, size_t byte) {
  const D16 d;
  Sums sums(hn::Set(d, static_cast<int16_t>(group.base)));
  for (const SumVote& vote : group.votes) {
    __builtin_prefetch(vote.signs + byte + 8 * kAheadWords);
    sums.AddPlane(vote.signs + byte, hn::Set(d, static_cast<int16_t>(2 * vote.weight)));
    if (HWY_UNLIKELY(vote.zeros != nullptr)) {
      sums.AddPlane(vote.zeros + byte, hn::Set(d, static_cast<int16_t>(vote.weight)));
    }
  }
  return sums;
}

// Cuts the votes into groups. A weight above 32767 becomes several votes. The groups are this thread's until its next
// call: a tile may be one stripe of a few voters, and memory of its own would take longer than to sum it.
inline std::vector<SumGroup>& MakeGroups(const WeightedTile& tile) {
  thread_local std::vector<SumGroup> groups;
  groups.resize(1);
  groups[0].votes.clear();
  groups[0].base = 0;
  int32_t size = 0;
  for (const TileVote& v : tile.votes) {
    for (int32_t rest = tile.weights[v.ballot]; rest != 0;) {
      const int32_t w = std::clamp(rest, -kLargestGroup, kLargestGroup);
      rest -= w;
      if (size + std::abs(w) > kLargestGroup) {
        groups.emplace_back();
        size = 0;
      }
      size += std::abs(w);
      groups.back().votes.push_back(
          {reinterpret_cast<const uint8_t*>(v.signs), reinterpret_cast<const uint8_t*>(v.zeros), w});
      groups.back().base -= w;
    }
  }
  return groups;
}

// From so many voters on it takes less to count them by binary digits of their weights, and to add the sum's digits,
// than to add each voter: a vector of bits does for 512 coordinates what a vector of lanes does for 32.
constexpr size_t kSlicedVotes = 32;

inline bool MaySlice(const WeightedTile& tile) {
  const auto is_counted = [&](const TileVote& vote) { return tile.weights[vote.ballot] >= 0; };
  return tile.votes.size() >= kSlicedVotes && std::all_of(tile.votes.begin(), tile.votes.end(), is_counted);
}

HWY_NOINLINE void SumSliced(const WeightedTile& tile, int16_t* evidence) {
  const D16 d;
  uint32_t total = 0;
  for (const TileVote& vote : tile.votes) total += static_cast<uint32_t>(tile.weights[vote.ballot]);
  DigitPlanes digits(static_cast<size_t>(std::bit_width(2 * total)));
  for (const TileVote& vote : tile.votes) {
    const auto weight = static_cast<uint32_t>(tile.weights[vote.ballot]);
    for (size_t k = 0; k < digits.size(); ++k) {
      if ((2 * weight >> k & 1) != 0) digits[k].push_back(vote.signs);
      if (vote.zeros != nullptr && (weight >> k & 1) != 0) digits[k].push_back(vote.zeros);
    }
  }
  SlicedCount counts(std::move(digits));
  const V16 base = hn::Set(d, static_cast<int16_t>(-static_cast<int32_t>(total)));
  for (size_t word = 0; word < tile.decision.words; word += SlicedCount::kWords) {
    const size_t words = std::min<size_t>(SlicedCount::kWords, tile.decision.words - word);
    counts.Count(word, words == SlicedCount::kWords ? kWordsABits : 0);
    for (size_t at = 0; at < words; at += kLanes16 / 8) {
      Sums sums(base);
      for (size_t k = 0; k < counts.digits(); ++k) {
        sums.AddPlane(reinterpret_cast<const uint8_t*>(counts.digit(k, at)), hn::Set(d, static_cast<int16_t>(1 << k)));
      }
      FinishNarrow(tile, evidence, (word + at) * 64, sums);
    }
  }
  Silence(tile.votes, tile.decision);
}

HWY_NOINLINE void SumNarrow(const WeightedTile& tile, int16_t* evidence) {
  if (MaySlice(tile)) return SumSliced(tile, evidence);
  const SumGroup& group = MakeGroups(tile)[0];  // there is one: narrow evidence bounds the weights
  for (size_t byte = 0; byte < tile.decision.words * 8; byte += kLanes16) {
    FinishNarrow(tile, evidence, byte * 8, SumOf(group, byte));
  }
  Silence(tile.votes, tile.decision);
}

// floor((e * r + 2^14) / 2^15) without leaving 32 bits: e = high * 2^15 + low.
HWY_INLINE hn::Vec<D32> CarryWide(D32 d, hn::Vec<D32> e, hn::Vec<D32> r) {
  const auto high = hn::ShiftRight<15>(e);
  const auto low = hn::And(e, hn::Set(d, 0x7FFF));
  const auto rounded = hn::ShiftRight<15>(hn::Add(hn::Mul(low, r), hn::Set(d, 1 << 14)));
  return hn::Add(hn::Mul(high, r), rounded);
}

HWY_NOINLINE void SumWide(const WeightedTile& tile, int32_t* evidence) {
  const D16 d16;
  const D32 d;
  const hn::Rebind<int16_t, D32> half;
  constexpr size_t kLanes = HWY_LANES(int32_t), kCoordinates = 8 * kLanes16;
  const std::vector<SumGroup>& groups = MakeGroups(tile);
  const auto r = hn::Set(d, tile.r);
  HWY_ALIGN int16_t partial[kCoordinates];
  HWY_ALIGN int32_t sums[kCoordinates];
  for (size_t first = 0; first < tile.decision.words * 64; first += kCoordinates) {
    for (size_t i = 0; i < kCoordinates; i += kLanes) {
      auto carried = hn::Zero(d);
      if (evidence != nullptr) {
        __builtin_prefetch(evidence + first + i + kAheadCoordinates, 1);
        carried = CarryWide(d, hn::LoadU(d, evidence + first + i), r);
      }
      hn::Store(carried, d, sums + i);
    }
    for (const SumGroup& group : groups) {
      SumOf(group, first / 8).ForEach([&](size_t i, V16 sum) HWY_ATTR { hn::Store(sum, d16, partial + i * kLanes16); });
      for (size_t i = 0; i < kCoordinates; i += kLanes) {
        hn::Store(hn::Add(hn::Load(d, sums + i), hn::PromoteTo(d, hn::Load(half, partial + i))), d, sums + i);
      }
    }
    for (size_t i = 0; i < kCoordinates; i += kLanes16) {  // saturated to 16 bits, a sum keeps its sign
      const auto low = hn::DemoteTo(half, hn::Load(d, sums + i));
      const auto high = hn::DemoteTo(half, hn::Load(d, sums + i + kLanes));
      StoreSigns(hn::Combine(d16, high, low), tile.decision, first + i);
    }
    if (evidence != nullptr) std::copy_n(sums, kCoordinates, evidence + first);
  }
  Silence(tile.votes, tile.decision);
}

}  // namespace HWY_NAMESPACE
}  // namespace signvote
HWY_AFTER_NAMESPACE();

#endif
