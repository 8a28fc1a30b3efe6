#include "server/vote/agreement_matrix.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "common/random.h"

namespace signvote {
namespace {

constexpr double kDecay = 0.97;
constexpr double kCopy = 0.9;      // |C| above it: independent voters do not agree on 95 percent of their signs
constexpr uint64_t kTurnover = 4;  // rounds between two voluntary changes of the panel
constexpr uint64_t kAfresh = 4;    // fits between two from scratch
// A fit is worth its time when pairs were compared on so much of the sample since the last one: with fraction 1/k a
// round compares them on 1/k^2 of it.
constexpr double kFitAfter = 1.0 / 16;

size_t Place(const std::vector<VoterId>& sorted, VoterId voter) {
  return static_cast<size_t>(std::lower_bound(sorted.begin(), sorted.end(), voter) - sorted.begin());
}
bool Has(const std::vector<VoterId>& sorted, VoterId voter) {
  return std::binary_search(sorted.begin(), sorted.end(), voter);
}

}  // namespace

StateSize AgreementMatrix::State(const StateShape& shape) {
  const uint64_t columns = std::min<uint64_t>(shape.voters, kPanel);
  return {"agreement of pairs", fmt::format("blocks*M*{}*16", columns), shape.blocks * shape.voters * columns * 16};
}

void AgreementMatrix::Observe(uint64_t round, std::span<const Ballot> ballots, std::span<const VoterId> electorate,
                              const BallotSample& sample, const Kernels& kernels) {
  DropRows(electorate);
  const size_t voters = voters_.size();
  AddRows(ballots);
  ChoosePanel(round, ballots);
  ++observed_;
  Decay();
  if (sample.coordinates() > 0) AddCounts(ballots, sample, kernels);
  if (unfitted_ >= kFitAfter || voters_.size() > voters) Fit(electorate);
}

int64_t AgreementMatrix::Row(VoterId voter) const {
  const size_t row = Place(voters_, voter);
  return row < voters_.size() && voters_[row] == voter ? static_cast<int64_t>(row) : -1;
}

void AgreementMatrix::AddRows(std::span<const Ballot> ballots) {
  const auto k = static_cast<std::ptrdiff_t>(columns_.size());
  for (const Ballot& ballot : ballots) {
    const auto row = static_cast<std::ptrdiff_t>(Place(voters_, ballot.voter));
    if (row == static_cast<std::ptrdiff_t>(voters_.size()) || voters_[row] != ballot.voter) {
      voters_.insert(voters_.begin() + row, ballot.voter);
      sum_.insert(sum_.begin() + row * k, k, 0.0);
      weight_.insert(weight_.begin() + row * k, k, 0.0);
      rounds_.insert(rounds_.begin() + row, 0);
      different_.insert(different_.begin() + row, 0);
      for (std::vector<double>* v : {&heard_, &retired_sum_, &retired_weight_, &mu_}) v->insert(v->begin() + row, 0.0);
    }
    ++rounds_[row];
  }
}

void AgreementMatrix::DropRows(std::span<const VoterId> electorate) {
  std::vector<VoterId> voters, columns;
  for (size_t row = 0; row < voters_.size(); ++row) {
    const VoterId voter = voters_[row];
    if (heard_[row] < kKnownPair && !std::binary_search(electorate.begin(), electorate.end(), voter)) continue;
    voters.push_back(voter);
    if (Has(columns_, voter)) columns.push_back(voter);
  }
  if (voters.size() == voters_.size()) return;
  if (columns.size() < columns_.size()) SetColumns(std::move(columns));
  const size_t k = columns_.size();
  for (size_t to = 0; to < voters.size(); ++to) {
    const auto from = static_cast<size_t>(Row(voters[to]));
    for (std::vector<double>* v : {&sum_, &weight_}) std::copy_n(v->begin() + from * k, k, v->begin() + to * k);
    for (std::vector<double>* v : {&heard_, &retired_sum_, &retired_weight_, &mu_}) (*v)[to] = (*v)[from];
    rounds_[to] = rounds_[from];
    different_[to] = different_[from];
  }
  voters_ = std::move(voters);
  for (std::vector<double>* v : {&sum_, &weight_}) v->resize(voters_.size() * k);
  for (std::vector<double>* v : {&heard_, &retired_sum_, &retired_weight_, &mu_}) v->resize(voters_.size());
  rounds_.resize(voters_.size());
  different_.resize(voters_.size());
}

void AgreementMatrix::ChoosePanel(uint64_t round, std::span<const Ballot> ballots) {
  if (voters_.size() <= kPanel) {
    if (columns_.size() < voters_.size()) SetColumns(voters_);
    return;
  }
  std::vector<VoterId> present, waiting;  // with a column; without, in an order drawn for this round
  for (const Ballot& ballot : ballots) (Has(columns_, ballot.voter) ? present : waiting).push_back(ballot.voter);
  std::sort(waiting.begin(), waiting.end(), [round](VoterId a, VoterId b) {
    const uint64_t key_a = Mix(Mix(round) ^ a), key_b = Mix(Mix(round) ^ b);
    return key_a != key_b ? key_a < key_b : a < b;
  });
  if (present.size() == kPanel && !waiting.empty() && round % kTurnover == 0) {
    const auto oldest = std::min_element(present.begin(), present.end(), [this](VoterId a, VoterId b) {
      return joined_[Place(columns_, a)] < joined_[Place(columns_, b)];
    });
    present.erase(oldest);
  }
  std::vector<VoterId> chosen = present;
  for (size_t i = 0; i < waiting.size() && chosen.size() < kPanel; ++i) chosen.push_back(waiting[i]);
  for (size_t i = 0; i < columns_.size() && chosen.size() < kPanel; ++i) {  // the absent keep what room is left
    if (std::find(chosen.begin(), chosen.end(), columns_[i]) == chosen.end()) chosen.push_back(columns_[i]);
  }
  std::sort(chosen.begin(), chosen.end());
  if (chosen != columns_) SetColumns(std::move(chosen));
}

void AgreementMatrix::SetColumns(std::vector<VoterId> columns) {
  const size_t k = columns.size(), k_old = columns_.size(), m = voters_.size();
  for (size_t c = 0; c < k_old; ++c) {
    if (!Has(columns, columns_[c])) Retire(c);
  }
  std::vector<double> sum(m * k, 0.0), weight(m * k, 0.0);
  std::vector<uint64_t> joined(k, observed_);
  for (size_t c = 0; c < k; ++c) {
    const size_t old = Place(columns_, columns[c]);
    const auto own_row = static_cast<size_t>(Row(columns[c]));
    if (old < k_old && columns_[old] == columns[c]) {
      joined[c] = joined_[old];
      for (size_t row = 0; row < m; ++row) {
        sum[row * k + c] = sum_[row * k_old + old];
        weight[row * k + c] = weight_[row * k_old + old];
      }
      continue;
    }
    for (size_t other = 0; other < k_old; ++other) {  // what its row knows of others that stay, seen from their side
      const auto row = static_cast<size_t>(Row(columns_[other]));
      sum[row * k + c] = sum_[own_row * k_old + other];
      weight[row * k + c] = weight_[own_row * k_old + other];
    }
  }
  sum_ = std::move(sum);
  weight_ = std::move(weight);
  joined_ = std::move(joined);
  columns_ = std::move(columns);
}

void AgreementMatrix::Retire(size_t column) {
  const size_t k = columns_.size();
  const double mu = mu_[static_cast<size_t>(Row(columns_[column]))];
  for (size_t row = 0; row < voters_.size(); ++row) {
    const double weight = weight_[row * k + column], sum = sum_[row * k + column];
    if (weight < kKnownPair) continue;
    const double influence = Influence(sum / weight - mu_[row] * mu, scale_, 1 / (weight * sample_));
    retired_sum_[row] += influence * sum * mu;
    retired_weight_[row] += influence * weight * mu * mu;
  }
}

void AgreementMatrix::Decay() {
  for (std::vector<double>* v : {&sum_, &weight_, &heard_, &retired_sum_, &retired_weight_}) {
    for (double& x : *v) x *= kDecay;
  }
}

void AgreementMatrix::AddCounts(std::span<const Ballot> ballots, const BallotSample& sample, const Kernels& kernels) {
  sample_ = static_cast<double>(sample.coordinates());
  std::vector<uint32_t> present;  // ballots that have columns, and which
  std::vector<size_t> column;
  for (size_t b = 0; b < ballots.size(); ++b) {
    const size_t c = Place(columns_, ballots[b].voter);
    if (c == columns_.size() || columns_[c] != ballots[b].voter) continue;
    present.push_back(static_cast<uint32_t>(b));
    column.push_back(c);
  }
  const std::vector<PairCount> counts = CountPairs(sample, present, kernels);
  double compared = 0;
  for (size_t b = 0; b < ballots.size(); ++b) {
    const auto row = static_cast<size_t>(Row(ballots[b].voter));
    for (size_t p = 0; p < present.size(); ++p) {
      const PairCount count = counts[b * present.size() + p];
      const size_t at = row * columns_.size() + column[p];
      sum_[at] += (2.0 * count.agree - count.both) / sample_;
      weight_[at] += count.both / sample_;
      heard_[row] += count.both / sample_;
      compared += count.both / sample_;
    }
  }
  const double pairs = static_cast<double>(counts.size()) - static_cast<double>(present.size());
  if (pairs > 0) unfitted_ += compared / pairs;
}

std::vector<uint32_t> AgreementMatrix::ColumnRows() const {
  std::vector<uint32_t> rows;
  for (const VoterId voter : columns_) rows.push_back(static_cast<uint32_t>(Row(voter)));
  return rows;
}

// How much a voter of the electorate is heard, beside the one that is heard most: several names that take turns are
// together as present as one that always votes.
std::vector<double> AgreementMatrix::Presence(std::span<const VoterId> electorate) const {
  std::vector<double> presence(voters_.size(), 0);
  double most = 0;
  for (size_t row = 0; row < voters_.size(); ++row) {
    if (!std::binary_search(electorate.begin(), electorate.end(), voters_[row])) continue;
    presence[row] = heard_[row];
    most = std::max(most, heard_[row]);
  }
  for (double& x : presence) x = most > 0 ? x / most : 0;
  return presence;
}

void AgreementMatrix::Fit(std::span<const VoterId> electorate) {
  const std::vector<uint32_t> columns = ColumnRows();
  const std::vector<double> presence = Presence(electorate);
  const PairTable pairs{voters_.size(), columns, sum_, weight_, retired_sum_, retired_weight_, presence, sample_};
  ++fits_;
  const bool afresh = std::has_single_bit(fits_) || fits_ % kAfresh == 0;
  unfitted_ = 0;
  AgreementFit fit = FitAgreement(pairs, mu_, afresh, assume_hostile_);
  if (fit.flipped) {
    for (double& x : retired_sum_) x = -x;
  }
  mu_ = std::move(fit.mu);
  different_ = std::move(fit.different);
  trust_ = fit.trust;
  scale_ = fit.scale;
}

std::vector<double> AgreementMatrix::Agreement() const {
  const size_t k = columns_.size();
  std::vector<double> matrix(k * k, kUnmeasured);
  const std::vector<uint32_t> rows = ColumnRows();
  for (size_t i = 0; i < k; ++i) {
    for (size_t j = 0; j < k; ++j) {
      const size_t at = rows[i] * k + j;
      if (weight_[at] >= kKnownPair) matrix[i * k + j] = sum_[at] / weight_[at];
    }
    matrix[i * k + i] = 1;
  }
  return matrix;
}

std::vector<double> AgreementMatrix::Copies(std::span<const VoterId> electorate) const {
  const size_t k = columns_.size();
  std::vector<size_t> present;  // columns
  for (size_t c = 0; c < k; ++c) {
    if (std::binary_search(electorate.begin(), electorate.end(), columns_[c])) present.push_back(c);
  }
  std::vector<double> copies(electorate.size(), 1);
  for (size_t i = 0; i < electorate.size(); ++i) {
    const int64_t row = Row(electorate[i]);
    if (row < 0) continue;
    size_t others = 0, alike = 0;
    for (const size_t c : present) {
      if (columns_[c] == electorate[i]) continue;
      const size_t at = static_cast<size_t>(row) * k + c;
      ++others;
      alike += weight_[at] >= kKnownPair && std::abs(sum_[at]) > kCopy * weight_[at];
    }
    if (alike > 0) copies[i] += static_cast<double>(alike * (electorate.size() - 1)) / static_cast<double>(others);
  }
  return copies;
}

void AgreementMatrix::Save(StateWriter* writer) const {
  writer->Put(observed_);
  writer->Put(fits_);
  writer->Put(unfitted_);
  writer->Put(sample_);
  writer->PutArray(voters_);
  writer->PutArray(columns_);
  writer->PutArray(joined_);
  writer->PutArray(rounds_);
  for (const auto* v : {&sum_, &weight_, &heard_, &retired_sum_, &retired_weight_, &mu_}) writer->PutArray(*v);
  writer->PutArray(different_);
  writer->Put(trust_);
  writer->Put(scale_);
}

void AgreementMatrix::Restore(StateReader* reader) {
  reader->Get(&observed_);
  reader->Get(&fits_);
  reader->Get(&unfitted_);
  reader->Get(&sample_);
  reader->GetArray(&voters_);
  reader->GetArray(&columns_);
  reader->GetArray(&joined_);
  reader->GetArray(&rounds_);
  for (auto* v : {&sum_, &weight_, &heard_, &retired_sum_, &retired_weight_, &mu_}) reader->GetArray(v);
  reader->GetArray(&different_);
  reader->Get(&trust_);
  reader->Get(&scale_);
  const size_t m = voters_.size(), k = columns_.size();
  bool fits = joined_.size() == k && rounds_.size() == m && sum_.size() == m * k && weight_.size() == m * k &&
              heard_.size() == m && retired_sum_.size() == m && retired_weight_.size() == m && mu_.size() == m &&
              different_.size() == m && sample_ > 0;
  fits = fits && std::is_sorted(voters_.begin(), voters_.end()) && std::is_sorted(columns_.begin(), columns_.end()) &&
         std::includes(voters_.begin(), voters_.end(), columns_.begin(), columns_.end());
  if (!fits) reader->Fail();
}

}  // namespace signvote
