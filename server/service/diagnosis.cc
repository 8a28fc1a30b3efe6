#include "server/service/diagnosis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "server/service/names_text.h"

namespace signvote {
namespace {

constexpr uint64_t kFewRounds = 3;    // too few to say anything
constexpr uint64_t kManyRounds = 30;  // enough to say that there is nothing
constexpr double kAgainst = 0.25;    // of the median |mu|, as where `agreement` says that a voter is against the others
constexpr double kNothing = 0.1;     // of the median |mu|
constexpr double kCopy = 0.8;        // agreement of a pair ...
constexpr double kCopyExcess = 0.3;  // ... and how much of it the one-coin model does not explain
constexpr double kShareOfWorst = 0.5;  // pairs whose residual is that of the worst, about
// Voters accuse one of them where their own typical agreement is such a share of that with it. In a run that has
// converged the gradients of few voters sum to about 0, so that the strongest opposes the rest, who have little in
// common: seen below 0.4.
constexpr double kAccord = 0.5;
// Or where three quarters of their pairs agree at all, which of so many is no chance: the accused may have a far larger
// batch than any of them.
constexpr size_t kManyVoters = 6;
constexpr double kMostPairs = 0.25;

// The value below which that share lies, of those in between the lower; NaN of none.
double QuantileOf(std::vector<double> values, double share) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto at = values.begin() + static_cast<ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

double MedianMagnitude(std::span<const double> mu) {
  std::vector<double> known;
  for (const double x : mu) {
    if (!std::isnan(x)) known.push_back(std::abs(x));
  }
  if (known.empty()) return 0;
  std::nth_element(known.begin(), known.begin() + static_cast<ptrdiff_t>(known.size() / 2), known.end());
  return known[known.size() / 2];
}

std::string Names(std::span<const VoterView> voters, const std::vector<size_t>& those) {
  std::vector<std::string> names;
  for (const size_t i : those) names.push_back(voters[i].name);
  return NamesText(names);
}

class Examination {
 public:
  Examination(std::span<const VoterView> voters, std::span<const double> matrix) : voters_(voters), matrix_(matrix) {
    for (const VoterView& voter : voters) mu_.push_back(1 - 2 * voter.crossover);
    median_ = MedianMagnitude(mu_);
  }

  double mu(size_t i) const { return mu_[i]; }
  double typical() const { return median_; }

  Diagnosis Of(size_t i) const {
    const VoterView& voter = voters_[i];
    if (voter.rounds < kFewRounds || std::isnan(mu_[i]) || voters_.size() < 3) return {};
    if (Opposes(i)) {
      return {v1::VOTES_AGAINST,
              fmt::format("{} votes against the others, wrong on {:.1f} % of the coordinates: flipped signs? {}",
                          voter.name, 100 * voter.crossover, WhatIsDone(voter))};
    }
    if (voter.against > 0) {
      return {v1::VOTES_AGAINST,
              fmt::format("{0} votes against the others in some tensors, {1:.1f} % of the coordinates: `signvotectl "
                          "client {0}` shows which. Is a part of its model or loss another?",
                          voter.name, 100 * voter.against)};
    }
    if (voter.different && !matrix_.empty()) return Different(i);
    if (voter.rounds >= kManyRounds && std::abs(mu_[i]) < kNothing * median_) {
      return {
          v1::SAYS_NOTHING,
          fmt::format(
              "{}'s votes are as good as random (crossover {:.4f}): too small a batch, a broken gradient, or labels of "
              "another task?",
              voter.name, voter.crossover)};
    }
    return {};
  }

  // The others agree with each other, so that there is something to be against. Those who oppose them count as what
  // they would be the other way round.
  bool MayBeAccused(size_t i) const {
    if (matrix_.empty()) return true;
    std::vector<double> others, own;  // pairs without it, with it
    for (size_t j = 0; j < voters_.size(); ++j) {
      for (size_t k = 0; k < j; ++k) {
        const double pair = Opposes(j) == Opposes(k) ? Agreement(j, k) : -Agreement(j, k);
        if (!std::isnan(pair)) (j == i || k == i ? own : others).push_back(pair);
      }
    }
    const double typical = QuantileOf(others, 0.5);
    if (typical > 0 && typical >= kAccord * MedianMagnitude(own)) return true;
    return voters_.size() >= kManyVoters && QuantileOf(std::move(others), kMostPairs) > 0;
  }

 private:
  // Without a matrix the crossover alone has to do.
  bool Opposes(size_t i) const { return mu_[i] < -kAgainst * median_ && (voters_[i].against > 0 || matrix_.empty()); }

  static std::string WhatIsDone(const VoterView& voter) {
    if (voter.weight < 0) return fmt::format("It is heard the other way round (weight {:.3f}).", voter.weight);
    return fmt::format("It is still heard, with weight {:.3f}: evict it if that is no mistake of yours.", voter.weight);
  }

