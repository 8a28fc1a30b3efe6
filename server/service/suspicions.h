// Which voters are suspected, and when that changed. Pure; not thread-safe.
//
// A voter near a threshold is now this side of it, now that: a change counts once two looks in a row agree on it. Where
// the votes of all become noise, as those of a run that has converged, a bad voter is like the others without being any
// better: who voted against them, or said nothing, is cleared only once its own votes say something.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "server/service/diagnosis.h"

namespace signvote {

class Suspicions {
 public:
  struct Change {
    std::string name;
    Diagnosis now;  // without suspicion: cleared
  };

  // `seen` by name. Whoever is not in it stays as it was. Changes come in the order of names.
  std::vector<Change> Look(const std::map<std::string, Diagnosis>& seen);

  const Diagnosis& Of(const std::string& name) const;

 private:
  struct Standing {
    Diagnosis told;
    v1::Suspicion last = v1::NO_SUSPICION;  // at the last look
  };
  static bool MayClear(const Diagnosis& told, const Diagnosis& now);

  std::map<std::string, Standing> standings_;
};

}  // namespace signvote
