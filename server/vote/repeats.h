// How much each voter's ballots of one round repeat those of the round before, on a part of the round's sample: which
// part is not known to voters beforehand. Errors that stay add up where evidence is carried.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "server/vote/kernels.h"
#include "server/vote/pair_counts.h"
#include "server/vote/rule.h"
#include "server/vote/state_io.h"

namespace signvote {

class Repeats {
 public:
  explicit Repeats(const BlockShape& shape);

  static StateSize State(const StateShape& shape);

  // Those of which the next round's BallotSample is to say what ballots say there. Empty before the first round.
  std::span<const uint64_t> words() const { return words_; }
  // Adds one round, whose `sample` was made with words(), and keeps its ballots for the next.
  void Observe(std::span<const Ballot> ballots, const BallotSample& sample, const Kernels& kernels);

  // Mean of the products of a voter's signs in two rounds on end, of late; 0 where next to nothing is known.
  double Agreement(VoterId voter, size_t section) const;

  void Save(StateWriter* writer) const;
  void Restore(StateReader* reader);

 private:
  struct Kept {
    std::vector<double> sum, weight;    // by section, over rounds: of the products, and the share compared; decayed
    std::vector<uint64_t> signs, said;  // by word, of the last round; empty: it did not vote
  };

  void Compare(const VotesOnWords& votes, size_t ballot, const Kernels& kernels, Kept* kept) const;
  void ChooseWords(const BallotSample& sample, std::vector<size_t>* chosen);

  size_t sections_;
  uint64_t words_in_block_;
  std::vector<uint64_t> words_;
  std::vector<uint64_t> ends_;  // of the sections, in words_
  std::map<VoterId, Kept> kept_;
};

}  // namespace signvote
