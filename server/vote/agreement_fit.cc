#include "server/vote/agreement_fit.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "server/vote/agreement_panel.h"

namespace signvote {
namespace {

constexpr int kRegressions = 4;  // of a voter without a column; the first by plain least squares
constexpr size_t kFew = 4;       // voters, below which pairs do not tell who errs
// See FitPanel. Honest voters with data of their own agree more or less than one signal explains. Where they are not
// assumed, those who agree much would pull the fit towards themselves while it overlooks that most agree a little.
constexpr double kTolerance = 1, kToleranceHostile = 0.25;
// Correlation of errors from which two voters begin to count as one, and where they wholly do. Honest clients with the
// same few classes reach 0.2 (docs/algorithm.md).
constexpr double kNear = 0.3, kNearHostile = 0.05, kLeastSame = 0.85, kSame = 0.9;

// The median |mu|, of which each voter is as much as it is present.
double TypicalMagnitude(const std::vector<double>& mu, std::span<const double> presence) {
  std::vector<std::pair<double, double>> magnitudes;
  for (size_t row = 0; row < mu.size(); ++row) magnitudes.emplace_back(std::abs(mu[row]), presence[row]);
  std::sort(magnitudes.begin(), magnitudes.end());
  double left = std::accumulate(presence.begin(), presence.end(), 0.0) / 2;
  for (const auto& [magnitude, present] : magnitudes) {
    left -= present;
    if (left <= 0) return magnitude;
  }
  return 0;
}

// A voter without a column, regressed on those that have one.
class Regression {
 public:
  Regression(const PairTable& pairs, const std::vector<double>& panel, double scale)
      : pairs_(pairs), panel_(panel), scale_(scale), terms_(panel.size()) {}

  void Fit(size_t row, AgreementFit* fit) {
    const size_t k = panel_.size();
    size_t known = 0;
    for (size_t j = 0; j < k; ++j) {
      const double weight = pairs_.weight[row * k + j];
      if (weight < kKnownPair) continue;
      const double sum = pairs_.sum[row * k + j], mu = panel_[j];
      terms_[known++] = {sum / weight, mu, sum * mu, weight * mu * mu, 1 / (weight * pairs_.sample)};
    }
    double mu = 0;
    bool odd = false;
    for (int iteration = 0; iteration < kRegressions; ++iteration) {
      double up = pairs_.retired_sum[row], down = pairs_.retired_weight[row];
      odd = false;
      for (size_t i = 0; i < known; ++i) {
        const Term& t = terms_[i];
        const double influence = iteration == 0 ? 1 : Influence(t.c - mu * t.mu, scale_, t.noise);
        odd |= influence < kOdd;
        up += influence * t.up;
        down += influence * t.down;
      }
      mu = std::clamp(up / std::max(down, kTiny), -kLargestMu, kLargestMu);
    }
    fit->mu[row] = mu;
    fit->different[row] = odd;
  }

 private:
  struct Term {
    double c, mu, up, down, noise;
  };

