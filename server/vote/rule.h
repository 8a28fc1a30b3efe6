// A weight rule decodes the ballots of one block, round after round, and learns how reliable each voter is.
//
// Pure: no clock, no I/O, no threads, no gRPC. What a rule does depends on its construction and the sequence of rounds
// given to it, never on the order in which ballots arrived, the SIMD target or the number of threads: ballots come in
// ascending order of voter, and all arithmetic has one written-down order (docs/arithmetic.md).
//
// Thread-safety: none; one block's rule is used by one thread at a time. Blocks are independent of each other.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/sign_vector.h"

namespace signvote {

using VoterId = uint64_t;  // ClientId(name)

struct VoteOptions {
  std::string rule = "agreement";  // majority | it-signsgd | agreement
  double carry = 0.9;              // rho, in [0, 1)
  // agreement
  bool assume_hostile = false;
  double floor = 0.5;  // of the mean weight, under assume: honest
  // it-signsgd
  uint32_t warmup_rounds = 100;
  double llr_clip = 10;
  uint32_t counter_bits = 16;        // 8 or 16
  double forget = 1;                 // counts are multiplied by this each round, in (0, 1]
  double prior = 100;                // kappa; 0 is the paper's
  bool abstention_is_error = false;  // count an abstention or a held coordinate as a whole error instead of half
};

// One voter's ballot on one block. The planes are dense over the block when `stripes` is empty; else they hold the
// words of these stripes alone, concatenated, and on the other coordinates the voter cast no vote.
struct Ballot {
  VoterId voter = 0;
  std::span<const uint64_t> signs;
  std::span<const uint64_t> zeros;  // empty: no abstentions
  std::span<const uint32_t> stripes;
  uint32_t age = 0;  // rounds late
};

inline constexpr double kUnmeasured = std::numeric_limits<double>::quiet_NaN();

// What a rule knows of a voter on its block.
struct VoterReport {
  uint64_t rounds = 0;             // in which it was counted
  double crossover = kUnmeasured;  // p-hat, or (1 - mu) / 2: mean over coordinates
  double mean_weight = 0;          // of the last round, as log-likelihood ratio (not scaled to integers)
  int64_t weight = 0;  // integer weight in the last decoded round; 0 when it did not vote or weights are per coordinate
  int64_t next_weight = 0;  // integer weight in the next round, if the electorate does not change
  bool different = false;   // put aside by agreement, in a section at least
  double against = 0;       // share of the block's coordinates in whose sections it votes against the others
  double trust = 0;         // lambda of the block; 0 under rules without it
};

// What the next round would be decided by, on some coordinates, all in one unit of the rule's.
struct Forecast {
  std::vector<float> carried;               // evidence, by coordinate
  std::vector<std::vector<float>> weights;  // by voter of the electorate, by coordinate
};

struct BlockShape {
  uint64_t block = 0;
  uint64_t coordinates = 0;
  std::vector<uint32_t> sections{0};  // first stripe of each: CutIntoSections
};

class Rule {
 public:
  virtual ~Rule() = default;

  // Decodes one round: updates evidence and reliability, and writes the decision (`zeros` marks held coordinates,
  // empty when there is none). `ballots` ascend by voter, without repetition. `electorate` ascends too and contains
  // every voter of `ballots`: those whose weights are scaled together, so that a thin round counts thin.
  // `round` is that of the decision (sampling rotates by it).
  virtual void Decode(uint64_t round, std::span<const Ballot> ballots, std::span<const VoterId> electorate,
                      SignVector* decision) = 0;

  virtual VoterReport Report(VoterId voter) const = 0;

  // Crossover and weight (log-likelihood ratio, of the last round) of a voter on each coordinate of [begin, end) of
  // the block; a rule with one weight a section repeats it. Crossovers are kUnmeasured for a
  // voter that was never counted, and under a rule that does not measure.
  virtual void PerCoordinate(VoterId voter, uint64_t begin, uint64_t end, std::vector<float>* crossover,
                             std::vector<float>* weight) const = 0;

  // On coordinates [begin, end) of the block, for an electorate as in Decode.
  virtual void Foresee(std::span<const VoterId> electorate, uint64_t begin, uint64_t end, Forecast* out) const = 0;
  // What a foreseen weight is when the ballot is `age` rounds late.
  virtual float WeightLate(float weight, uint32_t /*age*/) const { return weight; }

  // How alike each pair of known voters votes, -1 to 1, row by row in ascending order of `voters`; empty under rules
  // that do not know. NaN where a pair was never heard together. At most 64 voters: those with whom all are compared.
  virtual void Agreement(std::vector<VoterId>* voters, std::vector<double>* matrix) const;

  // Everything learnt, so that Restore on a fresh rule of the same options and shape continues bit for bit.
  virtual void Save(std::string* out) const = 0;
  virtual absl::Status Restore(std::string_view bytes) = 0;

  // Makes *copy (null, or a copy made before of a rule of the same options and shape) a copy of this. False: what is
  // learnt is too much to be copied each round.
  virtual bool CopyTo(std::unique_ptr<Rule>* /*copy*/) const { return false; }
};

// `target` picks the implementation: kFast uses the best SIMD target of this machine, kReference the plain scalar code
// that the fast one is tested against. Their results are equal bit for bit.
enum class Implementation { kFast, kReference };

std::vector<std::string> RuleNames();

// INVALID_ARGUMENT: an unknown rule name or an option outside its range.
absl::Status ValidateVoteOptions(const VoteOptions& options);
std::unique_ptr<Rule> MakeRule(const VoteOptions& options, BlockShape shape,
                               Implementation implementation = Implementation::kFast);

// What a rule comes to keep, for plans of memory: on N coordinates in so many blocks, of M voters.
struct StateShape {
  uint64_t coordinates = 0, blocks = 0, voters = 0;
  uint64_t sections = 0;  // of all blocks
};
struct StateSize {
  std::string what;
  std::string formula;  // in N, M, blocks and sections
  uint64_t bytes = 0;
};
std::vector<StateSize> PlanState(const VoteOptions& options, const StateShape& shape);  // options that are valid

}  // namespace signvote
