// Every SIMD target that this machine runs, against the plain scalar kernels: equal bit for bit.
#define HWY_WANT_AVX3_DL
#include <gtest/gtest.h>
#include <hwy/highway.h>
#include <hwy/targets.h>

#include <cmath>

#include "server/vote/evidence.h"
#include "server/vote/kernels.h"
#include "tests/server/vote/electorate.h"

namespace signvote {
namespace {

constexpr uint64_t kWords = 24;
constexpr uint64_t kCoordinates = kWords * 64;

// Votes on one tile, with abstentions where `abstain` > 0 (of every second voter, or of all).
struct Tile {
  Tile(size_t voters, double abstain, bool all_abstain, uint64_t seed) : bits(seed), random(Mix(seed)) {
    for (size_t m = 0; m < voters; ++m) {
      std::vector<uint64_t> abstains, plane;
      for (uint64_t w = 0; w < kWords; ++w) {
        abstains.push_back(bits.Next(abstain));
        plane.push_back(bits.Next(0.6) & ~abstains[w]);
      }
      if (abstain == 0 || (m % 2 == 0 && !all_abstain)) {
        for (uint64_t w = 0; w < kWords; ++w) plane[w] |= abstains[w];
        abstains.clear();
      }
      signs.push_back(plane);
      zeros.push_back(abstains);
    }
    for (uint32_t m = 0; m < voters; ++m) {
      votes.push_back({m, signs[m].data(), zeros[m].empty() ? nullptr : zeros[m].data()});
    }
  }

  BiasedBits bits;
  Random random;
  std::vector<std::vector<uint64_t>> signs, zeros;
  std::vector<TileVote> votes;
};

struct Planes {
  std::vector<uint64_t> signs = std::vector<uint64_t>(kWords, 0xDEAD), zeros = std::vector<uint64_t>(kWords, 0xBEEF);
  TileDecision Out() { return {kWords, signs.data(), zeros.data()}; }
  bool operator==(const Planes&) const = default;
};

class KernelsTest : public testing::TestWithParam<int64_t> {
 protected:
  void SetUp() override { hwy::SetSupportedTargetsForTest(GetParam()); }
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }

