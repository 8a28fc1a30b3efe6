// What must hold whatever happens. Told of everything by the hosts; breaks the world where something does not hold.
//
// - Rounds move forward: what anyone was told of a round is never undone, not by a restart either.
// - Everyone's parameters after a round have one fingerprint, and it is what an independent tally of the round's
// ballots
//   leads to: the ballots are computed again from the seed, so a ballot that was altered, mixed up or counted for
//   another round shows.
// - No ballot is counted twice, nor one that is too old, nor an evicted voter's; no round closes below the quorum.
// - Honest peers never break the protocol.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/fingerprint.h"
#include "server/round/registry.h"
#include "server/round/tally.h"
#include "tests/simulation/scenario.h"
#include "tests/simulation/world.h"

namespace signvote::simulation {

class Invariants {
 public:
  Invariants(World* world, const Scenario* scenario, const BlockRange& range, const Tensors& initial);

  // The store: what is to become durable; it may also come true only after a restart.
  void Appending(std::span<const v1::JournalRecord> records);
  void Appended();

  // The server.
  void Recovered(uint64_t round, const Fingerprint& fingerprint, const Registry& registry);
  void Closed(uint64_t round, uint32_t ballots);

  // A client's: before and after it handles a message.
  void Told(const std::string& client, const v1::ServerMessage& message);
  void Holds(const std::string& client, uint64_t round, const Fingerprint& fingerprint);

  // Of the newest durable round.
  uint64_t round() const { return durable_; }
  Fingerprint fingerprint() const { return fingerprints_.at(durable_); }
  uint64_t ballots() const { return counted_.size(); }

 private:
  struct Round {
    v1::RoundRecord record;
    std::vector<v1::ClientRecord> clients;
    size_t decisions = 0;
  };
  void Commit(const Round& round);
  void CheckCounting(const Round& round);
  void Tally_(const Round& round);
  void Agree(uint64_t round, const Fingerprint& fingerprint, const std::string& who);
  const std::string& NameOf(VoterId voter) const;

  World* const world_;
  const Scenario* const scenario_;
  std::map<VoterId, std::string> names_;

  std::optional<Round> appending_;
  uint64_t durable_ = 0;  // rounds
  uint64_t told_ = 0;     // the newest round of which anyone was told a decision
  std::map<uint64_t, Fingerprint> fingerprints_;
  std::set<std::pair<VoterId, uint64_t>> counted_;  // voter and the ballot's round

  std::map<std::pair<VoterId, uint64_t>, float> magnitudes_;  // that voters were told, by round

  Tally tally_;
  bool has_started_ = false;
  bool is_exact_ = true;  // the server's tally knows all that this one does
};

}  // namespace signvote::simulation
