// The last events of this process: who came and went, what was refused, what an administrator changed.
//
// Thread-safe; takes no other lock, so that it may be called with any held. Bounded: kEvents events, and so that no
// client can push the others' events out, of ballots that were stale, late or refused and of parameters that differ one
// a client and round, and of a client that joins again and again, with settings that differ, is refused, or leaves, the
// last one of a row.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/mutex.h"
#include "proto/signvote/v1/admin.pb.h"

namespace signvote {

class EventLog {
 public:
  static constexpr size_t kEvents = 1024;
  // An event of one client no longer than this after the last of its kind is of the same row.
  static constexpr absl::Duration kRowPause = absl::Minutes(1);

  // Ids go on ascending when a process takes another's place.
  explicit EventLog(absl::Time started) : last_id_(static_cast<uint64_t>(absl::ToUnixMicros(started))) {}

  // `client` is empty for events of the run; `round` is the last closed one. False: it is told already, or goes on with
  // a row: then it takes the place of the row's last, with an id of its own, and its detail says how many it stands
  // for.
  bool Add(absl::Time now, v1::EventKind kind, const std::string& client, uint64_t round, std::string detail);

  // Those with a greater id than `after`, oldest first.
  std::vector<v1::Event> After(uint64_t after) const;
  // The same, but waits for one up to `limit`.
  std::vector<v1::Event> WaitAfter(uint64_t after, absl::Duration limit) const;

 private:
  // Lets the event take the place of its row's last one, if it goes on with a row.
  void GoOnWithRow(absl::Time now, v1::Event* event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::vector<v1::Event> AfterLocked(uint64_t after) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable Mutex mu_;
  mutable CondVar added_;
  uint64_t last_id_ ABSL_GUARDED_BY(mu_);
  std::deque<v1::Event> events_ ABSL_GUARDED_BY(mu_);
  // By client and kind, of those that are told once a round: the round of the last one. As many entries as clients that
  // ever caused such an event.
  std::map<std::pair<std::string, int>, uint64_t> told_ ABSL_GUARDED_BY(mu_);
  // Events of one client and kind that follow each other closely. As many entries as clients for each kind.
  struct Row {
    absl::Time last = absl::InfinitePast();
    uint64_t id = 0;  // of the event that stands for it
    uint64_t count = 0;
  };
  std::map<std::pair<std::string, int>, Row> rows_ ABSL_GUARDED_BY(mu_);
};

}  // namespace signvote
