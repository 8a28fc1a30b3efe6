#include "server/ctl/barrier.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <thread>

namespace signvote::ctl {
namespace {

constexpr auto kLook = std::chrono::milliseconds(50);
constexpr auto kLimit = std::chrono::minutes(2);
constexpr uint32_t kHoldSeconds = 600;  // should this process be killed, the shards go on then

volatile std::sig_atomic_t held_signal = 0;

bool Rests(v1::Phase phase) { return phase == v1::PAUSED || phase == v1::FINISHED_RUN; }

absl::Status Pause(Connection& shard, uint64_t after_round, uint32_t seconds) {
  v1::PauseRequest request;
  request.set_after_round(after_round);
  request.set_seconds(seconds);
  v1::RunStatus status;
  return shard.Call(&v1::Admin::Stub::Pause, request, &status);
}

}  // namespace

absl::Status Meet(Shards* shards, const std::vector<uint32_t>& seconds) {
  const auto limit = std::chrono::steady_clock::now() + kLimit;
  uint64_t target = 0;
  while (true) {
    RETURN_IF_ERROR(Barrier::GoesOn());
    ASSIGN_OR_RETURN(const std::vector<v1::RunStatus> now, shards->Status());
    uint64_t highest = 0;
    for (const v1::RunStatus& status : now) highest = std::max(highest, status.round());
    const auto waits = std::find_if(now.begin(), now.end(), [&](const v1::RunStatus& status) {
      return !Rests(status.phase()) || status.round() < highest;
    });
    if (waits == now.end()) return absl::OkStatus();
    for (size_t i = 0; i < now.size() && highest != target; ++i) {
      if (now[i].round() < highest) RETURN_IF_ERROR(Pause(shards->at(i), highest, seconds[i]));
    }
    target = highest;
    if (std::chrono::steady_clock::now() > limit) {
      return Error(absl::StatusCode::kFailedPrecondition,
                   "{} stays after round {} while another shard is after round {}: {}",
                   shards->at(static_cast<size_t>(waits - now.begin())).server(), waits->round(), highest,
                   waits->problem().empty() ? "its round does not close" : waits->problem());
    }
    std::this_thread::sleep_for(kLook);
  }
}

absl::Status Barrier::GoesOn() {
  return held_signal == 0 ? absl::OkStatus() : Error(absl::StatusCode::kCancelled, "interrupted");
}

Barrier::~Barrier() {
  for (const size_t i : paused_) {
    v1::RunStatus status;
    const absl::Status resumed = shards_->at(i).Call(&v1::Admin::Stub::Resume, v1::ResumeRequest(), &status);
    if (!resumed.ok()) fmt::print(stderr, "signvotectl: not resumed: {}\n", Message(resumed));
  }
  if (!handlers_) return;
  std::signal(SIGINT, handlers_->at(0));
  std::signal(SIGTERM, handlers_->at(1));
  if (held_signal != 0) std::raise(held_signal);
}

absl::Status Barrier::Reach() {
  if (shards_->count() == 1) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<v1::RunStatus> before, shards_->Status());
  const auto hold = [](int signal) { held_signal = signal; };
  handlers_ = {std::signal(SIGINT, hold), std::signal(SIGTERM, hold)};
  std::vector<uint32_t> seconds(before.size(), 0);
  for (size_t i = 0; i < before.size(); ++i) {
    if (Rests(before[i].phase())) continue;
    seconds[i] = kHoldSeconds;
    RETURN_IF_ERROR(Pause(shards_->at(i), 0, seconds[i]));
    paused_.push_back(i);
  }
  return Meet(shards_, seconds);
}

}  // namespace signvote::ctl