  double Agreement(size_t i, size_t j) const { return matrix_[i * voters_.size() + j]; }
  // What the one-coin model leaves unexplained; NaN for pairs that were never heard together.
  double Residual(size_t i, size_t j) const { return Agreement(i, j) - mu_[i] * mu_[j]; }

  template <typename Predicate>
  std::vector<size_t> Those(size_t i, Predicate predicate) const {
    std::vector<size_t> those;
    for (size_t j = 0; j < voters_.size(); ++j) {
      if (j != i && predicate(j)) those.push_back(j);
    }
    return those;
  }

  Diagnosis Different(size_t i) const {
    const std::string& name = voters_[i].name;
    const auto copies = Those(i, [&](size_t j) { return Agreement(i, j) >= kCopy && Residual(i, j) >= kCopyExcess; });
    if (!copies.empty()) {
      return {v1::COPIES, fmt::format("{} casts nearly the same ballots as {}: copies of one client?", name,
                                      Names(voters_, copies))};
    }
    double worst = 0;
    for (size_t j = 0; j < voters_.size(); ++j) {
      if (j != i && std::abs(Residual(i, j)) > std::abs(worst)) worst = Residual(i, j);
    }
    if (worst == 0) return {};
    const auto others = Those(i, [&](size_t j) { return Residual(i, j) / worst > kShareOfWorst; });
    if (worst > 0) {
      return {v1::ALIKE, fmt::format("{} agrees with {} more than one common signal explains: the same data?", name,
                                     Names(voters_, others))};
    }
    return {v1::UNLIKE, fmt::format("{} agrees with {} less than one common signal explains: other data?", name,
                                    Names(voters_, others))};
  }

  const std::span<const VoterView> voters_;
  const std::span<const double> matrix_;
  std::vector<double> mu_;
  double median_ = 0;
};

}  // namespace

std::vector<Diagnosis> Diagnose(std::span<const VoterView> voters, std::span<const double> matrix) {
  const Examination examination(voters, matrix);
  std::vector<Diagnosis> found;
  for (size_t i = 0; i < voters.size(); ++i) found.push_back(examination.Of(i));
  // Most cannot be against most: then there is not one signal, and nothing to accuse anyone of.
  const auto against =
      std::count_if(found.begin(), found.end(), [](const Diagnosis& d) { return d.suspicion == v1::VOTES_AGAINST; });
  const bool are_most = 2 * static_cast<size_t>(against) >= voters.size();
  for (size_t i = 0; i < voters.size(); ++i) {
    if (found[i].suspicion == v1::VOTES_AGAINST && (are_most || !examination.MayBeAccused(i))) found[i] = {};
  }
  for (size_t i = 0; i < voters.size(); ++i) {
    found[i].mu = examination.mu(i);
    found[i].typical = examination.typical();
  }
  return found;
}

std::vector<size_t> OrderByLikeness(std::span<const double> matrix, size_t voters) {
  auto like = [&](size_t i, size_t j) {
    const double x = matrix[i * voters + j];
    return std::isnan(x) ? 0.0 : x;
  };
  std::vector<std::vector<size_t>> clusters;
  for (size_t i = 0; i < voters; ++i) clusters.push_back({i});
  // Sums over the pairs between two clusters, so that a merge adds rows.
  std::vector<double> sums(voters * voters);
  for (size_t i = 0; i < voters; ++i) {
    for (size_t j = 0; j < voters; ++j) sums[i * voters + j] = like(i, j);
  }
  std::vector<size_t> live(voters);
  for (size_t i = 0; i < voters; ++i) live[i] = i;
  while (live.size() > 1) {
    size_t best_a = 0, best_b = 1;
    double best = -std::numeric_limits<double>::infinity();
    for (size_t a = 0; a < live.size(); ++a) {
      for (size_t b = a + 1; b < live.size(); ++b) {
        const double mean =
            sums[live[a] * voters + live[b]] / static_cast<double>(clusters[live[a]].size() * clusters[live[b]].size());
        if (mean > best) best = mean, best_a = a, best_b = b;
      }
    }
    std::vector<size_t>& left = clusters[live[best_a]];
    std::vector<size_t>& right = clusters[live[best_b]];
    const double ends[] = {like(left.back(), right.front()), like(left.back(), right.back()),
                           like(left.front(), right.front()), like(left.front(), right.back())};
    const auto join = std::max_element(std::begin(ends), std::end(ends)) - std::begin(ends);
    if (join >= 2) std::reverse(left.begin(), left.end());
    if (join % 2 == 1) std::reverse(right.begin(), right.end());
    left.insert(left.end(), right.begin(), right.end());
    for (const size_t other : live) {
      const double sum = sums[live[best_a] * voters + other] + sums[live[best_b] * voters + other];
      sums[live[best_a] * voters + other] = sums[other * voters + live[best_a]] = sum;
    }
    live.erase(live.begin() + static_cast<ptrdiff_t>(best_b));
  }
  return voters == 0 ? std::vector<size_t>() : clusters[live[0]];
}

}  // namespace signvote
