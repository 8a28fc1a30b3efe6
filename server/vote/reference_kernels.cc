// What the kernels compute, coordinate by coordinate.
#include <algorithm>
#include <bit>
#include <cmath>

#include "server/vote/evidence.h"
#include "server/vote/kernels.h"

namespace signvote {
namespace {

bool Bit(const uint64_t* plane, uint64_t n) { return plane != nullptr && (plane[n / 64] >> (n % 64) & 1) != 0; }

// +1, -1, or 0 for an abstention.
int32_t Said(const TileVote& vote, uint64_t n) { return Bit(vote.zeros, n) ? 0 : Bit(vote.signs, n) ? 1 : -1; }

void Clear(const TileDecision& decision) {
  std::fill_n(decision.signs, decision.words, 0);
  std::fill_n(decision.zeros, decision.words, 0);
}

void Decide(const TileDecision& decision, uint64_t n, bool heard, int32_t sign) {
  const uint64_t bit = uint64_t{1} << (n % 64);
  if (!heard || sign == 0) {
    decision.zeros[n / 64] |= bit;
  } else if (sign > 0) {
    decision.signs[n / 64] |= bit;
  }
}

template <typename T>
void Sum(const WeightedTile& tile, T* evidence) {
  Clear(tile.decision);
  for (uint64_t n = 0; n < tile.decision.words * 64; ++n) {
    int32_t sum = evidence == nullptr ? 0 : Carried(evidence[n], tile.r);
    bool heard = tile.votes.empty();  // where nobody was asked, the evidence goes on alone
    for (const TileVote& vote : tile.votes) {
      const int32_t said = Said(vote, n);
      sum += said * tile.weights[vote.ballot];
      heard |= said != 0;
    }
    if (evidence != nullptr) evidence[n] = static_cast<T>(sum);
    Decide(tile.decision, n, heard, sum);
  }
}

void Majority(std::span<const TileVote> votes, const TileDecision& decision) {
  Clear(decision);
  for (uint64_t n = 0; n < decision.words * 64; ++n) {
    int32_t sum = 0;
    bool heard = false;
    for (const TileVote& vote : votes) {
      sum += Said(vote, n);
      heard |= Said(vote, n) != 0;
    }
    Decide(decision, n, heard, sum);
  }
}

// A positive float as mantissa in [1, 2), its exponent added to `d`.
float TakeExponent(float x, int32_t sign, int32_t* d) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  *d += sign * (static_cast<int32_t>(bits >> 23) - 127);
  return std::bit_cast<float>((bits & 0x7FFFFFu) | 0x3F800000u);
}

struct LogRatio {
  float plus = 1, minus = 1;  // in [1, 2)
  int32_t d = 0;              // P+ / P- = plus / minus * 2^d
  bool heard = false;

  int32_t Sign() const { return d != 0 ? d : plus > minus ? 1 : plus < minus ? -1 : 0; }
  float Nats() const { return static_cast<float>(d) * kLn2Float + TwoAtanh((plus - minus) / (plus + minus)); }
};

template <typename Count>
LogRatio Product(const LikelihoodTile<Count>& tile, const Count* counts, uint64_t n) {
  LogRatio p{.heard = tile.votes.empty()};
  int32_t k = 0;
  uint32_t factors = 0;
  for (const LikelihoodVote& v : tile.votes) {
    const int32_t said = Said(v.vote, n);
    p.heard |= said != 0;
    if (v.unit_weight) {
      k += said;
      continue;
    }
    if (said != 0) {
      const float c = counts[v.row * 64 + n % 64];
      const float a = std::clamp(v.right - c, v.a_low, v.a_high);
      const float b = std::max(v.sum - a, v.b_low);
      p.plus *= said > 0 ? a : b;
      p.minus *= said > 0 ? b : a;
    }
    if (++factors % tile.rule->period == 0) {
      p.plus = TakeExponent(p.plus, 1, &p.d);
      p.minus = TakeExponent(p.minus, -1, &p.d);
    }
  }
  p.plus = TakeExponent(p.plus, 1, &p.d);
  p.minus = TakeExponent(p.minus, -1, &p.d);
  const int32_t size = std::abs(k);
  (k > 0 ? p.plus : p.minus) *= tile.rule->exp_mantissa[size];
  p.d += k > 0 ? tile.rule->exp_exponent[size] : -tile.rule->exp_exponent[size];
  p.plus = TakeExponent(p.plus, 1, &p.d);
  p.minus = TakeExponent(p.minus, -1, &p.d);
  return p;
}

template <typename Count>
void Likelihood(const LikelihoodTile<Count>& tile) {
  const LikelihoodRule& rule = *tile.rule;
  Clear(tile.decision);
  for (uint64_t n = 0; n < tile.decision.words * 64; ++n) {
    Count* counts = tile.counts + n / 64 * tile.word_stride;
    const LogRatio p = Product(tile, counts, n);
    int32_t decided = p.Sign();
    if (tile.evidence != nullptr) {
      const float increment = std::clamp(p.Nats() * rule.unit, -rule.most, rule.most);
      tile.evidence[n] = Carried(tile.evidence[n], rule.r) + static_cast<int32_t>(std::nearbyint(increment));
      decided = tile.evidence[n];
    }
    Decide(tile.decision, n, p.heard, decided);
    const bool held = Bit(tile.decision.zeros, n);
    const bool sign = Bit(tile.decision.signs, n);
    for (const LikelihoodVote& v : tile.votes) {
      const int32_t said = Said(v.vote, n);
      const uint32_t error = held || said == 0 ? rule.abstention : (said > 0) != sign ? 2 : 0;
      counts[v.row * 64 + n % 64] = static_cast<Count>(counts[v.row * 64 + n % 64] + error);
    }
  }
}

PairCount CountPair(const uint64_t* signs_a, const uint64_t* said_a, const uint64_t* signs_b, const uint64_t* said_b,
                    uint64_t words) {
  PairCount count;
  for (uint64_t i = 0; i < words; ++i) {
    const uint64_t both =
        (said_a == nullptr ? ~uint64_t{0} : said_a[i]) & (said_b == nullptr ? ~uint64_t{0} : said_b[i]);
    count.agree += std::popcount(~(signs_a[i] ^ signs_b[i]) & both);
    count.both += std::popcount(both);
  }
  return count;
}

}  // namespace

const Kernels& ReferenceKernels() {
  static constexpr Kernels kernels = {Sum<int16_t>,        Sum<int32_t>,         Majority,
                                      Likelihood<uint8_t>, Likelihood<uint16_t>, CountPair};
  return kernels;
}

}  // namespace signvote
