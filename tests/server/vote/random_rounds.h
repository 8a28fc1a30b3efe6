// Rounds of random ballots with everything that may happen: abstentions, absent voters, newcomers, stripes, short
// blocks.
#pragma once

#include <vector>

#include "tests/server/vote/electorate.h"

namespace signvote {

struct RoundShape {
  uint64_t coordinates = 5000;
  size_t voters = 15;
  double abstain = 0;      // share of abstentions, in every second voter
  double absent = 0;       // share of the electorate that does not vote
  bool stripes = false;    // every third voter votes on a half or an eighth of the stripes alone
  bool newcomers = false;  // the electorate grows from two voters to all, one a round
};

struct RandomRound {
  std::vector<OwnedBallot> ballots;
  std::vector<VoterId> electorate;
};

class RandomRounds {
 public:
  RandomRounds(RoundShape shape, uint64_t seed) : shape_(shape), bits_(seed), random_(Mix(seed + 1)) {}
  RandomRound Next();

 private:
  OwnedBallot Vote(size_t voter, const std::vector<uint64_t>& truth);

  const RoundShape shape_;
  BiasedBits bits_;
  Random random_;
  size_t round_ = 0;
};

// A vote on a coordinate of the block: +1, -1, 0 for an abstention, kNoVote where the voter did not vote.
inline constexpr int kNoVote = 9;
std::vector<int> Expand(const OwnedBallot& ballot, uint64_t coordinates);

}  // namespace signvote
