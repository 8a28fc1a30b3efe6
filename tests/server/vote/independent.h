// docs/arithmetic.md once more, coordinate by coordinate in double arithmetic, sharing no code with server/vote.
#pragma once

#include <map>
#include <vector>

#include "tests/server/vote/random_rounds.h"

namespace signvote {

// +1, -1, 0 = hold, for each coordinate.
std::vector<int> Expand(const SignVector& decision, uint64_t coordinates);

// Integer weights, integer evidence: exact.
class IndependentSum {
 public:
  IndependentSum(uint64_t coordinates, double carry);
  // The evidence so far times numerator / denominator, rounded.
  void Rescale(int64_t numerator, int64_t denominator);
  std::vector<int> Decode(const std::vector<OwnedBallot>& ballots, const std::map<VoterId, int64_t>& weights);

 private:
  const double r_;
  std::vector<double> evidence_;
};

// Votes weighed by log-likelihood ratios of counts, in double.
struct IndependentCount {
  double errors = 0, rounds = 0;  // half units
  int heard = 0;
};

// The prior that one voter has in one round.
struct IndependentPrior {
  bool unit = false;
  double record = 1, weight = 0, low = 0;
};

class IndependentItSignSgd {
 public:
  IndependentItSignSgd(VoteOptions options, uint64_t coordinates) : options_(options), coordinates_(coordinates) {}

  struct Outcome {
    std::vector<int> decision;
    std::vector<double> margin;  // |E| / sum |w| of the round, per coordinate; infinite where nobody was heard
  };
  // `priors` by voter, empty without a prior; `unit` scales what a round adds to the carried evidence.
  Outcome Decide(uint64_t round, const std::vector<OwnedBallot>& ballots,
                 const std::map<VoterId, IndependentPrior>& priors, double unit);
  // Counts the round by the decision that was really taken.
  void Count(const std::vector<int>& decision);

  double Weight(const IndependentCount& count, const IndependentPrior* prior) const;
  const IndependentCount& count(VoterId voter, uint64_t n) { return counts_[voter][n]; }

 private:
  VoteOptions options_;
  uint64_t coordinates_;
  std::map<VoterId, std::vector<IndependentCount>> counts_;
  std::map<VoterId, std::vector<int>> votes_;  // of the round
  std::vector<double> evidence_;
};

}  // namespace signvote
