#include "tests/bench/load_swarm.h"

#include <absl/time/clock.h>

#include <algorithm>

#include "common/status.h"

namespace signvote {

bool Swarm::Describe(v1::Join* join) const {
  MutexLock lock(mu_);
  if (!is_loaded_) return false;
  join->set_model_sha256(model_sha256_);
  join->set_round(round_);
  *join->mutable_fingerprint() = ToProto(fingerprint_);
  return true;
}

void Swarm::Loaded(const v1::Welcome& welcome, uint64_t round, const Fingerprint& fingerprint) {
  MutexLock lock(mu_);
  is_loaded_ = true;
  model_sha256_ = welcome.model_sha256();
  parameters_ = welcome.config().parameters();
  if (round >= round_) {
    round_ = round;
    fingerprint_ = fingerprint;
  }
  changed_.NotifyAll();
}

void Swarm::Arrived() {
  MutexLock lock(mu_);
  if (++arrived_ == options_.voters) {
    start_ = absl::Now();
    start_round_ = round_;
    start_up_ = bytes_up_;
    start_down_ = bytes_down_;
  }
  changed_.NotifyAll();
}

bool Swarm::MayVote(uint64_t round) const {
  MutexLock lock(mu_);
  // A ballot beyond the last round would count when the next load arrives, and close its first round early.
  return arrived_ >= options_.voters && (options_.rounds == 0 || round <= start_round_ + options_.rounds);
}

void Swarm::Closed(const v1::RoundClosed& closed) {
  const absl::Time now = absl::Now();
  MutexLock lock(mu_);
  if (closed.round() > round_) {
    round_ = closed.round();
    fingerprint_ = FromProto(closed.fingerprint());
  }
  if (arrived_ < options_.voters || done_) return;
  Times& times = closed_[closed.round()];
  times.first = std::min(times.first, now);
  times.last = now;
  ++times.voters;
  const auto& [last, newest] = *closed_.rbegin();
  if (options_.rounds > 0 && last >= start_round_ + options_.rounds && newest.voters == options_.voters) {
    done_ = true;
    changed_.NotifyAll();
  }
}

void Swarm::Reloaded() {
  MutexLock lock(mu_);
  ++reloads_;
}

void Swarm::Sent(uint64_t bytes) {
  MutexLock lock(mu_);
  if (!done_) bytes_up_ += bytes;
}

void Swarm::Received(uint64_t bytes) {
  MutexLock lock(mu_);
  if (!done_) bytes_down_ += bytes;
}

void Swarm::Ended(const std::string& name, const absl::Status& status) {
  MutexLock lock(mu_);
  ++ended_;
  if (!done_ && !status.ok() && status_.ok()) status_ = Annotate(status, name);
  done_ = true;  // the run is over, or cannot go on as it was
  changed_.NotifyAll();
}

void Swarm::Abandon(uint64_t missing) {
  MutexLock lock(mu_);
  done_ = true;
  ended_ += missing;
  changed_.NotifyAll();
}

bool Swarm::IsDone() const {
  MutexLock lock(mu_);
  return done_;
}

absl::Status Swarm::status() const {
  MutexLock lock(mu_);
  return status_;
}

LoadReport Swarm::Report() const {
  MutexLock lock(mu_);
  LoadReport report{.reloads = reloads_, .parameters = parameters_};
  if (closed_.empty()) return report;
  std::vector<double> rounds, deliveries;
  absl::Time before = start_;
  for (const auto& [round, times] : closed_) {
    rounds.push_back(absl::ToDoubleSeconds(times.first - before));
    deliveries.push_back(absl::ToDoubleSeconds(times.last - times.first));
    before = times.first;
  }
  report.rounds = closed_.size();
  report.seconds = absl::ToDoubleSeconds(before - start_);
  const auto summarize = [](std::vector<double> values, double* median, double* worst) {
    std::sort(values.begin(), values.end());
    *median = values[values.size() / 2];
    *worst = values.back();
  };
  summarize(rounds, &report.round_median, &report.round_worst);
  summarize(deliveries, &report.delivery_median, &report.delivery_worst);
  report.bytes_up = static_cast<double>(bytes_up_ - start_up_) / static_cast<double>(report.rounds);
  report.bytes_down = static_cast<double>(bytes_down_ - start_down_) / static_cast<double>(report.rounds);
  return report;
}

}  // namespace signvote
