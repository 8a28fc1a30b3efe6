// it-signsgd: each voter weighs, on each coordinate, as much as its record there says (eq. 3, 4).
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "server/vote/agreement_weights.h"
#include "server/vote/decision_writer.h"
#include "server/vote/error_counts.h"
#include "server/vote/evidence.h"
#include "server/vote/portable_math.h"
#include "server/vote/rules.h"
#include "server/vote/sections.h"

namespace signvote {
namespace {

constexpr uint64_t kTileStripes = 8;      // counters of a tile stay in cache while they age and decide
constexpr double kUnit = 65536;           // evidence a nat, without a prior
constexpr double kPriorTotal = 16;        // with one: nats that sum |w| over the electorate is scaled to
constexpr double kMostCounted = 65535;    // half units of a record
constexpr double kLeastRecord = 0x1p-20;  // a record that counts less is as good as none

double Logistic(double x) { return 1 / (1 + PortableExp(-x)); }

// What decides a voter's weight beside its record, constant over a round.
struct Standing {
  bool unit_weight = false;
  double record = 1;                        // how much its record counts: 1, or trust, or 0
  double prior_right = 0, prior_wrong = 0;  // half units
  double a_low = 0, a_high = 1, b_low = 0;  // bounds, as shares of all half units

  double Prior() const { return prior_right + prior_wrong; }
};

LikelihoodVote Weigh(const Standing& standing, const RoundTally& tally, uint32_t warmup_rounds) {
  LikelihoodVote v;
  v.unit_weight =
      standing.Prior() > 0 ? standing.unit_weight : tally.heard < std::max(1u, warmup_rounds) || tally.total == 0;
  if (v.unit_weight) return v;
  // Counts are not scaled: where a record counts in part, the prior weighs as much more.
  const bool has_record = standing.record > 0 && tally.total > 0;
  const double t = has_record ? tally.total : 0, scale = 1 / (has_record ? standing.record : standing.Prior());
  const double sum = t + standing.Prior() * scale;
  v.sum = static_cast<float>(sum);
  v.right = static_cast<float>(t + standing.prior_right * scale);
  v.a_low = static_cast<float>(sum * standing.a_low);
  v.a_high = static_cast<float>(sum * standing.a_high);
  v.b_low = static_cast<float>(sum * standing.b_low);
  if (!has_record) {
    // The same at every count: a bound.
    v.a_low = std::clamp(v.right, v.a_low, v.a_high);
    v.right = 0;
  }
  return v;
}

// The log-likelihood ratio of a voter that has `c` half units of error.
double Llr(const LikelihoodVote& v, double c) {
  if (v.unit_weight) return 1;
  const double a = std::clamp(v.right - c, double{v.a_low}, double{v.a_high});
  return PortableLog(a / std::max(v.sum - a, double{v.b_low}));
}

template <typename Count>
class ItSignSgd : public Rule {
 public:
  ItSignSgd(const VoteOptions& options, BlockShape shape, const Kernels& kernels,
            void (*likelihood)(const LikelihoodTile<Count>&))
      : options_(options),
        shape_(options.prior > 0 ? std::move(shape) : BlockShape{shape.block, shape.coordinates}),
        kernels_(kernels),
        likelihood_(likelihood),
        counts_(shape_.coordinates, options.forget),
        matrix_(options.assume_hostile, shape_),
        evidence_(shape_.coordinates, CarryFactor(options.carry)) {
    evidence_.Rescale(1, 1, false);
    rule_.abstention = options.abstention_is_error ? 2 : 1;
    rule_.r = evidence_.r();
    const double most = std::floor(2147483647.0 * (32768 - rule_.r) / 32768) - 1;
    rule_.most = static_cast<float>(most);
    if (rule_.most > most) rule_.most = std::nextafter(rule_.most, 0.0f);
  }

