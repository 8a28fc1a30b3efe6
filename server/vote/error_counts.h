// How often each voter was wrong on each coordinate, and in how many rounds it was counted there (eq. 4), in half
// units: an error counts 2, an abstention or a held coordinate 1, a round 2.
//
// A voter that always votes on the whole block has one number of rounds for it; one that ever voted on stripes has one
// number a stripe from then on. Counts are halved together with their rounds when the rounds would no longer fit, and
// multiplied by `forget` before each round that counts:  x <- floor(x * F / 2^16 + u),  F = round(forget * 2^16),
// u = (round * 40503 mod 2^16) / 2^16. One u for all: errors never exceed rounds, and the mean over rounds is right.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "server/vote/ballot_tiles.h"
#include "server/vote/rule.h"
#include "server/vote/state_io.h"

namespace signvote {

// What is known of a voter on a stripe, or on the whole block.
struct RoundTally {
  uint32_t heard = 0;  // rounds counted, ever
  uint32_t total = 0;  // t: half units, halved and forgotten with the errors
};

// Count: uint8_t or uint16_t.
template <typename Count>
class ErrorCounts {
 public:
  static constexpr uint32_t kFull = sizeof(Count) == 1 ? 254 : 65534;  // t never exceeds this

  ErrorCounts(uint64_t coordinates, double forget);

  // Opens a round: makes rows for new voters, ages the tallies of those that vote. Then Age each tile before it is
  // used, and End when the errors of all are added.
  void Begin(uint64_t round, std::span<const Ballot> ballots);
  void Age(const BallotTiles& tiles);
  void End(std::span<const Ballot> ballots);

  // Some voter has one tally a stripe: tiles must be one stripe each.
  bool by_stripe() const { return by_stripe_; }
  uint32_t row_of_ballot(uint32_t ballot) const { return rows_[ballot]; }  // of this round
  const RoundTally& Tally(uint32_t row, uint64_t stripe) const {
    return tallies_[row].size() == 1 ? tallies_[row][0] : tallies_[row][stripe];
  }
  bool one_tally(uint32_t row) const { return tallies_[row].size() == 1; }

  std::span<const VoterId> voters() const { return voters_; }
  int64_t Row(VoterId voter) const;
  uint64_t rounds(uint32_t row) const { return rounds_[row]; }
  // Counters lie as [word][voter][64].
  Count* at(uint64_t word) { return counts_.data() + word * word_stride(); }
  uint64_t word_stride() const { return voters_.size() * 64; }
  Count count(uint32_t row, uint64_t coordinate) const {
    return counts_[coordinate / 64 * word_stride() + row * 64 + coordinate % 64];
  }

  void Save(StateWriter* writer) const;
  void Restore(StateReader* reader);

 private:
  void AddRows(std::span<const Ballot> ballots);
  uint32_t Forget(uint32_t x) const { return static_cast<uint32_t>((uint64_t{x} * forget_ + nudge_) >> 16); }
  template <typename Body>
  void ForEachTally(const Ballot& ballot, uint32_t row, Body body);

  const uint64_t words_, stripes_;
  const uint32_t forget_;  // F
  std::vector<VoterId> voters_;
  std::vector<uint64_t> rounds_;                  // in which the voter was counted anywhere
  std::vector<std::vector<RoundTally>> tallies_;  // one, or one a stripe
  std::vector<Count> counts_;
  // Of the open round.
  uint32_t nudge_ = 0;
  bool by_stripe_ = false;
  std::vector<uint32_t> rows_;
  std::vector<std::vector<uint8_t>> halve_;  // by row, like tallies_
  bool any_halved_ = false;
};

}  // namespace signvote
