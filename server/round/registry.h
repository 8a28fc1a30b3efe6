// Every client that was ever admitted, by name. Ordered by name, so that what is derived from it does not depend on who
// came first.
#pragma once

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <bit>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/fingerprint.h"
#include "proto/signvote/v1/federation.pb.h"
#include "proto/signvote/v1/journal.pb.h"

namespace signvote {

struct Client {
  // Kept across restarts.
  uint64_t id = 0;
  std::string name;
  v1::Role role = v1::VOTER;
  uint32_t batch = 0;
  uint32_t fraction = 1;
  bool evicted = false;
  uint64_t rounds_counted = 0;
  uint64_t last_ballot = 0;         // round of its newest counted ballot: this and older ones are never counted again
  float magnitude = 0;              // running mean of what its counted ballots told; 0: nothing
  uint64_t rounds_abstained = 0;    // of those counted: without a vote on any coordinate
  uint32_t recent_abstentions = 0;  // of the last kRecent counted ballots: bit i is that of the i-th last

  // Of this process.
  uint64_t session = 0;                      // 0: not connected
  std::string token;                         // lets it take its session over
  std::map<std::string, uint64_t> settings;  // as in Join
  absl::Time last_seen = absl::InfinitePast();
  uint64_t bytes_up = 0;
  uint64_t bytes_down = 0;
  uint64_t stale_ballots = 0;
  uint64_t refused_ballots = 0;
  uint32_t silent_rounds = 0;  // in a row that ended at the deadline, waiting for it
  uint64_t applied_round = 0;
  Fingerprint applied;
  bool disagrees = false;                   // its last reported fingerprint was not the server's
  std::optional<uint64_t> evaluated_round;  // the newest that it measured
  std::optional<uint64_t> complained;       // the closed round when the log last said that it reports nonsense

  bool IsConnected() const { return session != 0; }
  static constexpr uint32_t kRecent = 20;  // ballots
  // Its ballot of round `ballot_round` counts; the magnitude is finite and at least 0.
  void Count(uint64_t ballot_round, float ballot_magnitude, bool abstained = false);
  uint32_t RecentAbstentions() const { return static_cast<uint32_t>(std::popcount(recent_abstentions)); }
  bool MostlyAbstains() const { return 2 * RecentAbstentions() > kRecent; }
};

class Registry {
 public:
  // Null when there is none.
  Client* Find(std::string_view name);
  const Client* Find(std::string_view name) const;
  Client* FindById(uint64_t id);
  const Client* FindById(uint64_t id) const;

  // The client of this name, made when it is new.
  Client& Admit(const std::string& name);

  std::map<std::string, Client, std::less<>>& clients() { return clients_; }
  const std::map<std::string, Client, std::less<>>& clients() const { return clients_; }

  void Apply(const v1::ClientRecord& record);
  static v1::ClientRecord RecordOf(const Client& client);

  void Save(std::string* out) const;
  absl::Status Restore(std::string_view bytes);

 private:
  std::map<std::string, Client, std::less<>> clients_;
  std::map<uint64_t, Client*> by_id_;
};

// INVALID_ARGUMENT unless it is 1 to 64 of [A-Za-z0-9._-].
absl::Status ValidateName(std::string_view name);

}  // namespace signvote