  const PairTable& pairs_;
  const std::vector<double>& panel_;
  const double scale_;
  std::vector<Term> terms_;
};

// Of a row's mu, from sampling alone.
double StandardError(const PairTable& pairs, const std::vector<double>& panel, size_t row) {
  double precision = 0;
  for (size_t j = 0; j < panel.size(); ++j) precision += pairs.weight[row * panel.size() + j] * Square(panel[j]);
  return 1 / std::sqrt(std::max(precision * pairs.sample, kTiny));
}

size_t Electorate(const PairTable& pairs) {
  return pairs.voters - static_cast<size_t>(std::count(pairs.presence.begin(), pairs.presence.end(), 0.0));
}

// See AgreementFit::copies. Of those who oppose each other only exact opposites, one of whom is heard the other way
// round, are as one. A name that is seldom heard takes nothing from one that is heard much.
double Copies(const PairTable& pairs, std::span<const double> mu, std::span<const double> spread, size_t row,
              double near, size_t electorate) {
  const size_t k = pairs.columns.size();
  double alike = 0;
  size_t others = 0;
  for (size_t j = 0; j < k; ++j) {
    const size_t other = pairs.columns[j];
    if (other == row || pairs.presence[other] == 0) continue;
    ++others;
    const double weight = pairs.weight[row * k + j];
    if (weight < kKnownPair) continue;
    // Their errors go together so much, in units in which wholly is `whole`.
    const double together = pairs.sum[row * k + j] - weight * mu[row] * mu[other];
    const double whole = weight * spread[row] * spread[other];
    if (together <= near * whole && together >= -kSame * whole) continue;
    const double share = together < 0 ? 1 : std::min((together / whole - near) / (kSame - near), 1.0);
    alike += share * std::min(1.0, pairs.presence[other] / pairs.presence[row]);
  }
  return alike == 0 ? 1 : 1 + alike * static_cast<double>(electorate - 1) / static_cast<double>(others);
}

// One voter, one say: a few reliable voters do not decide alone which side is right.
bool MostAreAgainst(const std::vector<double>& mu, double middle, std::span<const double> presence) {
  double heads = 0;
  for (size_t row = 0; row < mu.size(); ++row) {
    heads += presence[row] * std::clamp(2 * mu[row] / std::max(middle, kTiny), -1.0, 1.0);
  }
  return heads < 0;
}

// Who is against the others and who is different, and from that and R^2 the trust.
void Judge(const PairTable& pairs, const std::vector<double>& panel, double middle, double r2, bool assume_hostile,
           AgreementFit* fit) {
  double odd = 0, all = 0;
  for (size_t row = 0; row < pairs.voters; ++row) {
    fit->against[row] = fit->mu[row] < -std::max(0.25 * middle, 4 * StandardError(pairs, panel, row));
    if (!assume_hostile && fit->against[row]) fit->different[row] = 1;
    if (fit->different[row]) odd += pairs.presence[row];
    all += pairs.presence[row];
  }
  const bool many = odd > (assume_hostile ? 0.5 : 0.3) * all;
  fit->trust = many || Electorate(pairs) < kFew ? 0 : std::clamp((r2 - 0.5) / 0.3, 0.0, 1.0);
}

}  // namespace

AgreementFit FitAgreement(const PairTable& pairs, std::span<const double> start, bool afresh, bool assume_hostile) {
  AgreementFit fit;
  fit.mu.assign(pairs.voters, 0);
  fit.different.assign(pairs.voters, 0);
  fit.against.assign(pairs.voters, 0);
  fit.copies.assign(pairs.voters, 1);
  if (pairs.voters < 2) return fit;

  const PanelFit panel = FitPanel(pairs, start, afresh, assume_hostile ? kToleranceHostile : kTolerance);
  fit.scale = panel.scale;
  std::vector<uint8_t> has_column(pairs.voters, 0);
  for (size_t i = 0; i < panel.mu.size(); ++i) {
    fit.mu[pairs.columns[i]] = panel.mu[i];
    fit.different[pairs.columns[i]] = panel.different[i];
    has_column[pairs.columns[i]] = 1;
  }
  Regression regression(pairs, panel.mu, fit.scale);
  for (size_t row = 0; row < pairs.voters; ++row) {
    if (!has_column[row]) regression.Fit(row, &fit);
  }
  const double middle = TypicalMagnitude(fit.mu, pairs.presence);
  fit.flipped = MostAreAgainst(fit.mu, middle, pairs.presence);
  for (double& m : fit.mu) m = fit.flipped ? -m : m;
  Judge(pairs, panel.mu, middle, panel.r2, assume_hostile, &fit);
  // Under hostile a fit that is not trusted explains too little to call the rest copying.
  const double near = assume_hostile ? kLeastSame - fit.trust * (kLeastSame - kNearHostile) : kNear;
  const size_t electorate = Electorate(pairs);
  std::vector<double> spread;  // of a voter's errors
  for (const double m : fit.mu) spread.push_back(std::sqrt(1 - Square(m)));
  for (size_t row = 0; row < pairs.voters; ++row) {
    if (pairs.presence[row] > 0) fit.copies[row] = Copies(pairs, fit.mu, spread, row, near, electorate);
  }
  return fit;
}

}  // namespace signvote
