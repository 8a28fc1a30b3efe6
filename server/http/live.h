// What everyone who watches is told, computed once a second for all of them, one thing at a time, and only while
// someone asks.
//
// Thread-safe.
#pragma once

#include <absl/time/clock.h>
#include <absl/time/time.h>

#include <map>
#include <memory>
#include <string>

#include "common/mutex.h"
#include "server/http/sources.h"

namespace signvote {

struct Report {
  absl::Time taken;
  v1::RunStatus status;
  v1::ListClientsResponse clients;
  v1::ReliabilityReport reliability;
  std::string status_json, clients_json, reliability_json;
};

class Live {
 public:
  static constexpr absl::Duration kInterval = absl::Seconds(1);
  static constexpr size_t kPoints = 1000;  // of a series at most

  explicit Live(Sources sources) : sources_(std::move(sources)) {}

  // Not older than kInterval.
  std::shared_ptr<const Report> Now(absl::Time now = absl::Now());
  // ClientDetail as JSON, not older either; the error of sources().client.
  absl::StatusOr<std::string> ClientNow(const std::string& name);
  const Sources& sources() const { return sources_; }

  // Waits for kInterval; false at once when it has ended.
  bool Pause();
  void End();

 private:
  const Sources sources_;
  Mutex mu_;  // held while a report is made, so that all who ask get the same one
  std::shared_ptr<const Report> report_ ABSL_GUARDED_BY(mu_);

  struct Detail {
    absl::Time taken;
    std::string json;
  };
  Mutex details_mu_;  // held while one is made
  std::map<std::string, Detail> details_ ABSL_GUARDED_BY(details_mu_);

  Mutex ending_mu_;
  CondVar ended_;
  bool is_ending_ ABSL_GUARDED_BY(ending_mu_) = false;
};

// One watcher's place: turns reports into server-sent events, each told once. Event names: status, clients, reliability
// (JSON as in /api), rounds {reset, columns, rounds, evaluations}, events [...].
class Watcher {
 public:
  explicit Watcher(Live* live) : live_(live) {}
  // Empty when nothing is new.
  std::string Next();

 private:
  std::string Rounds();
  std::string Events();

  Live* const live_;
  std::string status_, clients_, reliability_;
  bool is_first_ = true;
  uint64_t round_ = 0, event_ = 0;
};

}  // namespace signvote
