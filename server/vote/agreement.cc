// `agreement`: a voter is judged by its fellow voters, not by a decision that it took part in.
#include <algorithm>
#include <cmath>

#include "server/vote/agreement_weights.h"
#include "server/vote/decision_writer.h"
#include "server/vote/evidence.h"
#include "server/vote/rules.h"
#include "server/vote/sections.h"
#include "server/vote/weights.h"

namespace signvote {
namespace {

// A vote on the parameters of some rounds ago: half for each, which among equals and where data differ ends above what
// counting it whole or not at all reaches (docs/algorithm.md).
int32_t Halved(int32_t weight, uint32_t rounds) { return weight / (1 << std::min(rounds, 30u)); }

class AgreementRule : public Rule {
 public:
  AgreementRule(const VoteOptions& options, BlockShape shape, const Kernels& kernels)
      : options_(options),
        shape_(shape),
        kernels_(&kernels),
        matrix_(options.assume_hostile, shape),
        evidence_(shape.coordinates, CarryFactor(options.carry)),
        llr_(shape.sections.size()),
        weights_(shape.sections.size()),
        next_(shape.sections.size()) {}

  void Decode(uint64_t round, std::span<const Ballot> ballots, std::span<const VoterId> electorate,
              SignVector* decision) override {
    Grow(electorate.size());
    electorate_.assign(electorate.begin(), electorate.end());
    voted_.assign(electorate.size(), 0);
    std::vector<size_t> places;  // by ballot, in the electorate
    for (size_t at = 0; const Ballot& ballot : ballots) {
      while (electorate_[at] != ballot.voter) ++at;
      voted_[at] = 1;
      places.push_back(at);
    }
    std::vector<std::vector<int32_t>> weights(llr_.size());  // by section, by ballot
    for (size_t section = 0; section < llr_.size(); ++section) {
      llr_[section] = BlendWeights(matrix_, section, electorate, options_).weights;
      weights_[section] = IntegerWeights(llr_[section], scale_.total);
      for (size_t b = 0; b < ballots.size(); ++b) {
        int32_t& weight = weights_[section][places[b]];
        weight = Halved(weight, ballots[b].age);
        weights[section].push_back(weight);
      }
    }
    BallotSample sample(round, ballots, shape_, matrix_.words_before());
    Sum(ballots, weights, &sample, decision);
    matrix_.Observe(round, ballots, electorate, sample, *kernels_);
    LookAhead();
  }

  VoterReport Report(VoterId voter) const override {
    VoterReport report;
    report.trust = matrix_.trust();
    if (const int64_t at = Place(voter); at >= 0) {
      report.mean_weight = matrix_.Mean([&](size_t section) { return llr_[section][at]; });
      report.weight =
          voted_[at] ? std::llround(matrix_.Mean([&](size_t section) { return weights_[section][at]; })) : 0;
      report.next_weight = std::llround(matrix_.Mean([&](size_t section) { return next_[section][at]; }));
    }
    const int64_t found = matrix_.Row(voter);
    if (found < 0) return report;
    const auto row = static_cast<size_t>(found);
    report.rounds = matrix_.rounds(row);
    report.against = matrix_.against(row);
    report.crossover = matrix_.Mean([&](size_t section) { return (1 - matrix_.mu(section, row)) / 2; });
    report.different = matrix_.different(row);
    return report;
  }

  void PerCoordinate(VoterId voter, uint64_t begin, uint64_t end, std::vector<float>* crossover,
                     std::vector<float>* weight) const override {
    const int64_t at = Place(voter), row = matrix_.Row(voter);
    crossover->assign(end - begin, static_cast<float>(kUnmeasured));
    weight->assign(end - begin, 0.0f);
    for (uint64_t n = begin; n < end; ++n) {
      const size_t section = SectionAt(shape_.sections, n);
      if (row >= 0) (*crossover)[n - begin] = static_cast<float>((1 - matrix_.mu(section, row)) / 2);
      if (at >= 0) (*weight)[n - begin] = static_cast<float>(llr_[section][at]);
    }
  }

  void Foresee(std::span<const VoterId> electorate, uint64_t begin, uint64_t end, Forecast* out) const override {
    const int64_t total =
        scale_.capacity > 0 ? scale_.total : EvidenceScale::For(electorate.size(), evidence_.r()).total;
    out->carried = evidence_.CarriedOn(begin, end);
    out->weights.assign(electorate.size(), std::vector<float>(end - begin));
    size_t known = shape_.sections.size();  // of which section the weights are at hand
    std::vector<int32_t> weights;
    for (uint64_t n = begin; n < end; ++n) {
      const size_t section = SectionAt(shape_.sections, n);
      if (section != known) weights = Ahead(section, electorate, total);
      known = section;
      for (size_t v = 0; v < electorate.size(); ++v) out->weights[v][n - begin] = static_cast<float>(weights[v]);
    }
  }

