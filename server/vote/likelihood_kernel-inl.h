// The likelihood product (likelihood.h): a word of coordinates at a time, all voters, then the error counts of the same
// word while it is in cache. Renormalising scales by powers of two, so when it is done changes no bit.
#if defined(SIGNVOTE_LIKELIHOOD_KERNEL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SIGNVOTE_LIKELIHOOD_KERNEL_INL_H_
#undef SIGNVOTE_LIKELIHOOD_KERNEL_INL_H_
#else
#define SIGNVOTE_LIKELIHOOD_KERNEL_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <type_traits>
#include <utility>
#include <vector>

#include "server/vote/kernels.h"
#include "server/vote/sum_kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace signvote {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using DF = hn::ScalableTag<float>;
using VF = hn::Vec<DF>;
using V32 = hn::Vec<D32>;

constexpr size_t kLanesF = HWY_LANES(float);
// Vectors that are worked on together: as many as registers hold.
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
constexpr size_t kVectors = 8;
#else
constexpr size_t kVectors = 4;
#endif
constexpr size_t kStep = kVectors * kLanesF;  // 128, 32 or 16 coordinates
constexpr size_t kStepWords = kStep < 64 ? 1 : kStep / 64;
constexpr uint64_t kWordsAhead = 16;  // counters are asked for this long before their turn

// f(0), f(1), ... f(kVectors - 1), unrolled.
template <class F, size_t... I>
HWY_INLINE void Unroll(F f, std::index_sequence<I...>) {
  (f(std::integral_constant<size_t, I>()), ...);
}
template <class F>
HWY_INLINE void ForEachVector(F f) {
  Unroll(f, std::make_index_sequence<kVectors>());
}
#define SIGNVOTE_INLINE_LAMBDA HWY_ATTR __attribute__((always_inline))

HWY_INLINE hn::Mask<DF> Bits(DF d, const uint64_t* plane, size_t coordinate) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(plane) + coordinate / 8;
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
  return hn::Mask<DF>{_load_mask16(reinterpret_cast<__mmask16*>(const_cast<uint8_t*>(bytes)))};
#endif
  if constexpr (kLanesF >= 8) {
    return hn::LoadMaskBits(d, bytes);
  } else {
    const uint8_t shifted[8] = {static_cast<uint8_t>(*bytes >> (coordinate % 8))};
    return hn::LoadMaskBits(d, shifted);
  }
}

template <typename Count>
HWY_INLINE VF LoadCounts(DF df, const Count* counts) {
  const D32 d32;
  const hn::Rebind<Count, D32> narrow;
  return hn::ConvertTo(df, hn::PromoteTo(d32, hn::LoadU(narrow, counts)));
}

// The products of one vector of coordinates.
struct Likelihoods {
  // Written out: what the compiler would add is not built for this target.
  HWY_INLINE Likelihoods() {}
  HWY_INLINE Likelihoods(VF p, VF m, V32 exponent) : plus(p), minus(m), d(exponent) {}

  VF plus, minus;
  V32 d;
};

HWY_INLINE void Renormalise(DF df, Likelihoods* p) {
  const D32 d;
  const auto mantissa = hn::Set(d, 0x7FFFFF);
  const auto one = hn::Set(d, 0x3F800000);
  const V32 plus = hn::BitCast(d, p->plus), minus = hn::BitCast(d, p->minus);
  p->d = hn::Add(p->d, hn::Sub(hn::ShiftRight<23>(plus), hn::ShiftRight<23>(minus)));
  p->plus = hn::BitCast(df, hn::OrAnd(one, plus, mantissa));
  p->minus = hn::BitCast(df, hn::OrAnd(one, minus, mantissa));
}

// A voter whose record counts, on a tile.
struct Factor {
  const uint64_t* signs;
  const uint64_t* zeros;
  size_t counts;  // offset of its counters in a word
  float sum, right, a_low, a_high, b_low;
};

inline std::vector<Factor> Factors(std::span<const LikelihoodVote> votes) {
  std::vector<Factor> factors;
  for (const LikelihoodVote& v : votes) {
    if (v.unit_weight) continue;
    factors.push_back({v.vote.signs, v.vote.zeros, v.row * size_t{64}, v.sum, v.right, v.a_low, v.a_high, v.b_low});
  }
  return factors;
}

