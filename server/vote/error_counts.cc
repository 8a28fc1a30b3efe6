#include "server/vote/error_counts.h"

#include <algorithm>
#include <cmath>

#include "common/blocks.h"

namespace signvote {
namespace {

constexpr uint32_t kWhole = 1 << 16;

}  // namespace

template <typename Count>
ErrorCounts<Count>::ErrorCounts(uint64_t coordinates, double forget)
    : words_(StripesFor(coordinates) * kWordsPerStripe),
      stripes_(StripesFor(coordinates)),
      forget_(static_cast<uint32_t>(std::floor(forget * kWhole + 0.5))) {}

template <typename Count>
int64_t ErrorCounts<Count>::Row(VoterId voter) const {
  const auto at = std::lower_bound(voters_.begin(), voters_.end(), voter);
  return at != voters_.end() && *at == voter ? at - voters_.begin() : -1;
}

template <typename Count>
void ErrorCounts<Count>::AddRows(std::span<const Ballot> ballots) {
  std::vector<VoterId> all = voters_;
  for (const Ballot& ballot : ballots) {
    if (Row(ballot.voter) < 0) all.push_back(ballot.voter);
  }
  if (all.size() == voters_.size()) return;
  std::sort(all.begin(), all.end());
  std::vector<Count> counts(words_ * all.size() * 64, 0);
  std::vector<uint64_t> rounds(all.size(), 0);
  std::vector<std::vector<RoundTally>> tallies(all.size(), std::vector<RoundTally>(1));
  for (size_t row = 0; row < all.size(); ++row) {
    const int64_t before = Row(all[row]);
    if (before < 0) continue;
    rounds[row] = rounds_[before];
    tallies[row] = std::move(tallies_[before]);
    for (uint64_t word = 0; word < words_; ++word) {
      std::copy_n(counts_.data() + word * word_stride() + before * 64, 64,
                  counts.data() + (word * all.size() + row) * 64);
    }
  }
  voters_ = std::move(all);
  counts_ = std::move(counts);
  rounds_ = std::move(rounds);
  tallies_ = std::move(tallies);
}

// Calls body(index of the tally) for every tally that the ballot counts in.
template <typename Count>
template <typename Body>
void ErrorCounts<Count>::ForEachTally(const Ballot& ballot, uint32_t row, Body body) {
  if (!ballot.stripes.empty()) {
    for (const uint32_t stripe : ballot.stripes) body(stripe);
  } else {
    for (size_t i = 0; i < tallies_[row].size(); ++i) body(i);
  }
}

template <typename Count>
void ErrorCounts<Count>::Begin(uint64_t round, std::span<const Ballot> ballots) {
  AddRows(ballots);
  nudge_ = static_cast<uint32_t>(round * 40503 % kWhole);
  any_halved_ = by_stripe_ = false;
  rows_.clear();
  halve_.resize(voters_.size());
  for (const Ballot& ballot : ballots) {
    const auto row = static_cast<uint32_t>(Row(ballot.voter));
    rows_.push_back(row);
    if (!ballot.stripes.empty() && one_tally(row)) tallies_[row].assign(stripes_, tallies_[row][0]);
    by_stripe_ = by_stripe_ || !one_tally(row);
    halve_[row].assign(tallies_[row].size(), 0);
    ForEachTally(ballot, row, [&](size_t i) {
      uint32_t& total = tallies_[row][i].total;
      if (forget_ < kWhole) total = Forget(total);
      if (total + 2 > kFull) {
        total >>= 1;
        halve_[row][i] = 1;
        any_halved_ = true;
      }
    });
  }
}

template <typename Count>
void ErrorCounts<Count>::Age(const BallotTiles& tiles) {
  if (forget_ == kWhole && !any_halved_) return;
  for (const TileVote& vote : tiles.votes()) {
    const uint32_t row = rows_[vote.ballot];
    const bool halve = halve_[row][one_tally(row) ? 0 : tiles.first_stripe()] != 0;
    if (forget_ == kWhole && !halve) continue;
    for (uint64_t word = 0; word < tiles.words(); ++word) {
      Count* counts = at(tiles.first_word() + word) + row * 64;
      for (int n = 0; n < 64; ++n) {
        uint32_t c = forget_ == kWhole ? counts[n] : (counts[n] * forget_ + nudge_) >> 16;
        counts[n] = static_cast<Count>(halve ? c >> 1 : c);
      }
    }
  }
}

template <typename Count>
void ErrorCounts<Count>::End(std::span<const Ballot> ballots) {
  for (size_t b = 0; b < ballots.size(); ++b) {
    const uint32_t row = rows_[b];
    ++rounds_[row];
    ForEachTally(ballots[b], row, [&](size_t i) {
      tallies_[row][i].total += 2;
      tallies_[row][i].heard += 1;
    });
  }
}

template <typename Count>
void ErrorCounts<Count>::Save(StateWriter* writer) const {
  writer->PutArray(voters_);
  writer->PutArray(rounds_);
  for (const std::vector<RoundTally>& tallies : tallies_) writer->PutArray(tallies);
  writer->PutArray(counts_);
}

template <typename Count>
void ErrorCounts<Count>::Restore(StateReader* reader) {
  if (!reader->GetArray(&voters_) || !reader->GetArray(&rounds_)) return;
  tallies_.assign(voters_.size(), {});
  bool fits = rounds_.size() == voters_.size() && std::is_sorted(voters_.begin(), voters_.end());
  for (std::vector<RoundTally>& tallies : tallies_) {
    if (!fits || !reader->GetArray(&tallies)) return reader->Fail();
    fits = tallies.size() == 1 || tallies.size() == stripes_;
    for (const RoundTally& tally : tallies) fits = fits && tally.total <= kFull;
  }
  if (!fits || !reader->GetArray(&counts_) || counts_.size() != words_ * word_stride()) reader->Fail();
}

template class ErrorCounts<uint8_t>;
template class ErrorCounts<uint16_t>;

}  // namespace signvote
