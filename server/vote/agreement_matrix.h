// What the voters of a block are known to agree on, and mu fitted to it: the state behind `agreement` and the prior of
// it-signsgd. Who is compared with whom holds for the block; what they agree on, and mu, is of each section by itself.
//
// Rows are the voters heard of late, ascending. Up to 64 of them all have columns too. Beyond, the columns are a panel
// of 64 that follows who is present and turns over slowly; what a leaving column said of a row is kept as two sums.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "server/vote/agreement_fit.h"
#include "server/vote/kernels.h"
#include "server/vote/pair_counts.h"
#include "server/vote/repeats.h"
#include "server/vote/rule.h"
#include "server/vote/state_io.h"

namespace signvote {

class AgreementMatrix {
 public:
  static constexpr size_t kPanel = 64;

  AgreementMatrix(bool assume_hostile, const BlockShape& shape);

  static StateSize State(const StateShape& shape);

  // Adds one round, of which `sample`, made with words_before(), saw the ballots, and fits, unless that round told next
  // to nothing. Forgets voters outside the electorate (ascending) of whom next to nothing is left.
  void Observe(uint64_t round, std::span<const Ballot> ballots, std::span<const VoterId> electorate,
               const BallotSample& sample, const Kernels& kernels);

  std::span<const VoterId> voters() const { return voters_; }
  // Row of a voter, or -1.
  int64_t Row(VoterId voter) const;
  uint64_t rounds(size_t row) const { return rounds_[row]; }
  // Enough was heard of it (the worth of one full round with one other voter) to weigh it by itself.
  bool known(size_t row) const { return heard_[row] >= 1; }
  double mu(size_t section, size_t row) const { return sections_[section].mu[row]; }
  bool different(size_t section, size_t row) const { return sections_[section].different[row] != 0; }
  bool different(size_t row) const;  // in a section at least
  double copies(size_t section, size_t row) const { return sections_[section].copies[row]; }
  // Correlation of its errors in one round with those in the round before, at least 0.
  double repeats(size_t section, size_t row) const;
  double trust(size_t section) const { return sections_[section].trust; }
  double trust() const {
    return Mean([this](size_t section) { return sections_[section].trust; });
  }
  // Share of the block's coordinates on which it votes against the others.
  double against(size_t row) const {
    return Mean([this, row](size_t section) { return sections_[section].against[row]; });
  }
  // Over the block's coordinates, of what each section has.
  template <class Of>
  double Mean(Of of) const {
    double mean = 0;
    for (size_t i = 0; i < sections_.size(); ++i) mean += sections_[i].share * static_cast<double>(of(i));
    return mean;
  }
  std::span<const uint64_t> words_before() const { return repeats_.words(); }
  // Those with whom all are compared, ascending, and C of them on the whole block, K x K, NaN where a pair was never
  // heard together.
  std::span<const VoterId> columns() const { return columns_; }
  std::vector<double> Agreement() const;

  void Save(StateWriter* writer) const;
  void Restore(StateReader* reader);

 private:
  // By pair [row][column]: sums over rounds of agreement (S) and of how much was compared (B), decayed.
  struct Pairs {
    std::vector<double> sum, weight;
  };
  struct Section {
    double share = 1;   // of the block's coordinates
    double sample = 1;  // coordinates in the last sample
    Pairs pairs;
    // By row.
    std::vector<double> retired_sum, retired_weight;
    std::vector<double> mu, copies;
    std::vector<uint8_t> different, against;
    double trust = 0;
    double scale = 0;
  };

  void AddRows(std::span<const Ballot> ballots);
  void DropRows(std::span<const VoterId> electorate);
  void ChoosePanel(uint64_t round, std::span<const Ballot> ballots);
  void SetColumns(std::vector<VoterId> columns);
  void Retire(size_t column, Section* section) const;
  void Decay();
  void AddCounts(std::span<const Ballot> ballots, const BallotSample& sample, const Kernels& kernels);
  Pairs OfBlock() const;
  Pairs WithBorrowed(const Section& section, const Pairs& block) const;
  void Fit(bool all);
  std::vector<double> Presence() const;
  std::vector<uint32_t> ColumnRows() const;

  bool assume_hostile_;
  uint64_t observed_ = 0;  // rounds
  uint64_t fits_ = 0;
  double unfitted_ = 0;              // share of the sample on which a mean pair was compared since the last fit
  std::vector<VoterId> electorate_;  // of the last fit
  std::vector<VoterId> voters_;
  std::vector<VoterId> columns_;  // ascending, each also in voters_
  std::vector<uint64_t> joined_;  // by column: `observed_` when it became one
  // By row.
  std::vector<uint64_t> rounds_;  // in which it was heard
  std::vector<double> heard_;     // decayed sum of its weights with all columns, mean over coordinates
  std::vector<Section> sections_;
  Repeats repeats_;
};

}  // namespace signvote
