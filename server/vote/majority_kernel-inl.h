// Majority by bit-sliced counting. A vote counts 2 for +, 1 for an abstention and 0 for -, so V votes tie at V.
#if defined(SIGNVOTE_MAJORITY_KERNEL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SIGNVOTE_MAJORITY_KERNEL_INL_H_
#undef SIGNVOTE_MAJORITY_KERNEL_INL_H_
#else
#define SIGNVOTE_MAJORITY_KERNEL_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <bit>

#include "server/vote/sliced_count-inl.h"
#include "server/vote/sum_kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace signvote {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Where counts are above a tie of so many votes, and where they equal it.
HWY_INLINE void Compare(const SlicedCount& counts, size_t half, uint64_t tie, VBits* above, VBits* equal) {
  const DBits d;
  *above = hn::Zero(d);
  *equal = hn::Not(*above);
  for (size_t k = counts.digits(); k-- > 0;) {
    const VBits digit = hn::Load(d, counts.digit(k, half));
    if ((tie >> k & 1) != 0) {
      *equal = hn::And(*equal, digit);
    } else {
      *above = hn::Or(*above, hn::And(*equal, digit));
      *equal = hn::AndNot(digit, *equal);
    }
  }
}

HWY_NOINLINE void Majority(std::span<const TileVote> votes, const TileDecision& out) {
  DigitPlanes planes(static_cast<size_t>(std::bit_width(2 * votes.size())));
  for (const TileVote& vote : votes) {
    if (vote.zeros != nullptr) planes[0].push_back(vote.zeros);
    planes[1].push_back(vote.signs);
  }
  SlicedCount counts(std::move(planes));
  for (size_t word = 0; word < out.words; word += SlicedCount::kWords) {
    const size_t words = std::min<size_t>(SlicedCount::kWords, out.words - word);
    for (const TileVote& vote : votes) {
      for (size_t w = 0; w < words; w += 8) __builtin_prefetch(vote.signs + word + w + kAheadWords);
    }
    counts.Count(word, words == SlicedCount::kWords ? kWordsABits : 0);
    for (size_t half = 0; half < words; half += kWordsABits) {
      VBits above, equal;
      Compare(counts, half, votes.size(), &above, &equal);
      hn::StoreU(above, DBits(), out.signs + word + half);
      hn::StoreU(equal, DBits(), out.zeros + word + half);
    }
  }
  Silence(votes, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace signvote
HWY_AFTER_NAMESPACE();

#endif
