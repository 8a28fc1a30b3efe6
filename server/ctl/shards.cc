#include "server/ctl/shards.h"

#include <algorithm>
#include <numeric>

#include "common/blocks.h"

namespace signvote::ctl {

absl::Status Shards::Arrange() {
  if (count() == 1) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<v1::RunStatus> statuses, Status());
  std::vector<size_t> order(count());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return statuses[a].first_block() < statuses[b].first_block(); });
  uint64_t next = 0;
  std::vector<std::unique_ptr<Connection>> arranged;
  for (const size_t i : order) {
    const v1::RunStatus& status = statuses[i];
    if (status.parameters() != statuses[order[0]].parameters()) {
      return Error(absl::StatusCode::kFailedPrecondition,
                   "{} has a model of {} parameters, {} of {}: --server takes "
                   "the shards of one run",
                   connections_[i]->server(), status.parameters(), connections_[order[0]]->server(),
                   statuses[order[0]].parameters());
    }
    if (status.first_block() != next) {
      return Error(absl::StatusCode::kFailedPrecondition,
                   "{} holds blocks from {} on, expected from {}: --server takes every shard of a run once",
                   connections_[i]->server(), status.first_block(), next);
    }
    next += status.blocks();
    arranged.push_back(std::move(connections_[i]));
  }
  connections_ = std::move(arranged);
  const uint64_t blocks = BlockRange::All(statuses.front().parameters()).count;
  if (next == blocks) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition,
               "these servers hold blocks 0 to {} of {}: --server takes every shard of a run", next - 1, blocks);
}

}  // namespace signvote::ctl
