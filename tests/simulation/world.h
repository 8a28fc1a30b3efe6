// The clock, the only randomness and the order of events of a simulated federation. One thread; the same seed gives the
// same events.
#pragma once

#include <absl/time/time.h>
#include <fmt/format.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <string>
#include <vector>

#include "common/random.h"

namespace signvote::simulation {

class World {
 public:
  explicit World(uint64_t seed, bool traces = false);

  absl::Time now() const { return now_; }
  double seconds() const;  // since the beginning
  Random& random() { return random_; }
  absl::Duration Between(absl::Duration low, absl::Duration high);
  bool Chance(double probability) { return random_.Unit() < probability; }

  // Events of the same time happen in the order in which they were asked for.
  void After(absl::Duration delay, std::function<void()> event);
  // Lets the next event happen. False: there is none, or an invariant is broken.
  bool Step();

  bool traces() const { return traces_; }
  template <typename... Args>
  void Trace(fmt::format_string<Args...> format, Args&&... args) {
    if (traces_) Print(fmt::format(format, std::forward<Args>(args)...));
  }

  // An invariant is broken; the first one ends the simulation.
  void Break(std::string what);
  const std::optional<std::string>& broken() const { return broken_; }

 private:
  struct Event {
    absl::Time at;
    uint64_t number = 0;
    std::function<void()> happen;
    bool operator<(const Event& other) const { return at != other.at ? at > other.at : number > other.number; }
  };
  void Print(const std::string& line) const;

  const bool traces_;
  absl::Time now_;
  Random random_;
  std::priority_queue<Event> events_;
  uint64_t asked_ = 0;
  std::optional<std::string> broken_;
};

}  // namespace signvote::simulation