  void Decode(uint64_t round, std::span<const Ballot> ballots, std::span<const VoterId> electorate,
              SignVector* decision) override {
    electorate_.assign(electorate.begin(), electorate.end());
    counts_.Begin(round, ballots);
    const ExpTable exp_table(static_cast<uint32_t>(ballots.size()));
    rule_.exp_mantissa = exp_table.mantissa.data();
    rule_.exp_exponent = exp_table.exponent.data();
    std::vector<SectionVotes> sections;
    for (size_t i = 0; i < shape_.sections.size(); ++i) sections.push_back(VotesOn(i, ballots));
    BallotSample sample(round, ballots, shape_, matrix_.words_before());
    DecodeTiles(ballots, sections, &sample, decision);
    counts_.End(ballots);
    if (options_.prior > 0) matrix_.Observe(round, ballots, electorate, sample, kernels_);
  }

  VoterReport Report(VoterId voter) const override {
    VoterReport report;
    report.trust = matrix_.trust();
    const int64_t found = counts_.Row(voter);
    if (found < 0) return report;
    const auto row = static_cast<uint32_t>(found);
    report.rounds = counts_.rounds(row);
    const int64_t peer = matrix_.Row(voter);
    if (peer >= 0) {
      report.against = matrix_.against(static_cast<size_t>(peer));
      report.different = matrix_.different(static_cast<size_t>(peer));
    }
    // Means over every stride-th word: 2^14 coordinates are plenty.
    const uint64_t stride = 64 * std::max<uint64_t>(1, WordsFor(shape_.coordinates) / 256);
    std::optional<Record> record;
    size_t section = 0;
    std::vector<float> crossover(64), weight(64);
    double errors = 0, weights = 0, count = 0;
    for (uint64_t begin = 0; begin < shape_.coordinates; begin += stride) {
      if (const size_t at = SectionAt(shape_.sections, begin); !record || at != section) {
        section = at;
        record.emplace(*this, found, StandingOf(voter, section));
      }
      const uint64_t size = std::min<uint64_t>(64, shape_.coordinates - begin);
      record->Read(begin, begin + size, crossover.data(), weight.data());
      for (size_t n = 0; n < size; ++n) {
        errors += crossover[n];
        weights += weight[n];
      }
      count += static_cast<double>(size);
    }
    report.crossover = errors / count;
    report.mean_weight = weights / count;
    return report;
  }

  // By the record as it stands after the last round.
  void PerCoordinate(VoterId voter, uint64_t begin, uint64_t end, std::vector<float>* crossover,
                     std::vector<float>* weight) const override {
    const int64_t row = counts_.Row(voter);
    crossover->assign(end - begin, static_cast<float>(kUnmeasured));
    weight->assign(end - begin, 0.0f);
    if (row < 0) return;
    BySection(begin, end, [&](size_t section, uint64_t from, uint64_t to) {
      Record(*this, row, StandingOf(voter, section))
          .Read(from, to, &(*crossover)[from - begin], &(*weight)[from - begin]);
    });
  }

  void Foresee(std::span<const VoterId> electorate, uint64_t begin, uint64_t end, Forecast* out) const override {
    out->carried = evidence_.CarriedOn(begin, end);
    out->weights.assign(electorate.size(), std::vector<float>(end - begin));
    std::vector<float> crossover(end - begin);
    BySection(begin, end, [&](size_t section, uint64_t from, uint64_t to) {
      float unit = 0;
      const std::vector<Standing> standings = Standings(section, electorate, &unit);
      for (uint64_t n = from; n < to; ++n) out->carried[n - begin] /= unit;
      for (size_t v = 0; v < electorate.size(); ++v) {
        Record(*this, counts_.Row(electorate[v]), standings[v])
            .Read(from, to, crossover.data(), &out->weights[v][from - begin]);
      }
    });
  }

  void Agreement(std::vector<VoterId>* voters, std::vector<double>* matrix) const override {
    voters->assign(matrix_.columns().begin(), matrix_.columns().end());
    *matrix = matrix_.Agreement();
  }

  void Save(std::string* out) const override {
    StateWriter writer(out);
    evidence_.Save(&writer);
    counts_.Save(&writer);
    matrix_.Save(&writer);
    writer.PutArray(electorate_);
  }

  absl::Status Restore(std::string_view bytes) override {
    StateReader reader(bytes);
    evidence_.Restore(&reader);
    counts_.Restore(&reader);
    matrix_.Restore(&reader);
    reader.GetArray(&electorate_);
    if (evidence_.is_narrow()) reader.Fail();
    return reader.Finish("rule it-signsgd");
  }

