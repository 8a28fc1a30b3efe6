// What the shards of one run answer, as one answer: pure. Each takes at least one answer; one alone stays as it is.
#pragma once

#include <span>
#include <vector>

#include "proto/signvote/v1/admin.pb.h"

namespace signvote::ctl {

// Round, ballots and clients are those that all shards have; bytes are sums; the phase is that of the shard that keeps
// the run from going on. The fingerprint is of all blocks where an observer told it for this round, else absent. Absent
// too is what each shard has of its own: run, directory, and the counts of its process.
v1::RunStatus MergeStatus(std::span<const v1::RunStatus> shards);

// Clients by name. Crossover and weight are means over the coordinates of all shards that know the client;
// `coordinates` are those of each shard. A client's fingerprint agrees, or not, once it told all of them one.
v1::ListClientsResponse MergeClients(std::span<const v1::ListClientsResponse> shards,
                                     std::span<const uint64_t> coordinates);

// The blocks of all, ascending; a tensor that shards share has a line for each part.
v1::ClientDetail MergeDetails(std::span<const v1::ClientDetail> shards, std::span<const uint64_t> coordinates);

// That a shard holds.
uint64_t CoordinatesOf(const v1::RunStatus& shard);

}  // namespace signvote::ctl
