// The likelihood product of it-signsgd: the sign of sum of w * Y, w = ln(a / b), without a logarithm a vote.
//
// On each coordinate, voters ascending, all in float32 and multiplications only:
//   P+ <- P+ * (Y = + ? a : b),  P- <- P- * (Y = + ? b : a),  an abstention multiplies nothing
//   a = clamp(right - c, a_low, a_high),  b = max(sum - a, b_low)
// c: half units of error on the coordinate; `sum`: of rounds (2 a round), real ones and those of the prior; `right`:
// what is left of them where c = 0, so without a prior all. Every `period` voters the exponents of P+ and P- are taken
// out into an integer difference d, so nothing under- or overflows and scaling changes no bit. Voters of unit
// weight (warm-up) are counted first: k = sum of Y; e^|k| = mantissa * 2^exponent of a table enters P+ (k > 0) or P-
// (k < 0) last. Then ln(P+ / P-) = d * ln 2 + 2 * atanh((P+ - P-) / (P+ + P-)) with P+, P- in [1, 2).
#pragma once

#include <cstdint>
#include <vector>

#include "server/vote/ballot_tiles.h"

namespace signvote {

struct LikelihoodVote {
  TileVote vote;
  uint32_t row = 0;          // in the counters
  bool unit_weight = false;  // weight exactly 1; what follows is not used
  float sum = 0, right = 0;
  float a_low = 0, a_high = 0, b_low = 0;
};

// Constant over a round.
struct LikelihoodRule {
  uint32_t period = 1;                  // voters between two renormalisations
  uint32_t abstention = 1;              // half units of error for an abstention or a held coordinate
  int32_t r = 0;                        // carry
  float unit = 0;                       // evidence a nat
  float most = 0;                       // |increment| of evidence is at most this
  const float* exp_mantissa = nullptr;  // e^k = mantissa * 2^exponent, mantissa in [1, 2), k from 0
  const int32_t* exp_exponent = nullptr;
};

// e^0 to e^largest, by repeated multiplication in double.
struct ExpTable {
  explicit ExpTable(uint32_t largest);
  std::vector<float> mantissa;
  std::vector<int32_t> exponent;
};

// How many factors of at most `sum` and at least 2^-(1.45 clip + 1) fit between renormalisations; sum < 2^60, clip
// <= 20.
uint32_t LikelihoodPeriod(double sum, double clip);

// 2 * atanh(z) for |z| <= 1/3 by its series to z^13: relative error below 1e-7, odd, exactly 0 at 0.
inline float TwoAtanh(float z) {
  const float s = z * z;
  float sum = 1.0f / 13;
  sum = sum * s + 1.0f / 11;
  sum = sum * s + 1.0f / 9;
  sum = sum * s + 1.0f / 7;
  sum = sum * s + 1.0f / 5;
  sum = sum * s + 1.0f / 3;
  sum = sum * s + 1.0f;
  return (z + z) * sum;
}

inline constexpr float kLn2Float = 0.693147180559945309417f;

}  // namespace signvote
