#include "server/vote/agreement_panel.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "common/random.h"

namespace signvote {
namespace {

constexpr int kIterations = 40;
constexpr int kSweeps = 5;
constexpr double kConverged = 1e-5;
constexpr double kWidest = 1;  // tolerance

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

// As Median, soon where it is about `guess`.
double MedianAbout(std::vector<double>* values, double guess) {
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

  // See FitPanel.
  void Tolerate(double tolerance) { tolerated_ = tolerance * typical_; }

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

  // What Fit makes small (Geman and McClure), at one scale so that two fits compare: the least that it has. At a wider
  // one it costs less to overlook that most pairs agree a little than to misfit a few that agree much.
  double Cost(const std::vector<double>& mu) const {
    double cost = 0;
    for (size_t i = 0; i < k_; ++i) {
      for (size_t j = 0; j < i; ++j) {
        const size_t at = i * row_ + j;
        if (weight_[at] == 0) continue;
        const double x2 = Square(c_[at] - mu[i] * mu[j]) / (Square(tolerated_) + noise_[at]);
        cost += weight_[at] * x2 / (1 + x2);
      }
    }
    return cost;
  }

  // After Fit: whether it finds more voters in pairs of next to no influence than not.
  bool MostAreOdd() const {
    size_t odd = 0;
    for (size_t i = 0; i < k_; ++i) odd += IsOdd(i);
    return 2 * odd > k_;
  }

  // What the fit leaves: how much, and which voters have a pair of next to no influence.
  void Judge(PanelFit* fit) const {
    const std::vector<double>& mu = fit->mu;
    fit->different.assign(k_, 0);
    double residual = 0, total = 0;
    for (size_t i = 0; i < k_; ++i) {
      fit->different[i] = IsOdd(i);
      for (size_t j = 0; j < k_; ++j) {
        const size_t at = i * row_ + j;
        if (weight_[at] == 0) continue;
        const double w = influence_[at] * weight_[at];
        // What sampling alone adds to both is neither signal nor misfit.
        residual += w * (Square(c_[at] - mu[i] * mu[j]) - noise_[at]);
        total += w * (Square(c_[at]) - noise_[at]);
      }
    }
    fit->r2 = total <= kTiny ? 0 : 1 - std::max(residual, 0.0) / total;
    fit->scale = scale_;
  }

 private:
  bool IsOdd(size_t i) const {
    for (size_t at = i * row_; at < i * row_ + k_; ++at) {
      if (weight_[at] != 0 && influence_[at] < kOdd) return true;
    }
    return false;
  }

  void Reweigh(const std::vector<double>& mu) {
    residuals_.clear();
    for (size_t i = 0; i < k_; ++i) {
      for (size_t j = 0; j < i; ++j) {
        if (weight_[i * row_ + j] != 0) residuals_.push_back(std::abs(c_[i * row_ + j] - mu[i] * mu[j]));
      }
    }
    typical_residual_ = MedianAbout(&residuals_, typical_residual_);
    scale_ = std::max(1.4826 * typical_residual_, tolerated_) + 0.003;
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
  double typical_ = 0;    // median |C|
  double tolerated_ = 0;  // the least scale
  double typical_residual_ = 0;
  double scale_ = 0;
};

struct FreshFit {
  std::vector<double> mu;
  bool is_sure = false;  // whatever was before
};

// From the leading eigenvector, whose sign is arbitrary: that of `before`, which columns that are gone left behind.
FreshFit FitAfresh(Panel* panel, const std::vector<double>& before, double tolerance) {
  std::vector<double> eigenvector = panel->Eigenvector();
  if (std::inner_product(before.begin(), before.end(), eigenvector.begin(), 0.0) < 0) {
    for (double& m : eigenvector) m = -m;
  }
  FreshFit fresh{eigenvector};
  panel->Fit(&fresh.mu);
  if (tolerance == kWidest) return fresh;
  // In a narrow fit of most voters a few who agree much have no part, even where they were the signal before. One that
  // leaves most voters out is itself of a few: then what all have in common is looked for first.
  fresh.is_sure = !panel->MostAreOdd();
  if (fresh.is_sure) return fresh;
  fresh.mu = eigenvector;
  panel->Tolerate(kWidest);
  panel->Fit(&fresh.mu);
  panel->Tolerate(tolerance);
  panel->Fit(&fresh.mu);
  return fresh;
}

}  // namespace

double Median(std::vector<double>* values) {
  if (values->empty()) return 0;
  const auto middle = values->begin() + static_cast<std::ptrdiff_t>((values->size() - 1) / 2);
  std::nth_element(values->begin(), middle, values->end());
  return *middle;
}

double Influence(double e, double scale, double noise) { return 1 / Square(1 + e * e / (4 * (scale * scale + noise))); }

PanelFit FitPanel(const PairTable& pairs, std::span<const double> start, bool afresh, double tolerance) {
  Panel panel(pairs);
  panel.Tolerate(tolerance);
  PanelFit fit;
  std::vector<double>& mu = fit.mu;
  mu.resize(pairs.columns.size());
  for (size_t i = 0; i < mu.size() && !start.empty(); ++i) mu[i] = start[pairs.columns[i]];
  const bool knows = std::any_of(mu.begin(), mu.end(), [](double m) { return m != 0; });
  if (afresh || !knows) {
    FreshFit fresh = FitAfresh(&panel, mu, tolerance);
    const bool may_stay = knows && !fresh.is_sure;
    if (may_stay) panel.Fit(&mu);
    if (!may_stay || panel.Cost(fresh.mu) < panel.Cost(mu)) mu = std::move(fresh.mu);
  }
  panel.Fit(&mu);
  panel.Judge(&fit);
  return fit;
}

}  // namespace signvote
