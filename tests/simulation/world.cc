#include "tests/simulation/world.h"

#include <utility>

namespace signvote::simulation {
namespace {

const absl::Time kBeginning = absl::FromUnixSeconds(1'000'000);

}  // namespace

World::World(uint64_t seed, bool traces) : traces_(traces), now_(kBeginning), random_(Mix(seed)) {}

double World::seconds() const { return absl::ToDoubleSeconds(now_ - kBeginning); }

absl::Duration World::Between(absl::Duration low, absl::Duration high) { return low + (high - low) * random_.Unit(); }

void World::After(absl::Duration delay, std::function<void()> event) {
  events_.push({now_ + delay, asked_++, std::move(event)});
}

bool World::Step() {
  if (events_.empty() || broken_) return false;
  Event event = std::move(const_cast<Event&>(events_.top()));
  events_.pop();
  now_ = event.at;
  event.happen();
  return !broken_;
}

void World::Break(std::string what) {
  if (broken_) return;
  broken_ = fmt::format("at {:.3f} s: {}", seconds(), what);
  Trace("BROKEN {}", what);
}

void World::Print(const std::string& line) const { fmt::print("{:9.3f}  {}\n", seconds(), line); }

}  // namespace signvote::simulation
