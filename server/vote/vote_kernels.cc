// The kernels, compiled once for each SIMD target and chosen at run time.
#define HWY_WANT_AVX3_DL  // population counts
// Vectors of a length that is known at run time alone cannot be members: ARM takes NEON.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "server/vote/vote_kernels.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include "server/vote/kernels.h"

#if HWY_TARGET == HWY_SCALAR  // no vectors at all
namespace signvote::N_SCALAR {

void SumNarrow(const WeightedTile& tile, int16_t* evidence) { ReferenceKernels().sum_narrow(tile, evidence); }
void SumWide(const WeightedTile& tile, int32_t* evidence) { ReferenceKernels().sum_wide(tile, evidence); }
void Majority(std::span<const TileVote> votes, const TileDecision& out) { ReferenceKernels().majority(votes, out); }
void Likelihood8(const LikelihoodTile<uint8_t>& tile) { ReferenceKernels().likelihood8(tile); }
void Likelihood16(const LikelihoodTile<uint16_t>& tile) { ReferenceKernels().likelihood16(tile); }
PairCount CountPair(const uint64_t* signs_a, const uint64_t* said_a, const uint64_t* signs_b, const uint64_t* said_b,
                    uint64_t words) {
  return ReferenceKernels().count_pair(signs_a, said_a, signs_b, said_b, words);
}

}  // namespace signvote::N_SCALAR
#else
#include "server/vote/likelihood_kernel-inl.h"
#include "server/vote/majority_kernel-inl.h"
#include "server/vote/pair_kernel-inl.h"
#include "server/vote/sum_kernel-inl.h"
#endif

#if HWY_ONCE
namespace signvote {

HWY_EXPORT(SumNarrow);
HWY_EXPORT(SumWide);
HWY_EXPORT(Majority);
HWY_EXPORT(Likelihood8);
HWY_EXPORT(Likelihood16);
HWY_EXPORT(CountPair);

const Kernels& FastKernels() {
  static constexpr Kernels kernels = {
      [](const WeightedTile& tile, int16_t* evidence) {
        HWY_DYNAMIC_DISPATCH(SumNarrow)
        (tile, evidence);
      },
      [](const WeightedTile& tile, int32_t* evidence) {
        HWY_DYNAMIC_DISPATCH(SumWide)
        (tile, evidence);
      },
      [](std::span<const TileVote> votes, const TileDecision& out) {
        HWY_DYNAMIC_DISPATCH(Majority)
        (votes, out);
      },
      [](const LikelihoodTile<uint8_t>& tile) {
        HWY_DYNAMIC_DISPATCH(Likelihood8)
        (tile);
      },
      [](const LikelihoodTile<uint16_t>& tile) {
        HWY_DYNAMIC_DISPATCH(Likelihood16)
        (tile);
      },
      [](const uint64_t* signs_a, const uint64_t* said_a, const uint64_t* signs_b, const uint64_t* said_b,
         uint64_t words) { return HWY_DYNAMIC_DISPATCH(CountPair)(signs_a, said_a, signs_b, said_b, words); }};
  return kernels;
}

}  // namespace signvote
#endif