 private:
  // visit(section, begin, end) for each section of these coordinates.
  template <class Visit>
  void BySection(uint64_t begin, uint64_t end, Visit visit) const {
    for (uint64_t to = begin; begin < end; begin = to) {
      const size_t section = SectionAt(shape_.sections, begin);
      to = std::min(end, BoundsOf(shape_.sections, shape_.coordinates, section).end);
      visit(section, begin, to);
    }
  }

  // Reads what is known of one voter in one section. Weights are looked up by count.
  class Record {
   public:
    // `row`: of its counts, or -1: a newcomer.
    Record(const ItSignSgd& rule, int64_t row, const Standing& standing) : rule_(rule), row_(row), standing_(standing) {
      Use(RoundTally());
    }

    void Read(uint64_t begin, uint64_t end, float* crossover, float* weight) {
      for (uint64_t n = begin; n < end; ++n, ++crossover, ++weight) {
        uint32_t c = 0;
        if (row_ >= 0) {
          const auto row = static_cast<uint32_t>(row_);
          Use(rule_.counts_.Tally(row, n / kStripeCoordinates));
          c = std::min<uint32_t>(rule_.counts_.count(row, n), tally_.total);
        }
        if (std::isnan(weights_[c])) weights_[c] = static_cast<float>(Llr(vote_, c));
        *weight = weights_[c];
        *crossover = tally_.total > 0 ? static_cast<float>(c) / static_cast<float>(tally_.total) : 0.5f;
      }
    }

   private:
    void Use(const RoundTally& tally) {
      if (!weights_.empty() && tally.total == tally_.total && tally.heard == tally_.heard) return;
      tally_ = tally;
      vote_ = Weigh(standing_, tally, rule_.options_.warmup_rounds);
      weights_.assign(tally.total + 1, std::numeric_limits<float>::quiet_NaN());
    }

    const ItSignSgd& rule_;
    const int64_t row_;
    const Standing standing_;
    RoundTally tally_;
    LikelihoodVote vote_;
    std::vector<float> weights_;  // by count, NaN where not asked yet
  };

  // Weights from `low` to the clip.
  Standing Bounded(double low) const {
    Standing standing;
    standing.a_low = Logistic(low);
    // From a clip of 8 on the upper bound would change a weight by less than 4e-5 of itself.
    standing.a_high = options_.llr_clip >= 8 ? 1 : Logistic(options_.llr_clip);
    standing.b_low = Logistic(-options_.llr_clip);
    return standing;
  }

  // In one section, by voter of the electorate; `unit`: evidence a nat.
  std::vector<Standing> Standings(size_t section, std::span<const VoterId> electorate, float* unit) const {
    const double clip = options_.llr_clip;
    std::vector<Standing> standings(electorate.size(), Bounded(-clip));
    if (unit != nullptr) *unit = static_cast<float>(kUnit);
    if (options_.prior == 0) return standings;

    const BlendedWeights blended = BlendWeights(matrix_, section, electorate, options_);
    double sum = 0;
    for (size_t i = 0; i < standings.size(); ++i) {
      const double w = std::clamp(blended.weights[i], -clip, clip);
      const double low = options_.assume_hostile ? -clip : std::min(options_.floor * blended.mean, w);
      sum += blended.trust == 0 ? 1 : std::abs(w);
      Standing& s = standings[i] = Bounded(low);
      s.unit_weight = blended.trust == 0;
      s.record = blended.learned[i] && blended.trust >= kLeastRecord ? blended.trust : 0;
      s.prior_right = 2 * options_.prior * Logistic(w);
      s.prior_wrong = 2 * options_.prior * Logistic(-w);
    }
    if (unit != nullptr && sum > 0) *unit = static_cast<float>(kUnit * std::min(kPriorTotal / sum, 1e4));
    return standings;
  }

  Standing StandingOf(VoterId voter, size_t section) const {
    const auto at = std::lower_bound(electorate_.begin(), electorate_.end(), voter);
    if (at == electorate_.end() || *at != voter) return Bounded(-options_.llr_clip);
    return Standings(section, electorate_, nullptr)[at - electorate_.begin()];
  }

