// The status of all shards as it changes.
#pragma once

#include <absl/status/status.h>

#include <functional>
#include <vector>

#include "common/mutex.h"
#include "server/ctl/shards.h"

namespace signvote::ctl {

bool Ends(v1::Phase phase);  // the server says no more after it

// Thread-safe.
class Follower {
 public:
  // `show` gets the last status of each, in their order, once all have told one; one call at a time.
  using Show = std::function<void(const std::vector<v1::RunStatus>&)>;
  Follower(Shards* shards, Show show) : shards_(shards), show_(std::move(show)) {}

  // A thread a shard, until all end, one fails (UNAVAILABLE and the like) or Cancel is called (CANCELLED). May be
  // called again after that.
  absl::Status Run();
  void Cancel();

 private:
  void FollowOne(size_t shard);

  Shards* const shards_;
  const Show show_;
  Mutex mu_;
  bool is_cancelled_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status problem_ ABSL_GUARDED_BY(mu_);
  std::vector<v1::RunStatus> latest_ ABSL_GUARDED_BY(mu_);
  std::vector<bool> is_known_ ABSL_GUARDED_BY(mu_);
  std::vector<std::unique_ptr<grpc::ClientContext>> calls_ ABSL_GUARDED_BY(mu_);
};

}  // namespace signvote::ctl
