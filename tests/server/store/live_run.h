// A run as the server drives it, with random ballots: what the store must bring back.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/random.h"
#include "server/store/round_config.h"
#include "server/store/run_directory.h"

namespace signvote {

// Everything that recovery must restore, to compare.
struct Image {
  uint64_t round = 0;
  std::string fingerprint, learnt, clients;
  float step_size = 0;
  bool operator==(const Image&) const = default;
};
inline void PrintTo(const Image& image, std::ostream* out) {
  *out << "round " << image.round << ", fingerprint " << image.fingerprint << ", step " << image.step_size;
}

struct LiveOptions {
  RoundConfig config;
  uint64_t parameters = 2000;  // at least 3 stripes a block with events, so that every fraction votes somewhere
  uint64_t shard = 0, shards = 1;
  uint32_t voters = 5;
  std::string durability = "ballots";
  uint32_t keep = 3;
  uint64_t seed = 1;       // of ballots and events
  bool has_events = true;  // evictions, changes of step and fraction, late ballots, absences, abstentions
};

RunSetup SetupOf(const LiveOptions& options);
std::vector<float> InitialParameters(const LiveOptions& options);

class LiveRun {
 public:
  // CHECKs that the directory opens.
  LiveRun(Disk& disk, const std::string& directory, const LiveOptions& options);
  LiveRun(OpenedRun run, const LiveOptions& options) : options_(options), run_(std::move(run)) {}

  // Decodes, appends and applies the next round. What an append that fails leaves can be tried again by Retry.
  absl::Status Round();
  absl::Status Retry();
  // Writes a checkpoint; and begins another segment behind it.
  absl::Status WriteCheckpoint();
  absl::Status Checkpoint();

  Image Now() const;
  const OpenedRun& run() const { return run_; }

  std::function<void(double seconds)> on_append;

 private:
  struct Voted {
    uint64_t round = 0;
    uint32_t k = 1;
    float magnitude = 0;
    std::vector<SignVector> blocks;
    std::vector<std::vector<uint32_t>> stripes;
  };

  Voted RandomBallot(const Client& client, uint64_t round, Random& random) const;
  void Events(Random& random);
  void StageSome(Random& random);
  std::vector<v1::JournalRecord> Records() const;

  LiveOptions options_;
  OpenedRun run_;
  std::map<VoterId, Voted> ballots_;        // of the round under way
  std::vector<v1::JournalRecord> records_;  // clients, step and the round's
  Step step_;
};

}  // namespace signvote
