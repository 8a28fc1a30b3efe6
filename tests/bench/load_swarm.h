// What the voters of one load generator share: what the run asks for, when to vote, and what is measured.
//
// The first voter joins as a newcomer and is given the parameters, of which only the fingerprint is kept; the others
// then join as clients that hold the same parameters. Nobody votes before everybody is there. Thread-safe.
#pragma once

#include <absl/status/status.h>
#include <absl/time/clock.h>
#include <absl/time/time.h>

#include <map>
#include <string>
#include <vector>

#include "common/blocks.h"
#include "common/fingerprint.h"
#include "common/mutex.h"
#include "proto/signvote/v1/federation.pb.h"
#include "tests/bench/load_ballots.h"

namespace signvote {

struct LoadOptions {
  std::string server = "127.0.0.1:7100";
  std::string prefix = "load";  // names are PREFIX-NUMBER
  uint64_t voters = 15;
  uint64_t first = 0;    // number of the first one
  uint64_t rounds = 20;  // 0: to the end of the run
  uint32_t fraction = 0;
  uint64_t channels = 0;  // 0: one a voter
  uint64_t flipped = 0;   // the first so many vote the opposite of what they find
  uint64_t seed = 1;
};

// Of the rounds between the first and the last that were measured.
struct LoadReport {
  uint64_t rounds = 0;
  double seconds = 0;
  double round_median = 0, round_worst = 0;        // from one RoundClosed to the next
  double delivery_median = 0, delivery_worst = 0;  // from the first RoundClosed of a round to the last voter's
  double bytes_up = 0, bytes_down = 0;             // a round, of all voters, with gRPC's message prefix
  uint64_t reloads = 0;                            // voters that were too slow and were given the parameters again
  uint64_t parameters = 0;
};

class Swarm {
 public:
  explicit Swarm(const LoadOptions& options) : options_(options), ballots_(options.seed) {}

  const LoadOptions& options() const { return options_; }
  const LoadBallots& ballots() const { return ballots_; }

  // What a voter that joins now says it holds; false: nothing is known yet.
  bool Describe(v1::Join* join) const;
  // The first voter has the parameters after `round`.
  void Loaded(const v1::Welcome& welcome, uint64_t round, const Fingerprint& fingerprint);
  // A voter follows. From the last one on, ballots may be sent.
  void Arrived();
  bool MayVote(uint64_t round) const;
  void Closed(const v1::RoundClosed& closed);
  void Reloaded();
  void Sent(uint64_t bytes);
  void Received(uint64_t bytes);
  void Ended(const std::string& name, const absl::Status& status);
  bool IsDone() const;  // the rounds are over, or a voter failed
  // No more voters join: done, and `missing` of them never had a stream.
  void Abandon(uint64_t missing);

  // Wait for: the first voter; `number` voters; the last round; the end of all streams. False after `limit`.
  bool WaitLoaded(absl::Duration limit) {
    return Wait(limit, [this] {
      mu_.AssertHeld();
      return is_loaded_ || done_;
    });
  }
  bool WaitArrived(uint64_t number, absl::Duration limit) {
    return Wait(limit, [this, number] {
      mu_.AssertHeld();
      return arrived_ >= number || done_;
    });
  }
  bool WaitDone(absl::Duration limit) {
    return Wait(limit, [this] {
      mu_.AssertHeld();
      return done_;
    });
  }
  bool WaitEnded(absl::Duration limit) {
    return Wait(limit, [this] {
      mu_.AssertHeld();
      return ended_ == options_.voters;
    });
  }

  // The first failure of a voter before the end.
  absl::Status status() const;
  LoadReport Report() const;

 private:
  struct Times {
    absl::Time first = absl::InfiniteFuture(), last;
    uint64_t voters = 0;
  };
  template <typename Condition>
  bool Wait(absl::Duration limit, Condition condition) {
    const absl::Time deadline = absl::Now() + limit;
    MutexLock lock(mu_);
    while (!condition()) {
      if (absl::Now() >= deadline) return false;
      changed_.WaitUntil(mu_, deadline);
    }
    return true;
  }

  const LoadOptions options_;
  const LoadBallots ballots_;

  mutable Mutex mu_;
  CondVar changed_;
  bool is_loaded_ ABSL_GUARDED_BY(mu_) = false;
  std::string model_sha256_ ABSL_GUARDED_BY(mu_);
  uint64_t parameters_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t round_ ABSL_GUARDED_BY(mu_) = 0;  // closed
  Fingerprint fingerprint_ ABSL_GUARDED_BY(mu_);
  uint64_t arrived_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t ended_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t reloads_ ABSL_GUARDED_BY(mu_) = 0;
  bool done_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mu_);
  absl::Time start_ ABSL_GUARDED_BY(mu_);
  uint64_t start_round_ ABSL_GUARDED_BY(mu_) = 0;
  std::map<uint64_t, Times> closed_ ABSL_GUARDED_BY(mu_);  // by round, from start_round_ on
  uint64_t bytes_up_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t bytes_down_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t start_up_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t start_down_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace signvote