  const Kernels& reference_ = ReferenceKernels();
  const Kernels& fast_ = FastKernels();
};

std::vector<int64_t> Targets() {
  std::vector<int64_t> targets;
  for (int64_t rest = hwy::SupportedTargets() & HWY_TARGETS; rest != 0; rest &= rest - 1)
    targets.push_back(rest & -rest);
  return targets;
}
INSTANTIATE_TEST_SUITE_P(Targets, KernelsTest, testing::ValuesIn(Targets()),
                         [](const auto& i) { return std::string(hwy::TargetName(i.param)); });

struct Case {
  size_t voters;
  double abstain;
  bool all_abstain;
};
const std::vector<Case> kCases{{0, 0, false},  {1, 0, false},   {2, 0, false},      {3, 0.3, true},   {4, 0.9, true},
                               {7, 0, false},  {8, 0.1, false}, {15, 0, false},     {15, 0.1, false}, {16, 0.2, true},
                               {31, 0, false}, {40, 0.1, true}, {100, 0.05, false}, {300, 0, false}};

TEST_P(KernelsTest, WeightedSums) {
  for (const Case& c : kCases) {
    for (const double carry : {0.0, 0.9, 0.999}) {
      Tile tile(c.voters, c.abstain, c.all_abstain, c.voters + 1);
      const int32_t r = CarryFactor(carry);
      for (const int kind : {0, 1, 2}) {
        const bool narrow = kind != 2, negative = kind != 1;
        const auto most = static_cast<int32_t>((narrow ? 32767.0 : 268435455.0) * (1 - r / 32768.0)) - 1;
        std::vector<int32_t> weights;
        const auto share = static_cast<int64_t>(most / std::max<size_t>(1, c.voters));
        for (size_t m = 0; m < c.voters; ++m) {
          weights.push_back(static_cast<int32_t>(tile.random.Below(2 * share + 1)) - static_cast<int32_t>(share));
          if (!negative) weights.back() = std::abs(weights.back());
          if (!narrow && m % 3 != 0) weights.back() %= 32768;
        }
        if (c.voters == 1) weights[0] = most;
        std::vector<int16_t> narrow_a(kCoordinates), narrow_b;
        std::vector<int32_t> wide_a(kCoordinates), wide_b;
        for (uint64_t n = 0; n < kCoordinates; ++n) {
          narrow_a[n] = static_cast<int16_t>(static_cast<int32_t>(tile.random.Below(65535)) - 32767);
          wide_a[n] = static_cast<int32_t>(static_cast<int64_t>(tile.random.Below(4294967295)) - 2147483647) / 8;
          const auto share_of = 1 - carry > 0.5 ? 0 : 1;
          narrow_a[n] = static_cast<int16_t>(narrow_a[n] * share_of * 0.999);
          wide_a[n] = static_cast<int32_t>(wide_a[n] * share_of * 0.999);
        }
        narrow_b = narrow_a;
        wide_b = wide_a;
        Planes a, b;
        const bool carried = r != 0;
        const auto run = [&](const Kernels& kernels, Planes* out, int16_t* e16, int32_t* e32) {
          const WeightedTile t{tile.votes, weights.data(), r, out->Out()};
          narrow ? kernels.sum_narrow(t, carried ? e16 : nullptr) : kernels.sum_wide(t, carried ? e32 : nullptr);
        };
        run(reference_, &a, narrow_a.data(), wide_a.data());
        run(fast_, &b, narrow_b.data(), wide_b.data());
        ASSERT_EQ(a, b) << c.voters << " voters, carry " << carry << (narrow ? " narrow" : " wide")
                        << (negative ? "" : ", no weight below 0");
        ASSERT_EQ(narrow_a, narrow_b);
        ASSERT_EQ(wide_a, wide_b);
      }
    }
  }
}

TEST_P(KernelsTest, Majority) {
  for (const Case& c : kCases) {
    const Tile tile(c.voters, c.abstain, c.all_abstain, c.voters + 2);
    Planes a, b;
    reference_.majority(tile.votes, a.Out());
    fast_.majority(tile.votes, b.Out());
    ASSERT_EQ(a, b) << c.voters << " voters, " << c.abstain << " abstain";
  }
}

template <typename Count>
void CompareLikelihoods(void (*reference)(const LikelihoodTile<Count>&), void (*fast)(const LikelihoodTile<Count>&)) {
  const ExpTable table(400);
  for (const Case& c : kCases) {
    for (const int kind : {0, 1, 2, 3}) {  // clipped from below, on both sides; the same with a prior
      for (const int units : {0, 1, 2}) {  // none, some, all voters of unit weight
        for (const double carry : {0.0, 0.9}) {
          Tile tile(c.voters, c.abstain, c.all_abstain, c.voters + 3);
          const uint32_t full = sizeof(Count) == 1 ? 254 : 65534;
          std::vector<LikelihoodVote> votes;
          std::vector<Count> counts(kWords * (c.voters + 1) * 64);
          for (size_t m = 0; m < c.voters; ++m) {
            LikelihoodVote v;
            v.vote = tile.votes[m];
            v.row = static_cast<uint32_t>(m + 1);
            v.unit_weight = units == 2 || (units == 1 && m % 3 == 0);
            const uint64_t total = 2 + tile.random.Below(full - 4);
            v.sum = v.right = static_cast<float>(total);
            if (kind >= 2) {
              v.sum += 143.7f;
              v.right = m % 4 == 3 ? 0 : v.right + 101.3f;  // 0: the count does not matter
            }
            v.a_low = v.sum * (kind == 0 ? 4.5e-5f : kind == 1 ? 0.1f : 0.55f);
            v.a_high = v.sum * (kind % 2 == 1 ? 0.9f : 1);
            v.b_low = v.sum * (kind % 2 == 1 ? 0.1f : 4.5e-5f);
            for (uint64_t w = 0; w < kWords; ++w) {
              for (uint64_t n = 0; n < 64; ++n) {
                const uint64_t most = tile.random.Below(4) == 0 ? 1 : total - 1;
                counts[(w * (c.voters + 1) + v.row) * 64 + n] = static_cast<Count>(tile.random.Below(most));
              }
            }
            votes.push_back(v);
          }
          std::vector<int32_t> evidence(kCoordinates);
          for (int32_t& e : evidence) e = static_cast<int32_t>(tile.random.Below(4'000'000)) - 2'000'000;
          LikelihoodRule rule;
          rule.period = LikelihoodPeriod(65535 + 200, 10);
          rule.abstention = 1 + c.voters % 2;
          rule.r = CarryFactor(carry);
          rule.unit = 65536;
          rule.most = 2e8f;
          rule.exp_mantissa = table.mantissa.data();
          rule.exp_exponent = table.exponent.data();
          std::vector<Count> counts_b = counts;
          std::vector<int32_t> evidence_b = evidence;
          Planes a, b;
          reference({votes, counts.data(), (c.voters + 1) * 64, carry > 0 ? evidence.data() : nullptr, &rule, a.Out()});
          fast({votes, counts_b.data(), (c.voters + 1) * 64, carry > 0 ? evidence_b.data() : nullptr, &rule, b.Out()});
          ASSERT_EQ(evidence, evidence_b) << c.voters << " voters, kind " << kind << " units " << units;
          ASSERT_EQ(a, b) << c.voters << " voters, kind " << kind << " units " << units << " carry " << carry;
          ASSERT_EQ(counts, counts_b);
        }
      }
    }
  }
}

TEST_P(KernelsTest, Likelihood8) { CompareLikelihoods<uint8_t>(reference_.likelihood8, fast_.likelihood8); }
TEST_P(KernelsTest, Likelihood16) { CompareLikelihoods<uint16_t>(reference_.likelihood16, fast_.likelihood16); }

TEST_P(KernelsTest, PairCounts) {
  const Tile tile(2, 0.3, true, 9);
  const uint64_t* const none = nullptr;
  for (uint64_t words = 0; words <= kWords; ++words) {
    for (const uint64_t* said_a : {none, static_cast<const uint64_t*>(tile.zeros[0].data())}) {
      for (const uint64_t* said_b : {none, static_cast<const uint64_t*>(tile.zeros[1].data())}) {
        const PairCount a = reference_.count_pair(tile.signs[0].data(), said_a, tile.signs[1].data(), said_b, words);
        const PairCount b = fast_.count_pair(tile.signs[0].data(), said_a, tile.signs[1].data(), said_b, words);
        EXPECT_EQ(a.agree, b.agree);
        EXPECT_EQ(a.both, b.both);
      }
    }
  }
}

}  // namespace
}  // namespace signvote
