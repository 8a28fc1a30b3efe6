// What the agreement of voters lets one suspect, and the order in which those who vote alike stand together. Pure.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "proto/signvote/v1/admin.pb.h"

namespace signvote {

struct VoterView {
  std::string name;
  uint64_t rounds = 0;   // in which it was counted
  double crossover = 0;  // NaN: not measured
  double weight = 0;
  bool different = false;
  double against = 0;  // share of the coordinates on which it votes against the others; 0 where nobody is compared
};

struct Diagnosis {
  v1::Suspicion suspicion = v1::NO_SUSPICION;
  std::string explanation;  // empty without suspicion
  // How much of its votes is the common signal, 1 - 2 * crossover; NaN: not measured.
  double mu = std::numeric_limits<double>::quiet_NaN();
  double typical = 0;  // median |mu| of those it was looked at with
};

// By voter. matrix: M x M agreement, -1 to 1, NaN where a pair was never heard together; or empty, under rules that
// compare no voters.
std::vector<Diagnosis> Diagnose(std::span<const VoterView> voters, std::span<const double> matrix);

// A permutation of 0..M-1: average-linkage clusters, joined end to end where they are most alike. matrix: M x M.
std::vector<size_t> OrderByLikeness(std::span<const double> matrix, size_t voters);

}  // namespace signvote
