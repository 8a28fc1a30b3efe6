#include "server/service/suspicions.h"

#include <algorithm>
#include <utility>

namespace signvote {
namespace {

// A voter's votes say something when mu is a quarter of what was usual when it was suspected, and kDistinct (a
// crossover of 0.49) is always enough.
constexpr double kOfTypical = 0.25;
constexpr double kDistinct = 0.02;

}  // namespace

bool Suspicions::MayClear(const Diagnosis& told, const Diagnosis& now) {
  if (told.suspicion != v1::VOTES_AGAINST && told.suspicion != v1::SAYS_NOTHING) return true;
  return now.mu >= std::min(kDistinct, kOfTypical * told.typical);  // false where it is not measured
}

std::vector<Suspicions::Change> Suspicions::Look(const std::map<std::string, Diagnosis>& seen) {
  std::vector<Change> changes;
  for (const auto& [name, diagnosis] : seen) {
    Standing& standing = standings_[name];
    Diagnosis& told = standing.told;
    const bool is_suspected = diagnosis.suspicion != v1::NO_SUSPICION;
    if (!is_suspected && told.suspicion != v1::NO_SUSPICION && !MayClear(told, diagnosis)) {
      standing.last = told.suspicion;
      continue;
    }
    const bool twice = std::exchange(standing.last, diagnosis.suspicion) == diagnosis.suspicion;
    if (diagnosis.suspicion == told.suspicion) {
      told.explanation = diagnosis.explanation;
    } else if (twice) {
      // Another suspicion of one that is suspected already is measured by what was usual before.
      const double typical = told.suspicion == v1::NO_SUSPICION ? 0 : told.typical;
      told = diagnosis;
      told.typical = std::max(typical, told.typical);
      changes.push_back({name, diagnosis});
    }
  }
  return changes;
}

const Diagnosis& Suspicions::Of(const std::string& name) const {
  static const Diagnosis kNone;
  const auto found = standings_.find(name);
  return found == standings_.end() ? kNone : found->second.told;
}

}  // namespace signvote
