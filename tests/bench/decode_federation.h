// M voters' ballots on all blocks of N coordinates, and a rule for each block: rounds of decoding, without a network.
#pragma once

#include <memory>
#include <vector>

#include "common/blocks.h"
#include "common/thread_pool.h"
#include "server/vote/rule.h"
#include "tests/server/vote/electorate.h"

namespace signvote {

struct DecodeFederation {
  // A third of the voters err in a quarter of the coordinates, the others in less than a half. With `fraction` k each
  // votes on one stripe in k, another one in each of kDraws rounds that take turns. Blocks have so many equal sections.
  DecodeFederation(size_t voters, uint64_t parameters, uint32_t fraction = 1, uint32_t sections = 1);

  // Starts over with this rule; a few rounds are decoded first.
  void Use(const VoteOptions& options);
  // Decodes one round; in parallel over blocks where there is a pool.
  void Round(ThreadPool* pool = nullptr);

  double Votes() const {
    return static_cast<double>(range.parameters) * static_cast<double>(electorate.size()) / fraction;
  }
  BlockShape Shape(uint64_t block) const;
  uint64_t BallotBytes() const { return range.parameters / 8 * electorate.size() / fraction; }

  static constexpr size_t kDraws = 2;
  const BlockRange range;
  const uint32_t fraction, sections;
  std::vector<VoterId> electorate;
  std::vector<std::vector<OwnedBallot>> ballots[kDraws];  // by block
  std::vector<std::vector<Ballot>> views[kDraws];
  std::vector<std::unique_ptr<Rule>> rules;
  std::vector<SignVector> decisions;
  uint64_t round = 0;
};

}  // namespace signvote
