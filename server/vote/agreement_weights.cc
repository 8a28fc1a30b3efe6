#include "server/vote/agreement_weights.h"

#include <algorithm>

#include "server/vote/portable_math.h"

namespace signvote {
namespace {

constexpr double kLeastMean = 0.05;

// Of the entries that are chosen, at least kLeastMean.
double Mean(const std::vector<double>& values, const std::vector<uint8_t>& chosen) {
  double sum = 0;
  size_t count = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    if (!chosen[i]) continue;
    sum += values[i];
    ++count;
  }
  return count == 0 ? kLeastMean : std::max(kLeastMean, sum / static_cast<double>(count));
}

}  // namespace

BlendedWeights BlendWeights(const AgreementMatrix& matrix, size_t section, std::span<const VoterId> electorate,
                            const VoteOptions& options) {
  const size_t size = electorate.size();
  BlendedWeights out;
  out.trust = matrix.trust(section);
  out.weights.assign(size, 0);
  std::vector<uint8_t> known(size, 0), different(size, 0);
  std::vector<double> copies(size, 1);
  for (size_t i = 0; i < size; ++i) {
    const int64_t row = matrix.Row(electorate[i]);
    if (row >= 0) copies[i] = matrix.copies(section, static_cast<size_t>(row));
    if (row < 0 || !matrix.known(static_cast<size_t>(row))) continue;
    known[i] = 1;
    different[i] = matrix.different(section, static_cast<size_t>(row));
    const double mu = matrix.mu(section, static_cast<size_t>(row));
    out.weights[i] = PortableLog((1 + mu) / (1 - mu));
  }
  const double base = Mean(out.weights, known);
  for (size_t i = 0; i < size; ++i) {
    if (known[i]) out.weights[i] = out.trust * out.weights[i] + (1 - out.trust) * base;
  }

  const bool put_aside = !options.assume_hostile && out.trust > 0;
  out.learned = known;
  for (size_t i = 0; put_aside && i < size; ++i) out.learned[i] = known[i] && !different[i];
  out.mean = Mean(out.weights, out.learned);
  for (size_t i = 0; i < size; ++i) {
    if (!out.learned[i]) {
      out.weights[i] = out.mean;
    } else if (put_aside) {
      out.weights[i] = std::max(out.weights[i], options.floor * out.mean);
    }
  }
  for (size_t i = 0; i < size; ++i) out.weights[i] /= copies[i];
  return out;
}

}  // namespace signvote
