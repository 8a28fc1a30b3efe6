#include "server/ctl/merge.h"

#include <algorithm>
#include <map>
#include <string>

#include "common/blocks.h"

namespace signvote::ctl {
namespace {

// The higher, the more it says about why the whole does not go on.
int Weight(v1::Phase phase) {
  switch (phase) {
    case v1::STALLED:
      return 6;
    case v1::STOPPING_RUN:
      return 5;
    case v1::PAUSED:
      return 4;
    case v1::WAITING:
      return 3;
    case v1::CLOSING:
      return 2;
    case v1::COLLECTING:
      return 1;
    default:
      return 0;  // finished: only when all are
  }
}

struct ClientParts {
  std::vector<const v1::ClientSummary*> parts;
  std::vector<double> coordinates;
};

v1::ClientSummary MergeSummary(const ClientParts& client) {
  v1::ClientSummary merged = *client.parts.front();
  double total = 0, crossover = 0, weight = 0;
  for (size_t i = 0; i < client.parts.size(); ++i) {
    const v1::ClientSummary& part = *client.parts[i];
    total += client.coordinates[i];
    crossover += client.coordinates[i] * part.crossover();
    weight += client.coordinates[i] * part.mean_weight();
    if (i == 0) continue;
    merged.set_connected(merged.connected() && part.connected());
    merged.set_evicted(merged.evicted() || part.evicted());
    merged.set_different(merged.different() || part.different());
    merged.set_silent(merged.silent() || part.silent());
    if (merged.suspicion() == v1::NO_SUSPICION) {
      merged.set_suspicion(part.suspicion());
      merged.set_explanation(part.explanation());
    }
    merged.set_rounds_counted(std::min(merged.rounds_counted(), part.rounds_counted()));
    merged.set_rounds_abstained(std::min(merged.rounds_abstained(), part.rounds_abstained()));
    merged.set_last_seen_seconds(std::max(merged.last_seen_seconds(), part.last_seen_seconds()));
    merged.set_bytes_up(merged.bytes_up() + part.bytes_up());
    merged.set_bytes_down(merged.bytes_down() + part.bytes_down());
    merged.set_round(std::min(merged.round(), part.round()));
    merged.set_rounds_behind(std::max(merged.rounds_behind(), part.rounds_behind()));
    merged.clear_fingerprint();
    if (merged.has_fingerprint_agrees() && part.has_fingerprint_agrees()) {
      merged.set_fingerprint_agrees(merged.fingerprint_agrees() && part.fingerprint_agrees());
    } else {
      merged.clear_fingerprint_agrees();
    }
    merged.set_stale_ballots(merged.stale_ballots() + part.stale_ballots());
    merged.set_refused_ballots(merged.refused_ballots() + part.refused_ballots());
  }
  merged.set_crossover(crossover / total);
  merged.set_mean_weight(weight / total);
  return merged;
}

void AddTo(v1::RunStatus* sum, const v1::RunStatus& part) {
  if (part.round() < sum->round()) sum->set_step(part.step());
  sum->set_round(std::min(sum->round(), part.round()));
  sum->set_ballots(std::min(sum->ballots(), part.ballots()));
  sum->set_voters(std::min(sum->voters(), part.voters()));
  sum->set_observers(std::min(sum->observers(), part.observers()));
  sum->set_first_block(std::min(sum->first_block(), part.first_block()));
  sum->set_blocks(sum->blocks() + part.blocks());
  sum->set_seconds(std::max(sum->seconds(), part.seconds()));
  sum->set_seconds_per_round(std::max(sum->seconds_per_round(), part.seconds_per_round()));
  sum->set_eta_seconds(std::max(sum->eta_seconds(), part.eta_seconds()));
  sum->set_bytes_up(sum->bytes_up() + part.bytes_up());
  sum->set_bytes_down(sum->bytes_down() + part.bytes_down());
  sum->set_bytes_join(sum->bytes_join() + part.bytes_join());
  sum->set_bytes_up_per_client_round(sum->bytes_up_per_client_round() + part.bytes_up_per_client_round());
  sum->set_bytes_down_per_client_round(sum->bytes_down_per_client_round() + part.bytes_down_per_client_round());
  v1::RoundTimes& times = *sum->mutable_last_round();
  times.set_collect_seconds(std::max(times.collect_seconds(), part.last_round().collect_seconds()));
  times.set_decode_seconds(std::max(times.decode_seconds(), part.last_round().decode_seconds()));
  times.set_journal_seconds(std::max(times.journal_seconds(), part.last_round().journal_seconds()));
  if (Weight(part.phase()) > Weight(sum->phase())) {
    sum->set_phase(part.phase());
    sum->set_problem(part.problem());
  }
}

void ClearWhatIsOfOneShard(v1::RunStatus* merged) {
  merged->clear_run();
  merged->clear_directory();
  merged->clear_all_rounds();
  merged->clear_rounds_closed();
  merged->clear_ballots_counted();
  merged->clear_decisions_delivered();
  merged->clear_fingerprint();
}

}  // namespace

uint64_t CoordinatesOf(const v1::RunStatus& shard) {
  return BlockRange{shard.parameters(), shard.first_block(), shard.blocks()}.Coordinates();
}

v1::RunStatus MergeStatus(std::span<const v1::RunStatus> shards) {
  v1::RunStatus merged = shards.front();
  if (shards.size() == 1) return merged;
  double trust = 0;
  for (const v1::RunStatus& shard : shards) {
    trust += shard.trust() * static_cast<double>(shard.blocks());
    if (&shard != &shards.front()) AddTo(&merged, shard);
  }
  merged.set_trust(trust / static_cast<double>(std::max<uint64_t>(merged.blocks(), 1)));
  ClearWhatIsOfOneShard(&merged);
  for (const v1::Evaluation& evaluation : merged.evaluations()) {
    if (evaluation.round() == merged.round() && evaluation.has_fingerprint()) {
      *merged.mutable_fingerprint() = evaluation.fingerprint();
    }
  }
  return merged;
}

v1::ListClientsResponse MergeClients(std::span<const v1::ListClientsResponse> shards,
                                     std::span<const uint64_t> coordinates) {
  if (shards.size() == 1) return shards.front();
  std::map<std::string, ClientParts> clients;
  for (size_t i = 0; i < shards.size(); ++i) {
    for (const v1::ClientSummary& client : shards[i].clients()) {
      clients[client.name()].parts.push_back(&client);
      clients[client.name()].coordinates.push_back(static_cast<double>(coordinates[i]));
    }
  }
  v1::ListClientsResponse merged;
  for (const auto& [name, client] : clients) *merged.add_clients() = MergeSummary(client);
  return merged;
}

v1::ClientDetail MergeDetails(std::span<const v1::ClientDetail> shards, std::span<const uint64_t> coordinates) {
  v1::ClientDetail merged = shards.front();
  if (shards.size() == 1) return merged;
  ClientParts client;
  for (size_t i = 0; i < shards.size(); ++i) {
    client.parts.push_back(&shards[i].summary());
    client.coordinates.push_back(static_cast<double>(coordinates[i]));
    if (i == 0) continue;
    merged.set_round(std::min(merged.round(), shards[i].round()));
    merged.mutable_tensors()->MergeFrom(shards[i].tensors());
    merged.mutable_blocks()->MergeFrom(shards[i].blocks());
  }
  *merged.mutable_summary() = MergeSummary(client);
  return merged;
}

}  // namespace signvote::ctl
