// The ballots of the open round, in buffers named by voter and block.
//
// A ballot counts when all its blocks are in; a half-sent one costs the round nothing. Blocks of closed rounds may
// count late, in the open round, with their age. Validated before they come here (Federation::PlanesOf).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "common/blocks.h"
#include "common/sign_vector.h"
#include "server/vote/rule.h"

namespace signvote {

// One voter's complete or growing ballot. Planes are compact when `stripes` of that block is not empty.
struct PendingBallot {
  uint64_t round = 0;                                     // on whose parameters it was computed
  std::vector<std::shared_ptr<const SignVector>> blocks;  // null: missing
  std::vector<std::vector<uint32_t>> stripes;             // empty, or one list a block
  size_t missing = 0;
  uint32_t fraction = 1;  // k, of the voter when it began
  float magnitude = 0;    // the largest of its blocks', which are equal

  bool IsComplete() const { return missing == 0; }
};

// One voter's vote on one block; planes and stripes as in PendingBallot.
struct BlockBallot {
  VoterId voter = 0;
  std::shared_ptr<const SignVector> planes;
  std::vector<uint32_t> stripes;
};

class BallotBox {
 public:
  // kOlderCounts: an older ballot of this voter is complete, and the open round counts that one.
  enum class Outcome { kAdded, kCompleted, kDuplicate, kConflict, kOlderCounts };

  BallotBox(BlockRange range, uint64_t seed) : range_(range), seed_(seed), fresh_on_(range.count) {}

  // `k` is the voter's fraction. kCompleted: this was the last missing block.
  Outcome Add(VoterId voter, uint32_t k, uint64_t round, uint64_t block, std::shared_ptr<const SignVector> planes,
              float magnitude = 0);

  // Complete ballots of closed rounds that no round has counted yet: voter and the ballot's round.
  std::map<VoterId, uint64_t> CompleteLate() const;

  void Discard(VoterId voter);

  // How many have voted on block `index` of the range in the open round, and the votes of these voters (ascending) on
  // it; nothing while one of them has not.
  size_t FreshOn(size_t index) const { return fresh_on_[index]; }
  std::vector<BlockBallot> Fresh(std::span<const VoterId> voters, size_t index) const;

  // The ballots that Close would return, as they are now.
  std::map<VoterId, PendingBallot> Peek(std::span<const VoterId> voters) const;

  // The ballots that count in round `open` for these voters (ascending): the fresh one where complete, else the late
  // one. The box is empty afterwards, but for ballots that are not complete and whose rest may still come, up to
  // `max_staleness` rounds late.
  std::map<VoterId, PendingBallot> Close(uint64_t open, std::span<const VoterId> voters, uint32_t max_staleness);

 private:
  PendingBallot NewBallot(VoterId voter, uint32_t k, uint64_t round) const;

  BlockRange range_;
  uint64_t seed_;
  uint64_t open_ = 1;
  std::map<VoterId, PendingBallot> fresh_;  // of the open round
  std::vector<size_t> fresh_on_;            // how many of them have a block, by block
  std::map<VoterId, PendingBallot> late_;   // of the newest closed round that the voter sent anything for
};

// A complete ballot without a vote on any coordinate.
bool Abstains(const PendingBallot& ballot, const BlockRange& range);

// Views of complete ballots that count in `round` as the tally wants them: one list a block, each ascending by voter.
std::vector<std::vector<Ballot>> BallotsByBlock(const std::map<VoterId, PendingBallot>& ballots, uint64_t round,
                                                size_t blocks);
// Views of votes on one block; all fresh.
std::vector<Ballot> BallotsOf(std::span<const BlockBallot> votes);

}  // namespace signvote
