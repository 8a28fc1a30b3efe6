// What the agreement of voters tells of each: its mu, whether it is different, against the others, a copy; and how far
// to trust that. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "server/vote/agreement_panel.h"

namespace signvote {

struct AgreementFit {
  std::vector<double> mu;          // M, within +-0.98
  std::vector<uint8_t> different;  // M
  std::vector<uint8_t> against;    // M: mu is below 0 by more than chance and little
  // M: how many voters of the electorate err as it does, itself included: copies count whole, who agrees much more than
  // mu explains in part. Where not all have columns, as many as there should be by those that have.
  std::vector<double> copies;
  double trust = 0;      // lambda
  double scale = 0;      // s of the last iteration
  bool flipped = false;  // the whole of mu was negated so that most voters have mu > 0
};

// `start` (M, or empty) is where the iteration begins; with `afresh`, or where it knows nothing, the leading
// eigenvector is tried too and the better of the two is kept. Which side is right, who is many and whom to trust is
// said by those who are present: a name that is gone, or heard now and then, has no whole say.
AgreementFit FitAgreement(const PairTable& pairs, std::span<const double> start, bool afresh, bool assume_hostile);

}  // namespace signvote
