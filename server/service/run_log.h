// The run's records for people and scripts, in its directory: metrics.csv, one row a round, while it goes; summary.json
// at the end.
#pragma once

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/mutex.h"
#include "proto/signvote/v1/admin.pb.h"
#include "server/service/federation.h"
#include "server/service/options.h"

namespace signvote {

// Thread-safe.
class RunLog {
 public:
  // Rows up to `round` that an earlier process of this run left are kept.
  RunLog(const ServerOptions& options, uint64_t round);

  void Add(const RoundRow& row);
  void Add(const v1::Evaluation& evaluation);

  std::optional<v1::Evaluation> NewestEvaluation();
  double Seconds();  // that the newest round told

  // Closed rounds after `round`, ascending, with what observers measured of them.
  std::vector<v1::RoundSummary> RoundsAfter(uint64_t round);

  // Writes metrics.csv if something is new; errors are logged, never fatal.
  void Flush();
  void FlushIfDue();  // unless that would take more than a small part of all the time
  absl::Status WriteSummary(const v1::RunStatus& status, const v1::ListClientsResponse& clients);

 private:
  void Load(uint64_t round) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::string Csv() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const ServerOptions options_;
  Mutex mu_;
  std::map<uint64_t, v1::RoundSummary> rounds_ ABSL_GUARDED_BY(mu_);     // without accuracy and loss
  std::map<uint64_t, v1::Evaluation> evaluations_ ABSL_GUARDED_BY(mu_);  // by round
  bool is_dirty_ ABSL_GUARDED_BY(mu_) = false;
  absl::Time next_flush_ ABSL_GUARDED_BY(mu_) = absl::InfinitePast();
  bool is_behind_ ABSL_GUARDED_BY(mu_) = false;  // the last Flush failed
};

}  // namespace signvote
