// What a run has learnt: parameters, evidence, reliability and electorate after some round, and the one way in which
// ballots change them. The live server and the replay of a journal both go through here, so they cannot differ.
//
// Thread-safety: none, except that Decode and Apply work on blocks in parallel by the ParallelFor given to them.
#pragma once

#include <absl/status/statusor.h>

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/blocks.h"
#include "common/fingerprint.h"
#include "common/safetensors.h"
#include "common/sign_vector.h"
#include "common/step.h"
#include "server/round/electorate.h"
#include "server/vote/rule.h"

namespace signvote {

// Calls body(i) for every i in [0, count), in any order and on any threads.
using ParallelFor = std::function<void(size_t count, const std::function<void(size_t)>& body)>;
void Serially(size_t count, const std::function<void(size_t)>& body);

class Tally {
 public:
  // parameters: those of the range, after round 0. tensors: of the range, in whose sections voters are judged.
  Tally(const VoteOptions& options, BlockRange range, std::vector<float> parameters,
        std::span<const TensorShape> tensors = {});

  // Decodes round() + 1 from its ballots: ballots[i] are those on block range().first + i, each ascending by voter and
  // all of the same voters. Evidence and reliability move on, parameters do not yet: the decisions first have to be
  // durable. Takes over what was decoded ahead from the same ballots, and returns of how many of the first blocks.
  size_t Decode(std::span<const std::vector<Ballot>> ballots, const ParallelFor& parallel);
  // Decodes blocks [first, first + ballots.size()) of the range for round() + 1 before the ballots on the others are
  // in: on copies, so that nothing anyone sees changes. The planes of `ballots` have to stay where they are until
  // Decode. False: the rule holds too much to be copied.
  bool DecodeAhead(size_t first, std::span<const std::vector<Ballot>> ballots, const ParallelFor& parallel);
  // What DecodeAhead came to on block range().first + index.
  const SignVector& decision_ahead(size_t index) const { return ahead_[index].decision; }
  // How much of the decision of round() + 1 is certain, 0 to 1, when of those who are asked `missing` have no ballot
  // in.
  double Certainty(std::span<const std::vector<Ballot>> ballots, std::span<const VoterId> missing,
                   const ParallelFor& parallel) const;
  // Takes the decisions of round() + 1, one a block, as they were decoded before, where its ballots are not at hand:
  // the electorate moves on, evidence and reliability do not.
  void Follow(std::span<const VoterId> voters, std::vector<SignVector> decisions);
  // The decision of the round that Decode or Apply saw last, one a block.
  std::span<const SignVector> decisions() const { return decisions_; }
  // Moves the parameters by the decoded decisions; the round is then closed.
  void Apply(Step step, const ParallelFor& parallel);

  uint64_t round() const { return round_; }  // closed
  const BlockRange& range() const { return range_; }
  std::span<const float> parameters() const { return *parameters_; }
  // As they are now, for others to keep: while anyone does, they have to be left to them before Apply by MoveOnInACopy.
  std::shared_ptr<const std::vector<float>> ShareParameters() const { return parameters_; }
  void MoveOnInACopy() { parameters_ = std::make_shared<std::vector<float>>(*parameters_); }
  const Fingerprint& fingerprint() const { return fingerprint_; }  // after round()
  Electorate& electorate() { return electorate_; }
  const Electorate& electorate() const { return electorate_; }
  const Rule& rule(uint64_t block) const { return *rules_[block - range_.first]; }

  // All but the parameters, which are saved beside it.
  void Save(std::string* out) const;
  // A tally of the same options and range as saved. INVALID_ARGUMENT when it is not, or the bytes are damaged.
  absl::Status Restore(uint64_t round, std::vector<float> parameters, std::string_view bytes);

 private:
  // A block that was decoded before the round's end, and what from.
  struct Ahead {
    uint64_t round = 0;
    std::vector<VoterId> electorate;
    std::vector<Ballot> ballots;
    std::unique_ptr<Rule> rule;  // null: none was yet
    SignVector decision;

    bool IsOf(uint64_t of_round, std::span<const Ballot> of_ballots, std::span<const VoterId> of_electorate) const;
  };

  std::span<float> BlockParameters(size_t index);

  BlockRange range_;
  std::vector<std::unique_ptr<Rule>> rules_;  // one a block
  std::shared_ptr<std::vector<float>> parameters_;
  Electorate electorate_;
  std::vector<SignVector> decisions_;
  std::vector<Ahead> ahead_;  // by block
  uint64_t round_ = 0;
  Fingerprint fingerprint_;
};

}  // namespace signvote