  // What decides the votes on one section in a round.
  struct SectionVotes {
    LikelihoodRule rule;
    std::vector<Standing> standings;       // by ballot
    std::vector<LikelihoodVote> constant;  // by ballot, where one tally holds for the block
  };

  SectionVotes VotesOn(size_t section, std::span<const Ballot> ballots) const {
    SectionVotes on{rule_, {}, {}};
    const std::vector<Standing> standings = Standings(section, electorate_, &on.rule.unit);
    double most = 0;  // half units of a voter
    for (const Standing& s : standings) most = std::max(most, kMostCounted + (s.record > 0 ? s.Prior() / s.record : 0));
    on.rule.period = LikelihoodPeriod(most, options_.llr_clip);
    size_t at = 0;
    for (const Ballot& ballot : ballots) {
      while (electorate_[at] != ballot.voter) ++at;
      on.standings.push_back(standings[at]);
    }
    for (uint32_t b = 0; b < ballots.size(); ++b) on.constant.push_back(Vote(b, on.standings[b], 0));
    return on;
  }

  void DecodeTiles(std::span<const Ballot> ballots, const std::vector<SectionVotes>& sections, BallotSample* sample,
                   SignVector* decision) {
    DecisionWriter writer(decision, shape_.coordinates);
    std::vector<LikelihoodVote> votes;
    for (BallotTiles tiles(ballots, shape_, counts_.by_stripe() ? 1 : kTileStripes); tiles.Next();) {
      const SectionVotes& on = sections[tiles.section()];
      counts_.Age(tiles);
      votes.clear();
      for (const TileVote& vote : tiles.votes()) {
        const uint32_t b = vote.ballot;
        votes.push_back(counts_.by_stripe() ? Vote(b, on.standings[b], tiles.first_stripe()) : on.constant[b]);
        votes.back().vote = vote;
      }
      const uint64_t word = tiles.first_word();
      LikelihoodTile<Count> tile{votes, counts_.at(word), counts_.word_stride(), evidence_.wide(word * 64), &on.rule};
      tile.decision = {tiles.words(), writer.signs(word), writer.zeros(word)};
      likelihood_(tile);
      if (options_.prior > 0) sample->Collect(tiles);
    }
    writer.Finish();
  }

  LikelihoodVote Vote(uint32_t ballot, const Standing& standing, uint64_t stripe) const {
    const uint32_t row = counts_.row_of_ballot(ballot);
    LikelihoodVote vote = Weigh(standing, counts_.Tally(row, stripe), options_.warmup_rounds);
    vote.row = row;
    return vote;
  }

  const VoteOptions options_;
  const BlockShape shape_;
  const Kernels& kernels_;
  void (*const likelihood_)(const LikelihoodTile<Count>&);

  ErrorCounts<Count> counts_;
  AgreementMatrix matrix_;  // empty without a prior
  Evidence evidence_;
  LikelihoodRule rule_;              // but for what a section has of its own
  std::vector<VoterId> electorate_;  // of the last round
};

}  // namespace

std::vector<StateSize> ItSignSgdState(const VoteOptions& options, const StateShape& shape) {
  const uint64_t width = options.counter_bits / 8;
  std::vector<StateSize> state = EvidenceState(options.carry, /*wide=*/true, shape);
  state.insert(state.begin(), {"error counts", fmt::format("M*N*{}", width), shape.voters * shape.coordinates * width});
  if (options.prior > 0) {
    state.push_back(AgreementMatrix::State(shape));
    state.push_back(Repeats::State(shape));
  }
  return state;
}

std::unique_ptr<Rule> MakeItSignSgd(const VoteOptions& options, BlockShape shape, const Kernels& kernels) {
  if (options.counter_bits == 8) {
    return std::make_unique<ItSignSgd<uint8_t>>(options, shape, kernels, kernels.likelihood8);
  }
  return std::make_unique<ItSignSgd<uint16_t>>(options, shape, kernels, kernels.likelihood16);
}

}  // namespace signvote