// What a tile spares: kOpen: nothing reaches a_high; kFull: nobody abstains.
template <bool open, bool full>
struct Kind {
  static constexpr bool kOpen = open, kFull = full;
};

// One vote on one vector.
template <class K, typename Count>
HWY_INLINE void Multiply(DF d, const Factor& v, const Count* counts, size_t coordinate, Likelihoods* p) {
  const auto plus = Bits(d, v.signs, coordinate);
  const VF c = LoadCounts(d, counts);
  VF a = hn::Max(hn::Sub(hn::Set(d, v.right), c), hn::Set(d, v.a_low));
  if constexpr (!K::kOpen) a = hn::Min(a, hn::Set(d, v.a_high));
  const VF b = hn::Max(hn::Sub(hn::Set(d, v.sum), a), hn::Set(d, v.b_low));
  VF up = hn::IfThenElse(plus, a, b);
  VF down = hn::IfThenElse(plus, b, a);
  if (!K::kFull && v.zeros != nullptr) {
    const auto abstains = Bits(d, v.zeros, coordinate);
    up = hn::IfThenElse(abstains, hn::Set(d, 1.0f), up);
    down = hn::IfThenElse(abstains, hn::Set(d, 1.0f), down);
  }
  p->plus = hn::Mul(p->plus, up);
  p->minus = hn::Mul(p->minus, down);
}

HWY_INLINE void CountUnits(DF df, std::span<const LikelihoodVote> votes, const LikelihoodRule& rule, size_t coordinate,
                           Likelihoods* p) {
  const D32 d;
  V32 k = hn::Zero(d);
  for (const LikelihoodVote& v : votes) {
    if (!v.unit_weight) continue;
    const auto plus = hn::RebindMask(d, Bits(df, v.vote.signs, coordinate));
    V32 said = hn::IfThenElse(plus, hn::Set(d, 1), hn::Set(d, -1));
    if (v.vote.zeros != nullptr) {
      said = hn::IfThenElse(hn::RebindMask(d, Bits(df, v.vote.zeros, coordinate)), hn::Zero(d), said);
    }
    k = hn::Add(k, said);
  }
  const V32 size = hn::Abs(k);
  const VF mantissa = hn::GatherIndex(df, rule.exp_mantissa, size);
  const V32 exponent = hn::GatherIndex(d, rule.exp_exponent, size);
  const auto positive = hn::Gt(k, hn::Zero(d));
  const auto raise = hn::RebindMask(df, positive);
  p->plus = hn::IfThenElse(raise, hn::Mul(p->plus, mantissa), p->plus);
  p->minus = hn::IfThenElse(raise, p->minus, hn::Mul(p->minus, mantissa));
  p->d = hn::Add(p->d, hn::IfThenElse(positive, exponent, hn::Neg(exponent)));
  Renormalise(df, p);
}

HWY_INLINE VF Nats(DF df, const Likelihoods& p) {
  const VF z = hn::Div(hn::Sub(p.plus, p.minus), hn::Add(p.plus, p.minus));
  const VF s = hn::Mul(z, z);
  VF sum = hn::Set(df, 1.0f / 13);
  sum = hn::Add(hn::Mul(sum, s), hn::Set(df, 1.0f / 11));
  sum = hn::Add(hn::Mul(sum, s), hn::Set(df, 1.0f / 9));
  sum = hn::Add(hn::Mul(sum, s), hn::Set(df, 1.0f / 7));
  sum = hn::Add(hn::Mul(sum, s), hn::Set(df, 1.0f / 5));
  sum = hn::Add(hn::Mul(sum, s), hn::Set(df, 1.0f / 3));
  sum = hn::Add(hn::Mul(sum, s), hn::Set(df, 1.0f));
  const VF two_atanh = hn::Mul(hn::Add(z, z), sum);
  return hn::Add(hn::Mul(hn::ConvertTo(df, p.d), hn::Set(df, kLn2Float)), two_atanh);
}

