// What signvotectl shows of the server's answers, as text. Pure.
#pragma once

#include <absl/time/time.h>

#include <string>
#include <vector>

#include "proto/signvote/v1/admin.pb.h"

namespace signvote::ctl {

std::string PhaseName(v1::Phase phase);  // "collecting"

// "votes against", from VOTES_AGAINST; "" without suspicion.
std::string SuspicionName(v1::Suspicion suspicion);

// "2026-11-21 15:37:10  round 12  suspected  phone-07: why" in this time zone.
std::string RenderEvent(const v1::Event& event, absl::TimeZone zone);

// "different, votes against, evicted, away", or "" for a client that is connected and heard like the others.
std::string Flags(const v1::ClientSummary& client);

std::string RenderStatus(const v1::RunStatus& status);
// A line a shard: `servers` are their names, in the same order.
std::string RenderShards(const std::vector<std::string>& servers, const std::vector<v1::RunStatus>& shards);
std::string RenderClients(const v1::ListClientsResponse& response);
std::string RenderClient(const v1::ClientDetail& detail);

// The live view of a run: a few lines without a newline at their ends, each at most `width` columns.
std::vector<std::string> RenderWatch(const v1::RunStatus& status, size_t width);

// The same as one line, for logs.
std::string RenderWatchLine(const v1::RunStatus& status);

}  // namespace signvote::ctl
