#include "server/vote/certainty.h"

#include <algorithm>
#include <cmath>

#include "common/blocks.h"

namespace signvote {
namespace {

constexpr uint64_t kWords = 64;

struct VotedWord {
  uint64_t signs = 0;
  uint64_t cast = 0;  // coordinates with a vote that is no abstention
};

VotedWord WordOf(const Ballot& ballot, uint64_t word) {
  if (!ballot.stripes.empty()) {
    const auto stripe = std::lower_bound(ballot.stripes.begin(), ballot.stripes.end(), word / kWordsPerStripe);
    if (stripe == ballot.stripes.end() || *stripe != word / kWordsPerStripe) return {};
    word = static_cast<uint64_t>(stripe - ballot.stripes.begin()) * kWordsPerStripe + word % kWordsPerStripe;
  }
  return {ballot.signs[word], ballot.zeros.empty() ? ~uint64_t{0} : ~ballot.zeros[word]};
}

}  // namespace

double CertainShare(const Rule& rule, BlockShape shape, std::span<const Ballot> ballots,
                    std::span<const VoterId> missing, std::span<const VoterId> electorate) {
  const uint64_t words = WordsFor(shape.coordinates);
  const uint64_t stride = std::max<uint64_t>(1, words / kWords);
  uint64_t certain = 0, looked_at = 0;
  Forecast forecast;
  for (uint64_t word = 0; word < words; word += stride) {
    const uint64_t begin = word * 64, end = std::min(begin + 64, shape.coordinates);
    rule.Foresee(electorate, begin, end, &forecast);
    std::vector<double> sum(forecast.carried.begin(), forecast.carried.end());
    std::vector<double> open(end - begin, 0);
    auto ballot = ballots.begin();
    for (size_t v = 0; v < electorate.size(); ++v) {
      const std::vector<float>& weights = forecast.weights[v];
      if (ballot != ballots.end() && ballot->voter == electorate[v]) {
        const VotedWord voted = WordOf(*ballot, word);
        for (size_t n = 0; n < sum.size(); ++n) {
          const float weight = rule.WeightLate(weights[n], ballot->age);
          if (voted.cast >> n & 1) sum[n] += voted.signs >> n & 1 ? weight : -weight;
        }
        ++ballot;
      } else if (std::binary_search(missing.begin(), missing.end(), electorate[v])) {
        for (size_t n = 0; n < sum.size(); ++n) open[n] += std::abs(weights[n]);
      }
    }
    for (size_t n = 0; n < sum.size(); ++n) certain += std::abs(sum[n]) > open[n];
    looked_at += sum.size();
  }
  return static_cast<double>(certain) / static_cast<double>(looked_at);
}

}  // namespace signvote