// A number with the sign of the decision.
HWY_INLINE V32 Decide(DF df, const LikelihoodRule& rule, const Likelihoods& p, int32_t* evidence) {
  const D32 d;
  if (evidence != nullptr) {
    const VF most = hn::Set(df, rule.most);
    const VF increment = hn::Min(hn::Max(hn::Mul(Nats(df, p), hn::Set(df, rule.unit)), hn::Neg(most)), most);
    const V32 e = hn::Add(CarryWide(d, hn::LoadU(d, evidence), hn::Set(d, rule.r)), hn::NearestInt(increment));
    hn::StoreU(e, d, evidence);
    return e;
  }
  // Positive floats compare as their bits do.
  const V32 difference = hn::Sub(hn::BitCast(d, p.plus), hn::BitCast(d, p.minus));
  return hn::IfThenElse(hn::Eq(p.d, hn::Zero(d)), difference, p.d);
}

HWY_INLINE void StoreDecision(V32 s0, V32 s1, V32 s2, V32 s3, uint8_t* signs, uint8_t* zeros) {
  const D16 d;
  const hn::Half<D16> half;
  constexpr size_t kBytes = HWY_LANES(int16_t) / 8;
  const V16 low = hn::Combine(d, hn::DemoteTo(half, s1), hn::DemoteTo(half, s0));
  const V16 high = hn::Combine(d, hn::DemoteTo(half, s3), hn::DemoteTo(half, s2));
  hn::StoreMaskBits(d, hn::Gt(low, hn::Zero(d)), signs);
  hn::StoreMaskBits(d, hn::Gt(high, hn::Zero(d)), signs + kBytes);
  hn::StoreMaskBits(d, hn::Eq(low, hn::Zero(d)), zeros);
  hn::StoreMaskBits(d, hn::Eq(high, hn::Zero(d)), zeros + kBytes);
}

// Where the counters of vector `i` lie, from those of the first: words are word_stride apart.
template <typename Count>
HWY_INLINE const Count* CountsOf(const Count* counts, size_t word_stride, size_t i) {
  return counts + i * kLanesF / 64 * word_stride + i * kLanesF % 64;
}

template <class K, typename Count>
HWY_INLINE void DecideStep(const LikelihoodTile<Count>& tile, const std::vector<Factor>& factors, size_t coordinate) {
  const DF d;
  const LikelihoodRule& rule = *tile.rule;
  const size_t stride = tile.word_stride;
  const size_t offset = coordinate / 64 * stride + coordinate % 64;
  Likelihoods p[kVectors];
  ForEachVector([&](auto i) SIGNVOTE_INLINE_LAMBDA { p[i] = {hn::Set(d, 1.0f), hn::Set(d, 1.0f), hn::Zero(D32())}; });
  for (size_t begin = 0; begin < factors.size(); begin += rule.period) {
    const size_t end = std::min<size_t>(begin + rule.period, factors.size());
    for (size_t f = begin; f < end; ++f) {
      const Factor& v = factors[f];
      const Count* of_voter = tile.counts + offset + v.counts;
      ForEachVector([&](auto i) SIGNVOTE_INLINE_LAMBDA {
        const Count* at = CountsOf(of_voter, stride, i);
        if constexpr (i * kLanesF * sizeof(Count) % 64 == 0) __builtin_prefetch(at + kWordsAhead * stride, 1);
        Multiply<K>(d, v, at, coordinate + i * kLanesF, &p[i]);
      });
    }
    ForEachVector([&](auto i) SIGNVOTE_INLINE_LAMBDA { Renormalise(d, &p[i]); });
  }
  if (HWY_UNLIKELY(factors.size() != tile.votes.size())) {
    ForEachVector([&](auto i)
                      SIGNVOTE_INLINE_LAMBDA { CountUnits(d, tile.votes, rule, coordinate + i * kLanesF, &p[i]); });
  }
  V32 sums[kVectors];
  ForEachVector([&](auto i) SIGNVOTE_INLINE_LAMBDA {
    const size_t at = coordinate + i * kLanesF;
    sums[i] = Decide(d, rule, p[i], tile.evidence == nullptr ? nullptr : tile.evidence + at);
  });
  for (size_t i = 0; i < kVectors; i += 4) {
    const size_t byte = (coordinate + i * kLanesF) / 8;
    StoreDecision(sums[i], sums[i + 1], sums[i + 2], sums[i + 3],
                  reinterpret_cast<uint8_t*>(tile.decision.signs) + byte,
                  reinterpret_cast<uint8_t*>(tile.decision.zeros) + byte);
  }
}

