#include "tests/server/vote/independent.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace signvote {

std::vector<int> Expand(const SignVector& decision, uint64_t coordinates) {
  std::vector<int> out;
  for (uint64_t n = 0; n < coordinates; ++n) {
    const bool zero = !decision.zeros.empty() && (decision.zeros[n / 64] >> (n % 64) & 1);
    out.push_back(zero ? 0 : (decision.signs[n / 64] >> (n % 64) & 1) ? 1 : -1);
  }
  return out;
}

IndependentSum::IndependentSum(uint64_t coordinates, double carry)
    : r_(std::min(32767.0, std::round(carry * 32768))), evidence_(coordinates, 0.0) {}

void IndependentSum::Rescale(int64_t numerator, int64_t denominator) {
  for (double& e : evidence_) {
    e = std::floor(e * static_cast<double>(numerator) / static_cast<double>(denominator) + 0.5);
  }
}

std::vector<int> IndependentSum::Decode(const std::vector<OwnedBallot>& ballots,
                                        const std::map<VoterId, int64_t>& weights) {
  std::vector<std::vector<int>> votes;
  for (const OwnedBallot& ballot : ballots) votes.push_back(Expand(ballot, evidence_.size()));
  std::vector<int> decision;
  for (size_t n = 0; n < evidence_.size(); ++n) {
    double& e = evidence_[n];
    e = std::floor((e * r_ + 16384) / 32768);
    bool cast = false, heard = false;
    for (size_t b = 0; b < ballots.size(); ++b) {
      cast |= votes[b][n] != kNoVote;
      if (votes[b][n] == kNoVote || votes[b][n] == 0) continue;
      heard = true;
      e += static_cast<double>(weights.at(ballots[b].voter)) * votes[b][n];
    }
    decision.push_back((cast && !heard) || e == 0 ? 0 : e > 0 ? 1 : -1);
  }
  return decision;
}

double IndependentItSignSgd::Weight(const IndependentCount& count, const IndependentPrior* prior) const {
  const double c = count.errors, t = count.rounds;
  if (prior == nullptr) {
    if (count.heard < std::max(1.0, double{static_cast<double>(options_.warmup_rounds)}) || t == 0) return 1;
    if (c == 0) return options_.llr_clip;
    if (c == t) return -options_.llr_clip;
    return std::clamp(std::log((t - c) / c), -options_.llr_clip, options_.llr_clip);
  }
  if (prior->unit) return 1;
  const double q = 1 / (1 + std::exp(prior->weight)), kappa = 2 * options_.prior;
  const double w = std::log((prior->record * (t - c) + kappa * (1 - q)) / (prior->record * c + kappa * q));
  return std::clamp(w, prior->low, options_.llr_clip);
}

IndependentItSignSgd::Outcome IndependentItSignSgd::Decide(uint64_t round, const std::vector<OwnedBallot>& ballots,
                                                           const std::map<VoterId, IndependentPrior>& priors,
                                                           double unit) {
  evidence_.resize(coordinates_);
  votes_.clear();
  const double full = options_.counter_bits == 8 ? 254 : 65534;
  const double forget = std::round(options_.forget * 65536) / 65536;
  const double nudge = static_cast<double>(round * 40503 % 65536) / 65536;
  for (const OwnedBallot& ballot : ballots) {
    std::vector<int>& votes = votes_[ballot.voter] = Expand(ballot, coordinates_);
    std::vector<IndependentCount>& counts = counts_[ballot.voter];
    counts.resize(coordinates_);
    for (uint64_t n = 0; n < coordinates_; ++n) {
      if (votes[n] == kNoVote) continue;
      IndependentCount& count = counts[n];
      for (double* x : {&count.errors, &count.rounds}) *x = forget < 1 ? std::floor(*x * forget + nudge) : *x;
      if (count.rounds + 2 > full) {
        count.rounds = std::floor(count.rounds / 2);
        count.errors = std::floor(count.errors / 2);
      }
    }
  }
  Outcome outcome;
  for (uint64_t n = 0; n < coordinates_; ++n) {
    double sum = 0, size = 0;
    bool cast = false, heard = false;
    for (const auto& [voter, votes] : votes_) {
      cast |= votes[n] != kNoVote;
      if (votes[n] == kNoVote || votes[n] == 0) continue;
      const double w = Weight(counts_[voter][n], priors.empty() ? nullptr : &priors.at(voter));
      sum += w * votes[n];
      size += std::abs(w);
      heard = true;
    }
    evidence_[n] = options_.carry * evidence_[n] + unit * sum;
    const double e = evidence_[n];
    const bool holds = cast && !heard;
    outcome.decision.push_back(holds || e == 0 ? 0 : e > 0 ? 1 : -1);
    outcome.margin.push_back(!holds ? std::abs(e) / (unit * std::max(size, 0.1))
                                    : std::numeric_limits<double>::infinity());
  }
  return outcome;
}

void IndependentItSignSgd::Count(const std::vector<int>& decision) {
  for (const auto& [voter, votes] : votes_) {
    for (uint64_t n = 0; n < coordinates_; ++n) {
      if (votes[n] == kNoVote) continue;
      IndependentCount& count = counts_[voter][n];
      const bool zero = votes[n] == 0 || decision[n] == 0;
      count.errors += zero ? (options_.abstention_is_error ? 2 : 1) : votes[n] != decision[n] ? 2 : 0;
      count.rounds += 2;
      count.heard += 1;
    }
  }
}

}  // namespace signvote