  float WeightLate(float weight, uint32_t age) const override {
    return static_cast<float>(Halved(static_cast<int32_t>(weight), age));
  }

  void Agreement(std::vector<VoterId>* voters, std::vector<double>* matrix) const override {
    voters->assign(matrix_.columns().begin(), matrix_.columns().end());
    *matrix = matrix_.Agreement();
  }

  void Save(std::string* out) const override {
    StateWriter writer(out);
    writer.Put(scale_.capacity);
    evidence_.Save(&writer);
    matrix_.Save(&writer);
    writer.PutArray(electorate_);
    writer.PutArray(voted_);
    for (size_t section = 0; section < llr_.size(); ++section) {
      writer.PutArray(llr_[section]);
      writer.PutArray(weights_[section]);
    }
  }

  absl::Status Restore(std::string_view bytes) override {
    StateReader reader(bytes);
    uint32_t capacity = 0;
    reader.Get(&capacity);
    if (capacity > 0) scale_ = EvidenceScale::For(capacity, evidence_.r());
    evidence_.Restore(&reader);
    matrix_.Restore(&reader);
    reader.GetArray(&electorate_);
    reader.GetArray(&voted_);
    const size_t size = electorate_.size();
    bool fits = scale_.capacity == capacity && evidence_.is_narrow() == scale_.narrow && voted_.size() == size;
    for (size_t section = 0; section < llr_.size(); ++section) {
      fits = reader.GetArray(&llr_[section]) && llr_[section].size() == size && fits;
      fits = reader.GetArray(&weights_[section]) && weights_[section].size() == size && fits;
    }
    if (!fits) reader.Fail();
    RETURN_IF_ERROR(reader.Finish("rule agreement"));
    LookAhead();
    return absl::OkStatus();
  }

  bool CopyTo(std::unique_ptr<Rule>* copy) const override { return CopyRule(*this, copy); }

 private:
  // Of the next round, in one section.
  std::vector<int32_t> Ahead(size_t section, std::span<const VoterId> electorate, int64_t total) const {
    return IntegerWeights(BlendWeights(matrix_, section, electorate, options_).weights, total);
  }
  void LookAhead() {
    for (size_t section = 0; section < next_.size(); ++section) {
      next_[section] = Ahead(section, electorate_, scale_.total);
    }
  }

  void Grow(size_t voters) {
    const EvidenceScale scale = EvidenceScale::For(std::max<size_t>(voters, scale_.capacity), evidence_.r());
    if (scale.capacity == scale_.capacity) return;
    evidence_.Rescale(scale.total, scale_.capacity == 0 ? 1 : scale_.total, scale.narrow);
    scale_ = scale;
  }

  void Sum(std::span<const Ballot> ballots, const std::vector<std::vector<int32_t>>& weights, BallotSample* sample,
           SignVector* decision) {
    DecisionWriter writer(decision, shape_.coordinates);
    for (BallotTiles tiles(ballots, shape_); tiles.Next();) {
      const uint64_t word = tiles.first_word();
      const WeightedTile tile{tiles.votes(),
                              weights[tiles.section()].data(),
                              evidence_.r(),
                              {tiles.words(), writer.signs(word), writer.zeros(word)}};
      if (evidence_.is_narrow()) {
        kernels_->sum_narrow(tile, evidence_.narrow(word * 64));
      } else {
        kernels_->sum_wide(tile, evidence_.wide(word * 64));
      }
      sample->Collect(tiles);
    }
    writer.Finish();
  }

  // In the last electorate, or -1.
  int64_t Place(VoterId voter) const {
    const auto at = std::lower_bound(electorate_.begin(), electorate_.end(), voter);
    return at != electorate_.end() && *at == voter ? at - electorate_.begin() : -1;
  }

  VoteOptions options_;
  BlockShape shape_;
  const Kernels* kernels_;

  AgreementMatrix matrix_;
  EvidenceScale scale_;  // only grows; capacity 0 before the first round
  Evidence evidence_;
  // Of the last round, by voter of its electorate.
  std::vector<VoterId> electorate_;
  std::vector<uint8_t> voted_;
  // By section, by voter of the electorate.
  std::vector<std::vector<double>> llr_;
  std::vector<std::vector<int32_t>> weights_;
  std::vector<std::vector<int32_t>> next_;  // weights of the next round, if the electorate stays
};

}  // namespace

std::vector<StateSize> AgreementState(const VoteOptions& options, const StateShape& shape) {
  std::vector<StateSize> state = EvidenceState(options.carry, /*wide=*/false, shape);
  state.push_back(AgreementMatrix::State(shape));
  state.push_back(Repeats::State(shape));
  return state;
}

std::unique_ptr<Rule> MakeAgreement(const VoteOptions& options, BlockShape shape, const Kernels& kernels) {
  return std::make_unique<AgreementRule>(options, shape, kernels);
}

}  // namespace signvote
