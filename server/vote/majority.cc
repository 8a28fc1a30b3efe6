// Majority vote (signSGD-MV, Bernstein et al. 2018): every weight is the same constant.
#include <algorithm>

#include "server/vote/decision_writer.h"
#include "server/vote/evidence.h"
#include "server/vote/kernels.h"
#include "server/vote/rules.h"

namespace signvote {
namespace {

class Majority : public Rule {
 public:
  Majority(const VoteOptions& options, BlockShape shape, const Kernels& kernels)
      : shape_(shape), kernels_(&kernels), evidence_(shape.coordinates, CarryFactor(options.carry)) {}

  void Decode(uint64_t, std::span<const Ballot> ballots, std::span<const VoterId> electorate,
              SignVector* decision) override {
    Grow(electorate.size());
    const std::vector<int32_t> weights(ballots.size(), Weight());
    DecisionWriter writer(decision, shape_.coordinates);
    for (BallotTiles tiles(ballots, shape_); tiles.Next();) {
      const uint64_t word = tiles.first_word();
      const TileDecision out{tiles.words(), writer.signs(word), writer.zeros(word)};
      const WeightedTile tile{tiles.votes(), weights.data(), evidence_.r(), out};
      if (evidence_.r() == 0) {
        kernels_->majority(tiles.votes(), out);
      } else if (evidence_.is_narrow()) {
        kernels_->sum_narrow(tile, evidence_.narrow(word * 64));
      } else {
        kernels_->sum_wide(tile, evidence_.wide(word * 64));
      }
    }
    writer.Finish();
    Count(ballots);
  }

  VoterReport Report(VoterId voter) const override {
    VoterReport report;
    report.next_weight = capacity_ == 0 ? 0 : Weight();
    report.mean_weight = 1;
    const auto at = std::lower_bound(voters_.begin(), voters_.end(), voter);
    if (at == voters_.end() || *at != voter) return report;
    report.rounds = rounds_[at - voters_.begin()];
    report.weight = last_[at - voters_.begin()] != 0 ? Weight() : 0;
    return report;
  }

  void PerCoordinate(VoterId, uint64_t begin, uint64_t end, std::vector<float>* crossover,
                     std::vector<float>* weight) const override {
    crossover->assign(end - begin, static_cast<float>(kUnmeasured));
    weight->assign(end - begin, 1.0f);
  }

  void Foresee(std::span<const VoterId> electorate, uint64_t begin, uint64_t end, Forecast* out) const override {
    out->carried = evidence_.CarriedOn(begin, end);
    out->weights.assign(electorate.size(), std::vector<float>(end - begin, static_cast<float>(Weight())));
  }

  void Save(std::string* out) const override {
    StateWriter writer(out);
    writer.Put(capacity_);
    evidence_.Save(&writer);
    writer.PutArray(voters_);
    writer.PutArray(rounds_);
    writer.PutArray(last_);
  }

  absl::Status Restore(std::string_view bytes) override {
    StateReader reader(bytes);
    reader.Get(&capacity_);
    evidence_.Restore(&reader);
    reader.GetArray(&voters_);
    reader.GetArray(&rounds_);
    reader.GetArray(&last_);
    const EvidenceScale scale = EvidenceScale::For(capacity_, evidence_.r());
    if (capacity_ != 0 && (scale.capacity != capacity_ || scale.narrow != evidence_.is_narrow())) reader.Fail();
    if (rounds_.size() != voters_.size() || last_.size() != voters_.size()) reader.Fail();
    return reader.Finish("rule majority");
  }

  bool CopyTo(std::unique_ptr<Rule>* copy) const override { return CopyRule(*this, copy); }

 private:
  // The share of one of `capacity_` voters in W, so that evidence fits its width.
  int32_t Weight() const {
    const EvidenceScale scale = EvidenceScale::For(capacity_, evidence_.r());
    return static_cast<int32_t>(scale.total / scale.capacity);
  }

  void Grow(size_t voters) {
    const EvidenceScale scale = EvidenceScale::For(std::max<size_t>(voters, capacity_), evidence_.r());
    if (scale.capacity == capacity_) return;
    const int32_t before = capacity_ == 0 ? 1 : Weight();
    capacity_ = scale.capacity;
    evidence_.Rescale(Weight(), before, scale.narrow);
  }

  void Count(std::span<const Ballot> ballots) {
    std::fill(last_.begin(), last_.end(), 0);
    for (const Ballot& ballot : ballots) {
      const size_t at = std::lower_bound(voters_.begin(), voters_.end(), ballot.voter) - voters_.begin();
      if (at == voters_.size() || voters_[at] != ballot.voter) {
        voters_.insert(voters_.begin() + at, ballot.voter);
        rounds_.insert(rounds_.begin() + at, 0);
        last_.insert(last_.begin() + at, 0);
      }
      ++rounds_[at];
      last_[at] = 1;
    }
  }

  BlockShape shape_;
  const Kernels* kernels_;

  uint32_t capacity_ = 0;  // of the evidence; only grows
  Evidence evidence_;
  std::vector<VoterId> voters_;  // that were ever counted, ascending
  std::vector<uint64_t> rounds_;
  std::vector<uint8_t> last_;  // counted in the last round
};

}  // namespace

std::vector<StateSize> MajorityState(const VoteOptions& options, const StateShape& shape) {
  return EvidenceState(options.carry, /*wide=*/false, shape);
}

std::unique_ptr<Rule> MakeMajority(const VoteOptions& options, BlockShape shape, const Kernels& kernels) {
  return std::make_unique<Majority>(options, shape, kernels);
}

}  // namespace signvote
