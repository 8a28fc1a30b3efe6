// Plays the records of a journal on the state of a run, through the same Tally that the live server uses.
#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/signvote/v1/journal.pb.h"
#include "server/round/registry.h"
#include "server/round/tally.h"

namespace signvote {

// What a run has come to after some round.
struct RunState {
  Tally tally;
  Registry registry;
  float step_size = 0;  // set by an administrator; 0: that of the configuration
};

using Bodies = std::span<const std::string_view>;  // the serialised v1::JournalRecords of one append

// A JournalRecord is one field: its number, and its message still serialised, so that ballots can be parsed in
// parallel. DATA_LOSS: it is something else.
struct RecordPart {
  int kind = 0;  // v1::JournalRecord::RecordCase
  std::string_view payload;
};
absl::StatusOr<RecordPart> PartOf(std::string_view body);

// The round that an append closes; nullopt when it closes none. DATA_LOSS: it cannot be parsed.
absl::StatusOr<std::optional<uint64_t>> RoundOf(Bodies bodies);

// Not thread-safe; decodes and applies by `parallel`.
class Replay {
 public:
  // `config`: canonical text of the run, see round_config.h. `state` outlives this.
  Replay(RunState* state, std::string config, ParallelFor parallel)
      : state_(state), config_(std::move(config)), parallel_(std::move(parallel)) {}

  // Plays one append, which closes the round after that of the state, or none. A round with ballots is decoded again
  // and must decide as it is recorded; one without moves the parameters by what is recorded.
  // DATA_LOSS: the records are not those of a round, contradict the state, or decide otherwise. The state is then
  // unspecified.
  absl::Status Play(Bodies bodies);

  // Evidence and reliability are those of the run: every round came with its ballots.
  bool is_exact() const { return is_exact_; }
  uint64_t rounds() const { return rounds_; }  // played

 private:
  // The serialised records of one round, in the order of the journal.
  struct RoundParts {
    std::optional<v1::RoundRecord> round;
    std::vector<std::string_view> ballots, decisions;
    bool is_ended = false;
  };
  // A voter's ballot on a block.
  struct Planes {
    bool is_there = false;
    std::vector<uint32_t> stripes;
    SignVector signs;
  };
  struct Voter {
    uint64_t id = 0;
    uint64_t ballot_round = 0;
    uint32_t k = 1;
    float magnitude = 0;
    bool abstained = false;
  };

  absl::Status PlayRound(const RoundParts& parts);
  absl::StatusOr<std::vector<Voter>> VotersOf(const v1::RoundRecord& round);
  absl::StatusOr<uint64_t> Seed();
  // Fills ballots_ with those that the round counted.
  absl::Status DecodeBallots(std::span<const std::string_view> payloads, std::span<const Voter> voters);
  // Fills decisions_.
  absl::Status DecodeDecisions(std::span<const std::string_view> payloads);
  absl::Status DecodeAgain(std::span<const Voter> voters);
  void Follow(std::span<const Voter> voters);

  RunState* const state_;
  const std::string config_;
  const ParallelFor parallel_;
  std::optional<uint64_t> seed_;
  bool is_exact_ = true;
  uint64_t rounds_ = 0;
  // Reused from round to round.
  std::vector<Planes> ballots_;  // block by block, in the order of voters
  std::vector<SignVector> decisions_;
};

}  // namespace signvote
