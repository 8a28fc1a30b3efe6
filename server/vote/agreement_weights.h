// From what is known of the voters to how much each is heard: `assume`, `floor` and trust.
#pragma once

#include <span>
#include <vector>

#include "server/vote/agreement_matrix.h"
#include "server/vote/rule.h"

namespace signvote {

struct BlendedWeights {
  std::vector<double> weights;   // by voter of the electorate: log-likelihood ratio
  std::vector<uint8_t> learned;  // 1 where the voter is known by itself and not put aside
  double mean = 0;               // what the others get
  double trust = 0;
};

// In one section, with raw = ln((1 + mu) / (1 - mu)) of the known voters of the electorate (all sums in its order):
//   base = max(0.05, mean of raw),  w = trust * raw + (1 - trust) * base
// hostile, or trust 0: unknown voters get mean = max(0.05, mean of w over known voters)
// honest: mean = max(0.05, mean of w over known voters that are not different), w >= floor * mean; different and
// unknown voters get mean.
// Then c voters that err alike share the weight of one: each has w / c (AgreementFit::copies); with `carry` rho, one
// whose errors repeat from round to round with correlation a (AgreementMatrix::repeats) has w / (1 + max(0, a - usual)
// * 2 rho / (1 - rho)), usual = 0.3, under hostile max(0.05, twice the median a); and the largest |w| is at most the
// sum of the others.
BlendedWeights BlendWeights(const AgreementMatrix& matrix, size_t section, std::span<const VoterId> electorate,
                            const VoteOptions& options);

}  // namespace signvote
