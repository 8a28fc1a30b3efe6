#include "server/vote/agreement_fit.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "common/random.h"

namespace signvote {
namespace {

constexpr double kLargestMu = 0.98;
constexpr double kTiny = 1e-9;
constexpr int kIterations = 40;
constexpr int kSweeps = 5;
constexpr int kRegressions = 4;  // of a voter without a column; the first by plain least squares
constexpr double kOdd = 0.05;    // the influence below which a pair marks its voters
constexpr double kConverged = 1e-5;
constexpr size_t kFew = 4;  // voters, below which pairs do not tell who errs
// Correlation of errors from which two voters begin to count as one, and where they wholly do. Honest clients with the
// same few classes reach 0.2 (docs/algorithm.md).
constexpr double kNear = 0.3, kNearHostile = 0.05, kLeastSame = 0.85, kSame = 0.9;

double Square(double x) { return x * x; }

// Rows are as long as a whole number of these, zeros at the end. What is added to a sum by lanes is added in the same
// order on every machine.
constexpr size_t kLanes = 8;

size_t Padded(size_t size) { return (size + kLanes - 1) / kLanes * kLanes; }

double Dot(const double* a, const double* b, size_t padded) {
  double sums[kLanes] = {};
  for (size_t j = 0; j < padded; j += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) sums[lane] += a[j + lane] * b[j + lane];
  }
  return ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
}

// The lower median; reorders.
double Median(std::vector<double>* values) {
  if (values->empty()) return 0;
  const auto middle = values->begin() + static_cast<std::ptrdiff_t>((values->size() - 1) / 2);
  std::nth_element(values->begin(), middle, values->end());
  return *middle;
}

// The same, soon where it is about `guess`.
double Median(std::vector<double>* values, double guess) {
  const double from = 0.75 * guess, to = 1.5 * guess;
  std::vector<double> near(values->size());
  size_t below = 0, size = 0;
  for (const double x : *values) {
    below += x < from;
    near[size] = x;
    size += x >= from && x <= to;
  }
  const size_t rank = (values->size() - 1) / 2;
  if (values->empty() || rank < below || rank >= below + size) return Median(values);
  const auto middle = near.begin() + static_cast<std::ptrdiff_t>(rank - below);
  std::nth_element(near.begin(), middle, near.begin() + static_cast<std::ptrdiff_t>(size));
  return *middle;
}

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

// The K voters with columns, against each other.
class Panel {
 public:
  explicit Panel(const PairTable& pairs)
      : k_(pairs.columns.size()),
        row_(Padded(k_)),
        sum_(k_ * row_),
        weight_(k_ * row_),
        c_(k_ * row_),
        noise_(k_ * row_),
        influence_(k_ * row_),
        heeded_sum_(k_ * row_),
        heeded_weight_(k_ * row_),
        retired_sum_(k_),
        retired_weight_(k_) {
    std::vector<double> magnitudes;
    for (size_t i = 0; i < k_; ++i) {
      const size_t row = pairs.columns[i];
      retired_sum_[i] = pairs.retired_sum[row];
      retired_weight_[i] = pairs.retired_weight[row];
      for (size_t j = 0; j < k_; ++j) {
        const double weight = pairs.weight[row * k_ + j];
        if (i == j || weight < kKnownPair) continue;
        const size_t at = i * row_ + j;
        sum_[at] = pairs.sum[row * k_ + j];
        weight_[at] = weight;
        c_[at] = sum_[at] / weight;
        noise_[at] = 1 / (weight * pairs.sample);
        if (i < j) magnitudes.push_back(std::abs(c_[at]));
      }
    }
    typical_ = Median(&magnitudes);
  }

  // The leading eigenvector of C clipped at +- its median magnitude, by power iteration.
  std::vector<double> Eigenvector() const {
    std::vector<double> clipped(c_.size()), v(row_), next(row_);
    for (size_t at = 0; at < c_.size(); ++at) clipped[at] = std::clamp(c_[at], -typical_, typical_);
    for (size_t i = 0; i < k_; ++i) v[i] = static_cast<double>(Mix(i) >> 11) * 0x1.0p-52 - 1;
    const double shift = typical_ * static_cast<double>(k_) / 2;  // the algebraically largest is the one sought
    for (int step = 0; step < 60; ++step) {
      for (size_t i = 0; i < k_; ++i) next[i] = shift * v[i] + Dot(&clipped[i * row_], v.data(), row_);
      const double norm = Dot(next.data(), next.data(), row_);
      if (norm <= 0) break;
      const double scale = 1 / std::sqrt(norm);
      for (size_t i = 0; i < k_; ++i) v[i] = next[i] * scale;
    }
    const double length = std::sqrt(typical_ * static_cast<double>(k_));
    for (double& x : v) x *= length;
    v.resize(k_);
    return v;
  }

  // Iterates from `mu` until it rests.
  void Fit(std::vector<double>* mu) {
    std::vector<double>& m = *mu;
    m.resize(row_);
    std::vector<double> before, squares(row_);
    for (int iteration = 0; iteration < kIterations; ++iteration) {
      before = m;
      Reweigh(m);
      for (size_t i = 0; i < k_; ++i) squares[i] = Square(m[i]);
      for (int sweep = 0; sweep < kSweeps; ++sweep) Sweep(m.data(), squares.data());
      double moved = 0;
      for (size_t i = 0; i < k_; ++i) moved = std::max(moved, std::abs(m[i] - before[i]));
      if (moved < kConverged) break;
    }
    m.resize(k_);
  }

