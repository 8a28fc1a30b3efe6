#include "tests/server/vote/random_rounds.h"

#include <algorithm>

#include "common/blocks.h"

namespace signvote {

OwnedBallot RandomRounds::Vote(size_t voter, const std::vector<uint64_t>& truth) {
  OwnedBallot ballot;
  ballot.voter = Mix(voter);
  ballot.age = voter % 5 == 2 ? static_cast<uint32_t>(random_.Below(4)) : 0;
  const double crossover = 0.1 + 0.35 * static_cast<double>(voter) / static_cast<double>(shape_.voters);
  std::vector<uint64_t> signs, zeros;
  for (const uint64_t word : truth) {
    zeros.push_back(bits_.Next(voter % 2 == 0 ? shape_.abstain : 0));
    signs.push_back((word ^ bits_.Next(crossover)) & ~zeros.back());
  }
  MaskTail(&signs, shape_.coordinates);
  MaskTail(&zeros, shape_.coordinates);
  if (shape_.stripes && voter % 3 == 1) {
    for (uint32_t stripe = 0; stripe < StripesFor(shape_.coordinates); ++stripe) {
      if (random_.Below(voter % 2 == 0 ? 8 : 2) != 0) continue;
      ballot.stripes.push_back(stripe);
      const uint64_t begin = stripe * kWordsPerStripe;
      const uint64_t end = std::min<uint64_t>(begin + kWordsPerStripe, signs.size());
      ballot.signs.insert(ballot.signs.end(), signs.begin() + begin, signs.begin() + end);
      ballot.zeros.insert(ballot.zeros.end(), zeros.begin() + begin, zeros.begin() + end);
    }
  }
  if (ballot.stripes.empty()) {
    ballot.signs = signs;
    ballot.zeros = zeros;
  }
  if (shape_.abstain == 0 || voter % 2 == 1) ballot.zeros.clear();
  return ballot;
}

RandomRound RandomRounds::Next() {
  std::vector<uint64_t> truth;
  for (uint64_t w = 0; w < WordsFor(shape_.coordinates); ++w) truth.push_back(bits_.Next(0.5));
  RandomRound round;
  ++round_;
  const size_t voters = shape_.newcomers ? std::min(shape_.voters, round_ + 1) : shape_.voters;
  for (size_t voter = 0; voter < voters; ++voter) {
    round.electorate.push_back(Mix(voter));
    if (random_.Unit() < shape_.absent) continue;
    round.ballots.push_back(Vote(voter, truth));
  }
  std::sort(round.electorate.begin(), round.electorate.end());
  std::sort(round.ballots.begin(), round.ballots.end(),
            [](const OwnedBallot& a, const OwnedBallot& b) { return a.voter < b.voter; });
  return round;
}

std::vector<int> Expand(const OwnedBallot& ballot, uint64_t coordinates) {
  std::vector<int> votes(coordinates, kNoVote);
  uint64_t place = 0;  // bit in the planes
  for (uint64_t n = 0; n < coordinates; ++n) {
    const bool voted = ballot.stripes.empty() || std::binary_search(ballot.stripes.begin(), ballot.stripes.end(),
                                                                    static_cast<uint32_t>(n / kStripeCoordinates));
    if (!voted) continue;
    const auto bit = [&](const std::vector<uint64_t>& plane) { return plane[place / 64] >> (place % 64) & 1; };
    votes[n] = !ballot.zeros.empty() && bit(ballot.zeros) ? 0 : bit(ballot.signs) ? 1 : -1;
    ++place;
  }
  return votes;
}

}  // namespace signvote
