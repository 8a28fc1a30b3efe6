#include "server/vote/agreement_matrix.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "common/random.h"
#include "server/vote/sections.h"

namespace signvote {
namespace {

constexpr uint64_t kTurnover = 4;  // rounds between two voluntary changes of the panel
constexpr uint64_t kAfresh = 4;    // fits between two from scratch
constexpr uint64_t kSettled = 16;  // fits, after which the sections take turns
constexpr size_t kATurn = 2;       // sections
// A fit is worth its time when pairs were compared on so much of the sample since the last one: with fraction 1/k a
// round compares them on 1/k^2 of it.
constexpr double kFitAfter = 1.0 / 16;
// A section is fitted as if so many more of its coordinates had been compared and had agreed as they do on the whole
// block (or as many as were compared there): what little was compared on it says little alone.
constexpr double kBorrowed = 1024;

size_t Place(const std::vector<VoterId>& sorted, VoterId voter) {
  return static_cast<size_t>(std::lower_bound(sorted.begin(), sorted.end(), voter) - sorted.begin());
}
bool Has(const std::vector<VoterId>& sorted, VoterId voter) {
  return std::binary_search(sorted.begin(), sorted.end(), voter);
}

}  // namespace

AgreementMatrix::AgreementMatrix(bool assume_hostile, const BlockShape& shape)
    : assume_hostile_(assume_hostile), sections_(shape.sections.size()), repeats_(shape) {
  for (size_t i = 0; i < sections_.size(); ++i) {
    const auto [begin, end] = BoundsOf(shape.sections, shape.coordinates, i);
    sections_[i].share = static_cast<double>(end - begin) / static_cast<double>(shape.coordinates);
  }
}

StateSize AgreementMatrix::State(const StateShape& shape) {
  const uint64_t columns = std::min<uint64_t>(shape.voters, kPanel);
  return {"agreement of pairs", fmt::format("sections*M*{}*16", columns), shape.sections * shape.voters * columns * 16};
}

bool AgreementMatrix::different(size_t row) const {
  return std::any_of(sections_.begin(), sections_.end(), [row](const Section& s) { return s.different[row] != 0; });
}

void AgreementMatrix::Observe(uint64_t round, std::span<const Ballot> ballots, std::span<const VoterId> electorate,
                              const BallotSample& sample, const Kernels& kernels) {
  DropRows(electorate);
  const size_t voters = voters_.size();
  AddRows(ballots);
  const bool newcomers = voters_.size() > voters;
  ChoosePanel(round, ballots);
  ++observed_;
  Decay();
  AddCounts(ballots, sample, kernels);
  repeats_.Observe(ballots, sample, kernels);
  if (unfitted_ < kFitAfter && !newcomers) return;
  const bool others = newcomers || !std::ranges::equal(electorate, electorate_);
  electorate_.assign(electorate.begin(), electorate.end());
  Fit(others);
}

double AgreementMatrix::repeats(size_t section, size_t row) const {
  const double signal = Square(mu(section, row));  // what is true repeats itself
  return std::max(0.0, repeats_.Agreement(voters_[row], section) - signal) / (1 - signal);
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
      rounds_.insert(rounds_.begin() + row, 0);
      heard_.insert(heard_.begin() + row, 0);
      for (Section& s : sections_) {
        for (auto* v : {&s.pairs.sum, &s.pairs.weight}) v->insert(v->begin() + row * k, k, 0.0);
        for (auto* v : {&s.retired_sum, &s.retired_weight, &s.mu}) v->insert(v->begin() + row, 0.0);
        s.copies.insert(s.copies.begin() + row, 1);
        for (auto* v : {&s.different, &s.against}) v->insert(v->begin() + row, 0);
      }
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
  std::vector<size_t> kept;
  for (const VoterId voter : voters) kept.push_back(static_cast<size_t>(Row(voter)));
  // Rows of so many values, those kept alone.
  const auto keep = [&kept](auto* values, size_t width) {
    for (size_t to = 0; to < kept.size(); ++to) {
      std::copy_n(values->begin() + static_cast<std::ptrdiff_t>(kept[to] * width), width,
                  values->begin() + static_cast<std::ptrdiff_t>(to * width));
    }
    values->resize(kept.size() * width);
  };
  keep(&rounds_, 1);
  keep(&heard_, 1);
  for (Section& s : sections_) {
    for (auto* v : {&s.pairs.sum, &s.pairs.weight}) keep(v, columns_.size());
    for (auto* v : {&s.retired_sum, &s.retired_weight, &s.mu, &s.copies}) keep(v, 1);
    for (auto* v : {&s.different, &s.against}) keep(v, 1);
  }
  voters_ = std::move(voters);
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
  constexpr size_t kNew = std::numeric_limits<size_t>::max();
  std::vector<size_t> old(k, kNew);  // by new column
  std::vector<uint64_t> joined(k, observed_);
  for (size_t c = 0; c < k; ++c) {
    if (!Has(columns_, columns[c])) continue;
    old[c] = Place(columns_, columns[c]);
    joined[c] = joined_[old[c]];
  }
  for (Section& section : sections_) {
    for (size_t c = 0; c < k_old; ++c) {
      if (!Has(columns, columns_[c])) Retire(c, &section);
    }
    for (auto* values : {&section.pairs.sum, &section.pairs.weight}) {
      std::vector<double> moved(m * k, 0.0);
      for (size_t c = 0; c < k; ++c) {
        if (old[c] != kNew) {
          for (size_t row = 0; row < m; ++row) moved[row * k + c] = (*values)[row * k_old + old[c]];
          continue;
        }
        const auto own_row = static_cast<size_t>(Row(columns[c]));
        for (size_t other = 0; other < k_old; ++other) {  // what its row knows of them, seen from their side
          moved[static_cast<size_t>(Row(columns_[other])) * k + c] = (*values)[own_row * k_old + other];
        }
      }
      *values = std::move(moved);
    }
  }
  joined_ = std::move(joined);
  columns_ = std::move(columns);
}

void AgreementMatrix::Retire(size_t column, Section* section) const {
  const size_t k = columns_.size();
  Section& s = *section;
  const double mu = s.mu[static_cast<size_t>(Row(columns_[column]))];
  for (size_t row = 0; row < voters_.size(); ++row) {
    const double weight = s.pairs.weight[row * k + column], sum = s.pairs.sum[row * k + column];
    if (weight < kKnownPair) continue;
    const double influence = Influence(sum / weight - s.mu[row] * mu, s.scale, 1 / (weight * s.sample));
    s.retired_sum[row] += influence * sum * mu;
    s.retired_weight[row] += influence * weight * mu * mu;
  }
}

void AgreementMatrix::Decay() {
  const auto decay = [](std::vector<double>* values) {
    for (double& x : *values) x *= kPairDecay;
  };
  decay(&heard_);
  for (Section& s : sections_) {
    for (auto* v : {&s.pairs.sum, &s.pairs.weight, &s.retired_sum, &s.retired_weight}) decay(v);
  }
}

void AgreementMatrix::AddCounts(std::span<const Ballot> ballots, const BallotSample& sample, const Kernels& kernels) {
  std::vector<uint32_t> present;  // ballots that have columns, and which
  std::vector<size_t> column;
  for (size_t b = 0; b < ballots.size(); ++b) {
    const size_t c = Place(columns_, ballots[b].voter);
    if (c == columns_.size() || columns_[c] != ballots[b].voter) continue;
    present.push_back(static_cast<uint32_t>(b));
    column.push_back(c);
  }
  std::vector<size_t> rows;  // by ballot
  for (const Ballot& ballot : ballots) rows.push_back(static_cast<size_t>(Row(ballot.voter)));
  const double pairs = static_cast<double>(ballots.size() * present.size()) - static_cast<double>(present.size());
  for (size_t i = 0; i < sections_.size(); ++i) {
    if (sample.coordinates(i) == 0) continue;
    Section& section = sections_[i];
    section.sample = static_cast<double>(sample.coordinates(i));
    const std::vector<PairCount> counts = CountPairs(sample, i, present, kernels);
    double all = 0;
    for (size_t b = 0; b < ballots.size(); ++b) {
      for (size_t p = 0; p < present.size(); ++p) {
        const PairCount count = counts[b * present.size() + p];
        const size_t at = rows[b] * columns_.size() + column[p];
        const double compared = count.both / section.sample;
        section.pairs.sum[at] += (2.0 * count.agree - count.both) / section.sample;
        section.pairs.weight[at] += compared;
        heard_[rows[b]] += section.share * compared;
        all += compared;
      }
    }
    if (pairs > 0) unfitted_ += section.share * all / pairs;
  }
}

// S and B of the whole block.
AgreementMatrix::Pairs AgreementMatrix::OfBlock() const {
  if (sections_.size() == 1) return sections_[0].pairs;
  const size_t size = voters_.size() * columns_.size();
  Pairs all{std::vector<double>(size, 0), std::vector<double>(size, 0)};
  for (const Section& section : sections_) {
    for (size_t at = 0; at < size; ++at) {
      all.sum[at] += section.share * section.pairs.sum[at];
      all.weight[at] += section.share * section.pairs.weight[at];
    }
  }
  return all;
}

std::vector<uint32_t> AgreementMatrix::ColumnRows() const {
  std::vector<uint32_t> rows;
  for (const VoterId voter : columns_) rows.push_back(static_cast<uint32_t>(Row(voter)));
  return rows;
}

// How much a voter of the electorate is heard, beside the one that is heard most: several names that take turns are
// together as present as one that always votes.
std::vector<double> AgreementMatrix::Presence() const {
  std::vector<double> presence(voters_.size(), 0);
  double most = 0;
  for (size_t row = 0; row < voters_.size(); ++row) {
    if (!Has(electorate_, voters_[row])) continue;
    presence[row] = heard_[row];
    most = std::max(most, heard_[row]);
  }
  for (double& x : presence) x = most > 0 ? x / most : 0;
  return presence;
}

// S and B of a section of several, see kBorrowed.
AgreementMatrix::Pairs AgreementMatrix::WithBorrowed(const Section& section, const Pairs& block) const {
  double sample = 0;  // of the block
  for (const Section& each : sections_) sample += each.sample;
  Pairs pairs = section.pairs;
  for (size_t at = 0; at < pairs.sum.size(); ++at) {
    if (block.weight[at] < kKnownPair) continue;
    const double borrowed = std::min(kBorrowed, block.weight[at] * sample) / section.sample;
    pairs.sum[at] += borrowed * block.sum[at] / block.weight[at];
    pairs.weight[at] += borrowed;
  }
  return pairs;
}

// All sections, or those whose turn it is. Each begins from scratch as often as a block of one section does.
void AgreementMatrix::Fit(bool all) {
  ++fits_;
  unfitted_ = 0;
  all |= fits_ <= kSettled;
  const uint64_t turns = all ? 1 : (sections_.size() + kATurn - 1) / kATurn;
  const bool afresh = (all && std::has_single_bit(fits_)) || fits_ / turns % (kAfresh / turns) == 0;
  const std::vector<uint32_t> columns = ColumnRows();
  const std::vector<double> presence = Presence();
  const bool borrows = sections_.size() > 1;
  const Pairs block = borrows ? OfBlock() : Pairs();
  Pairs filled;
  for (size_t i = 0; i < sections_.size(); ++i) {
    if (i % turns != fits_ % turns) continue;
    Section& s = sections_[i];
    if (borrows) filled = WithBorrowed(s, block);
    const Pairs& pairs = borrows ? filled : s.pairs;
    AgreementFit fit = FitAgreement(
        {voters_.size(), columns, pairs.sum, pairs.weight, s.retired_sum, s.retired_weight, presence, s.sample}, s.mu,
        afresh, assume_hostile_);
    if (fit.flipped) {
      for (double& x : s.retired_sum) x = -x;
    }
    s.mu = std::move(fit.mu);
    s.copies = std::move(fit.copies);
    s.different = std::move(fit.different);
    s.against = std::move(fit.against);
    s.trust = fit.trust;
    s.scale = fit.scale;
  }
}

std::vector<double> AgreementMatrix::Agreement() const {
  const size_t k = columns_.size();
  std::vector<double> matrix(k * k, kUnmeasured);
  const Pairs block = OfBlock();
  const std::vector<uint32_t> rows = ColumnRows();
  for (size_t i = 0; i < k; ++i) {
    for (size_t j = 0; j < k; ++j) {
      const size_t at = rows[i] * k + j;
      if (block.weight[at] >= kKnownPair) matrix[i * k + j] = block.sum[at] / block.weight[at];
    }
    matrix[i * k + i] = 1;
  }
  return matrix;
}

void AgreementMatrix::Save(StateWriter* writer) const {
  writer->Put(observed_);
  writer->Put(fits_);
  writer->Put(unfitted_);
  writer->PutArray(electorate_);
  writer->PutArray(voters_);
  writer->PutArray(columns_);
  writer->PutArray(joined_);
  writer->PutArray(rounds_);
  writer->PutArray(heard_);
  for (const Section& s : sections_) {
    writer->Put(s.sample);
    for (const auto* v : {&s.pairs.sum, &s.pairs.weight, &s.retired_sum, &s.retired_weight, &s.mu, &s.copies}) {
      writer->PutArray(*v);
    }
    for (const auto* v : {&s.different, &s.against}) writer->PutArray(*v);
    writer->Put(s.trust);
    writer->Put(s.scale);
  }
  repeats_.Save(writer);
}

void AgreementMatrix::Restore(StateReader* reader) {
  reader->Get(&observed_);
  reader->Get(&fits_);
  reader->Get(&unfitted_);
  reader->GetArray(&electorate_);
  reader->GetArray(&voters_);
  reader->GetArray(&columns_);
  reader->GetArray(&joined_);
  reader->GetArray(&rounds_);
  reader->GetArray(&heard_);
  const size_t m = voters_.size(), k = columns_.size();
  bool fits = std::ranges::is_sorted(electorate_) && joined_.size() == k && rounds_.size() == m && heard_.size() == m &&
              std::is_sorted(voters_.begin(), voters_.end()) && std::is_sorted(columns_.begin(), columns_.end()) &&
              std::includes(voters_.begin(), voters_.end(), columns_.begin(), columns_.end());
  for (Section& s : sections_) {
    reader->Get(&s.sample);
    for (auto* v : {&s.pairs.sum, &s.pairs.weight}) fits = reader->GetArray(v) && v->size() == m * k && fits;
    for (auto* v : {&s.retired_sum, &s.retired_weight, &s.mu, &s.copies})
      fits = reader->GetArray(v) && v->size() == m && fits;
    for (auto* v : {&s.different, &s.against}) fits = reader->GetArray(v) && v->size() == m && fits;
    fits = fits && s.sample > 0;
    reader->Get(&s.trust);
    reader->Get(&s.scale);
  }
  repeats_.Restore(reader);
  if (!fits) reader->Fail();
}

}  // namespace signvote