  // What Fit makes small (Geman and McClure), at one scale so that two fits compare: the size of a typical agreement.
  // At a wider one it costs less to overlook that most pairs agree a little than to misfit a few that agree much.
  double Cost(const std::vector<double>& mu) const {
    double cost = 0;
    for (size_t i = 0; i < k_; ++i) {
      for (size_t j = 0; j < i; ++j) {
        const size_t at = i * row_ + j;
        if (weight_[at] == 0) continue;
        const double x2 = Square(c_[at] - mu[i] * mu[j]) / (Square(typical_) + noise_[at]);
        cost += weight_[at] * x2 / (1 + x2);
      }
    }
    return cost;
  }

  // Marks voters with a pair of next to no influence.
  void Judge(const std::vector<double>& mu, std::vector<uint8_t>* different, double* r2) const {
    double residual = 0, total = 0;
    for (size_t i = 0; i < k_; ++i) {
      for (size_t j = 0; j < k_; ++j) {
        const size_t at = i * row_ + j;
        if (weight_[at] == 0) continue;
        if (influence_[at] < kOdd) (*different)[i] = 1;
        const double w = influence_[at] * weight_[at];
        // What sampling alone adds to both is neither signal nor misfit.
        residual += w * (Square(c_[at] - mu[i] * mu[j]) - noise_[at]);
        total += w * (Square(c_[at]) - noise_[at]);
      }
    }
    *r2 = total <= kTiny ? 0 : 1 - std::max(residual, 0.0) / total;
  }

  double scale() const { return scale_; }

 private:
  void Reweigh(const std::vector<double>& mu) {
    residuals_.clear();
    for (size_t i = 0; i < k_; ++i) {
      for (size_t j = 0; j < i; ++j) {
        if (weight_[i * row_ + j] != 0) residuals_.push_back(std::abs(c_[i * row_ + j] - mu[i] * mu[j]));
      }
    }
    typical_residual_ = Median(&residuals_, typical_residual_);
    scale_ = std::max(1.4826 * typical_residual_, typical_) + 0.003;
    for (size_t i = 0; i < k_; ++i) {
      for (size_t at = i * row_, j = 0; j < row_; ++at, ++j) {
        influence_[at] = Influence(c_[at] - mu[i] * mu[j], scale_, noise_[at]);
        heeded_sum_[at] = influence_[at] * sum_[at];
        heeded_weight_[at] = influence_[at] * weight_[at];
      }
    }
  }

  void Sweep(double* mu, double* squares) const {
    for (size_t i = 0; i < k_; ++i) {
      const double up = retired_sum_[i] + Dot(&heeded_sum_[i * row_], mu, row_);
      const double down = retired_weight_[i] + Dot(&heeded_weight_[i * row_], squares, row_);
      mu[i] = std::clamp(up / std::max(down, kTiny), -kLargestMu, kLargestMu);
      squares[i] = Square(mu[i]);
    }
  }

  const size_t k_, row_;
  // K x K, in rows of row_; zeros where a pair is not known.
  std::vector<double> sum_, weight_, c_, noise_;
  std::vector<double> influence_, heeded_sum_,
      heeded_weight_;  // of the last mu; the sums as far as they have influence
  std::vector<double> retired_sum_, retired_weight_;
  std::vector<double> residuals_;
  double typical_ = 0;  // median |C|
  double typical_residual_ = 0;
  double scale_ = 0;
};

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

// mu of the panel, by column, from what it was before, or from nothing where that explains the pairs better.
std::vector<double> FitPanel(const PairTable& pairs, std::span<const double> start, bool afresh, Panel* panel) {
  std::vector<double> mu(pairs.columns.size());
  for (size_t i = 0; i < mu.size() && !start.empty(); ++i) mu[i] = start[pairs.columns[i]];
  const bool knows = std::any_of(mu.begin(), mu.end(), [](double m) { return m != 0; });
  if (afresh || !knows) {
    std::vector<double> fresh = panel->Eigenvector();
    // Its sign is arbitrary, that of what columns left behind is not.
    if (std::inner_product(mu.begin(), mu.end(), fresh.begin(), 0.0) < 0) {
      for (double& m : fresh) m = -m;
    }
    panel->Fit(&fresh);
    if (knows) panel->Fit(&mu);
    if (!knows || panel->Cost(fresh) < panel->Cost(mu)) mu = fresh;
  }
  panel->Fit(&mu);
  return mu;
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

double Influence(double e, double scale, double noise) { return 1 / Square(1 + e * e / (4 * (scale * scale + noise))); }

AgreementFit FitAgreement(const PairTable& pairs, std::span<const double> start, bool afresh, bool assume_hostile) {
  AgreementFit fit;
  fit.mu.assign(pairs.voters, 0);
  fit.different.assign(pairs.voters, 0);
  fit.against.assign(pairs.voters, 0);
  fit.copies.assign(pairs.voters, 1);
  if (pairs.voters < 2) return fit;

  Panel panel(pairs);
  const std::vector<double> mu = FitPanel(pairs, start, afresh, &panel);
  std::vector<uint8_t> different(mu.size(), 0);
  double r2 = 0;
  panel.Judge(mu, &different, &r2);
  fit.scale = panel.scale();
  std::vector<uint8_t> has_column(pairs.voters, 0);
  for (size_t i = 0; i < mu.size(); ++i) {
    fit.mu[pairs.columns[i]] = mu[i];
    fit.different[pairs.columns[i]] = different[i];
    has_column[pairs.columns[i]] = 1;
  }
  Regression regression(pairs, mu, fit.scale);
  for (size_t row = 0; row < pairs.voters; ++row) {
    if (!has_column[row]) regression.Fit(row, &fit);
  }
  const double middle = TypicalMagnitude(fit.mu, pairs.presence);
  fit.flipped = MostAreAgainst(fit.mu, middle, pairs.presence);
  for (double& m : fit.mu) m = fit.flipped ? -m : m;
  Judge(pairs, mu, middle, r2, assume_hostile, &fit);
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
