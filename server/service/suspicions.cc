#include "server/service/suspicions.h"

#include <utility>

namespace signvote {

std::vector<Suspicions::Change> Suspicions::Look(const std::map<std::string, Diagnosis>& seen) {
  std::vector<Change> changes;
  for (const auto& [name, diagnosis] : seen) {
    Standing& standing = standings_[name];
    const bool twice = std::exchange(standing.last, diagnosis.suspicion) == diagnosis.suspicion;
    if (diagnosis.suspicion == standing.told.suspicion) {
      standing.told.explanation = diagnosis.explanation;
    } else if (twice) {
      standing.told = diagnosis;
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
