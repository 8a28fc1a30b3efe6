#include "server/vote/agreement_weights.h"

#include <algorithm>
#include <cmath>

#include "server/vote/agreement_panel.h"
#include "server/vote/portable_math.h"

namespace signvote {
namespace {

constexpr double kLeastMean = 0.05;
// Correlation of a voter's errors from round to round above which it costs weight. Honest clients with two classes each
// reach 0.25 (docs/algorithm.md).
constexpr double kRepeatsHonest = 0.3, kRepeatsHostile = 0.05;

// Of the entries that are chosen, at least kLeastMean.
double Mean(const std::vector<double>& values, const std::vector<uint8_t>& chosen) {
  double sum = 0;
  size_t count = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    if (!chosen[i]) continue;
    sum += values[i];
    ++count;
  }
  return count == 0 ? kLeastMean : std::max(kLeastMean, sum / static_cast<double>(count));
}

// What carried evidence makes of errors that repeat from round to round. Of ones that are drawn anew each round the
// squares add up, to 1 / (1 - rho^2); of ones that stay, their sizes, to 1 / (1 - rho): of each voter, how many times
// more its errors come to so. Clients that differ in their data repeat themselves too: what honest clients may do, and
// under hostile what most of these do, costs nothing.
std::vector<double> WhatCarryAdds(const AgreementMatrix& matrix, size_t section, std::span<const VoterId> electorate,
                                  const VoteOptions& options) {
  std::vector<double> repeats(electorate.size(), 0), known;
  for (size_t i = 0; i < electorate.size(); ++i) {
    const int64_t row = matrix.Row(electorate[i]);
    if (row < 0) continue;
    repeats[i] = matrix.repeats(section, static_cast<size_t>(row));
    known.push_back(repeats[i]);
  }
  const double usual = options.assume_hostile ? std::max(kRepeatsHostile, 2 * Median(&known)) : kRepeatsHonest;
  const double more = 2 * options.carry / (1 - options.carry);  // (1 - rho^2) / (1 - rho)^2 - 1
  for (double& x : repeats) x = 1 + more * std::max(0.0, x - usual);
  return repeats;
}

// Nobody decides alone: the largest weight is at most what the others have together. It costs one that is right to be
// heard most next to nothing, since the others' errors are many and small; a fit of few voters that says so may be
// wrong.
void LimitLargest(std::vector<double>* weights) {
  double sum = 0, *largest = nullptr;
  for (double& w : *weights) {
    sum += std::abs(w);
    if (largest == nullptr || std::abs(w) > std::abs(*largest)) largest = &w;
  }
  if (largest == nullptr) return;
  const double others = sum - std::abs(*largest);
  if (others > 0 && std::abs(*largest) > others) *largest = std::copysign(others, *largest);
}

}  // namespace

BlendedWeights BlendWeights(const AgreementMatrix& matrix, size_t section, std::span<const VoterId> electorate,
                            const VoteOptions& options) {
  const size_t size = electorate.size();
  BlendedWeights out;
  out.trust = matrix.trust(section);
  out.weights.assign(size, 0);
  std::vector<uint8_t> known(size, 0), different(size, 0);
  std::vector<double> copies(size, 1);
  for (size_t i = 0; i < size; ++i) {
    const int64_t row = matrix.Row(electorate[i]);
    if (row >= 0) copies[i] = matrix.copies(section, static_cast<size_t>(row));
    if (row < 0 || !matrix.known(static_cast<size_t>(row))) continue;
    known[i] = 1;
    different[i] = matrix.different(section, static_cast<size_t>(row));
    const double mu = matrix.mu(section, static_cast<size_t>(row));
    out.weights[i] = PortableLog((1 + mu) / (1 - mu));
  }
  const double base = Mean(out.weights, known);
  for (size_t i = 0; i < size; ++i) {
    if (known[i]) out.weights[i] = out.trust * out.weights[i] + (1 - out.trust) * base;
  }

  const bool put_aside = !options.assume_hostile && out.trust > 0;
  out.learned = known;
  for (size_t i = 0; put_aside && i < size; ++i) out.learned[i] = known[i] && !different[i];
  out.mean = Mean(out.weights, out.learned);
  for (size_t i = 0; i < size; ++i) {
    if (!out.learned[i]) {
      out.weights[i] = out.mean;
    } else if (put_aside) {
      out.weights[i] = std::max(out.weights[i], options.floor * out.mean);
    }
  }
  const std::vector<double> carried = WhatCarryAdds(matrix, section, electorate, options);
  for (size_t i = 0; i < size; ++i) out.weights[i] /= copies[i] * carried[i];
  LimitLargest(&out.weights);
  return out;
}

}  // namespace signvote
