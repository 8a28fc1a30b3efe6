// The one-coin model (Dawid and Skene): voters err independently around one true sign, so the agreement of i and j is
// mu_i * mu_j with mu = 1 - 2 * crossover. Here mu of those voters that are all compared with each other, from the
// agreement of pairs, by reweighted least squares. Pure.
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

inline constexpr double kPairDecay = 0.97;  // what a round leaves of what is known of pairs
inline constexpr double kKnownPair = 0.02;  // a pair with less weight is as if never heard

inline constexpr double kLargestMu = 0.98;
inline constexpr double kTiny = 1e-9;
inline constexpr double kOdd = 0.05;  // the influence below which a pair marks its voters

// The lower one, 0 of none; reorders.
double Median(std::vector<double>* values);

inline double Square(double x) { return x * x; }

// The influence (Geman and McClure) of a pair whose residual is e, of which sampling alone has the variance `noise`.
double Influence(double e, double scale, double noise);

struct PanelFit {
  std::vector<double> mu;          // by column
  std::vector<uint8_t> different;  // by column: in a pair of next to no influence
  double r2 = 0;                   // the share of the pairs' squares that mu explains
  double scale = 0;                // s of the last iteration
};

// From what mu was before (`start`, M, or empty); with `afresh`, or where that knows nothing, from the leading
// eigenvector too, and the better of the two is kept. What a pair agrees more or less than mu explains is much where it
// is more than `tolerance` times what a typical pair agrees, or than it usually is.
PanelFit FitPanel(const PairTable& pairs, std::span<const double> start, bool afresh, double tolerance);

}  // namespace signvote
