// Where the HTTP endpoint learns what it shows. Called from its threads, at most a few times a second. None waits for
// clients' ballots; clients, client and reliability read the tally, and so may wait while a round is decoded.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "proto/signvote/v1/admin.pb.h"

namespace signvote {

struct Sources {
  std::function<v1::RunStatus()> status;
  std::function<v1::ListClientsResponse()> clients;
  std::function<absl::StatusOr<v1::ClientDetail>(const std::string& name)> client;
  std::function<v1::ReliabilityReport()> reliability;
  std::function<std::vector<v1::RoundSummary>(uint64_t after)> rounds;  // ascending
  std::function<std::vector<v1::Event>(uint64_t after)> events;         // ascending by id
};

}  // namespace signvote
