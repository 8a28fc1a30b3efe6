// The one-coin model (Dawid and Skene): voters err independently around one true sign, so the agreement of i and j is
// mu_i * mu_j with mu = 1 - 2 * crossover. Pure: mu from the agreement of pairs, by reweighted least squares.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace signvote {

// What is known of the pairs of M voters (rows) with K of them that have columns.
struct PairTable {
  size_t voters = 0;
  std::span<const uint32_t> columns;    // K rows, ascending
  std::span<const double> sum;          // S, M x K: C = S / B; the part of rows that have columns is symmetric
  std::span<const double> weight;       // B, M x K
  std::span<const double> retired_sum;  // M: sums of S * mu_j and B * mu_j^2 over columns that are gone
  std::span<const double> retired_weight;
  std::span<const double> presence;  // M, 0 to 1: 0 who is not of the electorate, little who is seldom heard
  double sample = 1;                 // coordinates behind a weight of 1
};

struct AgreementFit {
  std::vector<double> mu;          // M, within +-0.98
  std::vector<uint8_t> different;  // M
  std::vector<uint8_t> against;    // M: mu is below 0 by more than chance and little
  // M: how many voters of the electorate err as it does, itself included: copies count whole, who agrees much more than
  // mu explains in part. Where not all have columns, as many as there should be by those that have.
  std::vector<double> copies;
  double trust = 0;      // lambda
  double scale = 0;      // s of the last iteration
  bool flipped = false;  // the whole of mu was negated so that most voters have mu > 0
};

inline constexpr double kKnownPair = 0.02;  // a pair with less weight is as if never heard

// The influence of a pair whose residual is e, known with weight `weight`.
double Influence(double e, double scale, double noise);

// `start` (M, or empty) is where the iteration begins; with `afresh`, or where it knows nothing, the leading
// eigenvector is tried too and the better of the two is kept. Which side is right, who is many and whom to trust is
// said by those who are present: a name that is gone, or heard now and then, has no whole say.
AgreementFit FitAgreement(const PairTable& pairs, std::span<const double> start, bool afresh, bool assume_hostile);

}  // namespace signvote
