#include "server/ctl/follow.h"

#include <algorithm>
#include <thread>

namespace signvote::ctl {

bool Ends(v1::Phase phase) { return phase == v1::FINISHED_RUN || phase == v1::STOPPING_RUN; }

absl::Status Follower::Run() {
  {
    MutexLock lock(mu_);
    problem_ = is_cancelled_ ? absl::CancelledError() : absl::OkStatus();
    if (is_cancelled_) return problem_;
    latest_.assign(shards_->count(), {});
    is_known_.assign(shards_->count(), false);
    calls_.clear();
    for (size_t i = 0; i < shards_->count(); ++i) calls_.push_back(std::make_unique<grpc::ClientContext>());
  }
  std::vector<std::thread> threads;
  for (size_t i = 0; i < shards_->count(); ++i) threads.emplace_back([this, i] { FollowOne(i); });
  for (std::thread& thread : threads) thread.join();
  MutexLock lock(mu_);
  calls_.clear();
  return problem_;
}

void Follower::FollowOne(size_t shard) {
  grpc::ClientContext* call;
  {
    MutexLock lock(mu_);
    call = calls_[shard].get();
  }
  const auto stream = shards_->at(shard).stub().Watch(call, v1::WatchRequest());
  v1::RunStatus status;
  while (stream->Read(&status)) {
    MutexLock lock(mu_);
    latest_[shard] = status;
    is_known_[shard] = true;
    if (std::find(is_known_.begin(), is_known_.end(), false) == is_known_.end()) show_(latest_);
  }
  const grpc::Status end = stream->Finish();
  // A server that ends with its run may take the connection down before the stream's own end.
  if (end.ok() || Ends(status.phase())) return;
  MutexLock lock(mu_);
  if (!problem_.ok()) return;
  problem_ = shards_->at(shard).Explain(end);
  for (const auto& other : calls_) other->TryCancel();
}

void Follower::Cancel() {
  MutexLock lock(mu_);
  is_cancelled_ = true;
  if (problem_.ok()) problem_ = absl::CancelledError();
  for (const auto& call : calls_) call->TryCancel();
}

}  // namespace signvote::ctl