// Adds to the counters of a voter on a word: 2 where `wrong`, the abstention's share where `silent`.
template <bool kFull, typename Count>
HWY_INLINE void AddErrors(Count* counts, uint64_t wrong, uint64_t silent, Count abstention) {
  const hn::ScalableTag<Count> d;
  constexpr size_t kLanes = HWY_LANES(Count);
  const auto* wrong_bytes = reinterpret_cast<const uint8_t*>(&wrong);
  const auto* silent_bytes = reinterpret_cast<const uint8_t*>(&silent);
  const auto two = hn::Set(d, Count{2}), share = hn::Set(d, abstention);
  Unroll(
      [&](auto i) SIGNVOTE_INLINE_LAMBDA {
        constexpr size_t n = i * kLanes;
        auto c = AddWhere(hn::LoadU(d, counts + n), hn::LoadMaskBits(d, wrong_bytes + n / 8), two);
        if constexpr (!kFull) c = AddWhere(c, hn::LoadMaskBits(d, silent_bytes + n / 8), share);
        hn::StoreU(c, d, counts + n);
      },
      std::make_index_sequence<64 / kLanes>());
}

template <class K, typename Count>
HWY_INLINE void AddErrors(const LikelihoodTile<Count>& tile, uint64_t word) {
  const auto abstention = static_cast<Count>(tile.rule->abstention);
  const uint64_t signs = tile.decision.signs[word], zeros = tile.decision.zeros[word];
  Count* counts = tile.counts + word * tile.word_stride;
  if (K::kFull && zeros == 0) {
    for (const LikelihoodVote& v : tile.votes) {
      AddErrors<true>(counts + v.row * 64, v.vote.signs[word] ^ signs, 0, abstention);
    }
    return;
  }
  for (const LikelihoodVote& v : tile.votes) {
    const uint64_t silent = v.vote.zeros == nullptr ? zeros : zeros | v.vote.zeros[word];
    AddErrors<false>(counts + v.row * 64, (v.vote.signs[word] ^ signs) & ~silent, silent, abstention);
  }
}

inline void SilenceWord(std::span<const LikelihoodVote> votes, uint64_t word, const TileDecision& out) {
  if (votes.empty()) return;
  uint64_t silent = ~uint64_t{0};
  for (const LikelihoodVote& v : votes) {
    if (v.vote.zeros == nullptr) return;
    silent &= v.vote.zeros[word];
  }
  out.zeros[word] |= silent;
  out.signs[word] &= ~silent;
}

template <class K, typename Count>
HWY_NOINLINE void LikelihoodOf(const LikelihoodTile<Count>& tile) {
  const std::vector<Factor> factors = Factors(tile.votes);
  for (uint64_t word = 0; word < tile.decision.words; word += kStepWords) {
    for (size_t n = 0; n < 64 * kStepWords; n += kStep) DecideStep<K>(tile, factors, word * 64 + n);
    for (uint64_t w = word; w < word + kStepWords; ++w) {
      SilenceWord(tile.votes, w, tile.decision);
      AddErrors<K>(tile, w);
    }
  }
}

template <typename Count>
void Likelihood(const LikelihoodTile<Count>& tile) {
  bool open = true, full = true;
  for (const LikelihoodVote& v : tile.votes) {
    open &= v.unit_weight || v.a_high == v.sum;
    full &= v.vote.zeros == nullptr;
  }
  if (!open) return LikelihoodOf<Kind<false, false>>(tile);
  full ? LikelihoodOf<Kind<true, true>>(tile) : LikelihoodOf<Kind<true, false>>(tile);
}

void Likelihood8(const LikelihoodTile<uint8_t>& tile) { Likelihood(tile); }
void Likelihood16(const LikelihoodTile<uint16_t>& tile) { Likelihood(tile); }

}  // namespace HWY_NAMESPACE
}  // namespace signvote
HWY_AFTER_NAMESPACE();

#endif
