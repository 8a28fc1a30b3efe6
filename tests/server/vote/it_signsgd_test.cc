// it-signsgd against the same rule in double arithmetic: equal wherever the evidence is not within 1e-4 of a tie.
#include <gtest/gtest.h>

#include <cmath>

#include "server/vote/agreement_weights.h"
#include "tests/server/vote/independent.h"

namespace signvote {
namespace {

struct ItCase {
  const char* name;
  RoundShape shape;
  VoteOptions options;
  uint64_t rounds = 40;
};

void PrintTo(const ItCase& c, std::ostream* os) { *os << c.name; }

VoteOptions Options(double carry, double prior, uint32_t warmup, uint32_t bits = 16) {
  return {.rule = "it-signsgd", .carry = carry, .warmup_rounds = warmup, .counter_bits = bits, .prior = prior};
}
VoteOptions With(VoteOptions options, void (*change)(VoteOptions*)) {
  change(&options);
  return options;
}

class ItSignSgdTest : public testing::TestWithParam<ItCase> {};

const RoundShape kSmall{.coordinates = 1500};
const RoundShape kMixed{
    .coordinates = 3000, .voters = 12, .abstain = 0.2, .absent = 0.2, .stripes = true, .newcomers = true};

INSTANTIATE_TEST_SUITE_P(
    Rounds, ItSignSgdTest,
    testing::Values(
        ItCase{"paper", kSmall, Options(0, 0, 10)}, ItCase{"no_warmup", kSmall, Options(0, 0, 0)},
        ItCase{"one_voter", {.coordinates = 300, .voters = 1}, Options(0, 0, 5)},
        ItCase{"warmup_alone_ties_exactly", {.coordinates = 600, .voters = 6, .abstain = 0.3}, Options(0, 0, 100)},
        ItCase{"eight_bits", {.coordinates = 600}, Options(0, 0, 10, 8), 400},
        ItCase{"eight_bits_forgetful",
               {.coordinates = 600, .abstain = 0.1},
               With(Options(0, 0, 10, 8), [](VoteOptions* o) { o->forget = 0.98; }),
               200},
        ItCase{"forgetful", kMixed, With(Options(0, 0, 5), [](VoteOptions* o) { o->forget = 0.9; })},
        ItCase{"abstention_is_error", kMixed,
               With(Options(0, 0, 5), [](VoteOptions* o) { o->abstention_is_error = true; })},
        ItCase{"short_clip", kSmall, With(Options(0, 0, 5), [](VoteOptions* o) { o->llr_clip = 1; })},
        ItCase{"long_clip", kSmall, With(Options(0, 0, 5), [](VoteOptions* o) { o->llr_clip = 20; })},
        ItCase{"forty_voters", {.coordinates = 600, .voters = 40}, Options(0, 0, 10)},
        ItCase{"carried", kSmall, Options(0.9, 0, 5)}, ItCase{"mixed_carried", kMixed, Options(0.9, 0, 5)},
        ItCase{"mixed", kMixed, Options(0, 0, 8)}, ItCase{"prior", kSmall, Options(0, 100, 0)},
        ItCase{"small_prior", kSmall, Options(0, 0.5, 0)}, ItCase{"prior_carried", kSmall, Options(0.9, 100, 0)},
        ItCase{"prior_mixed", kMixed, Options(0.9, 20, 0)},
        ItCase{"prior_eight_bits", kSmall, Options(0.9, 30, 0, 8), 140},
        ItCase{"prior_hostile", kSmall, With(Options(0.9, 30, 0), [](VoteOptions* o) { o->assume_hostile = true; })}),
    [](const auto& i) { return i.param.name; });

// What the voters of a round start from, by the matrix that the documents describe (tested by itself elsewhere).
std::map<VoterId, IndependentPrior> Priors(const AgreementMatrix& matrix, const std::vector<VoterId>& electorate,
                                           const VoteOptions& options, double* unit) {
  std::map<VoterId, IndependentPrior> priors;
  if (options.prior == 0) return priors;
  const BlendedWeights blended = BlendWeights(matrix, 0, electorate, options);
  double sum = 0;
  for (size_t i = 0; i < electorate.size(); ++i) {
    const double w = std::clamp(blended.weights[i], -options.llr_clip, options.llr_clip);
    const double low = options.assume_hostile ? -options.llr_clip : std::min(w, options.floor * blended.mean);
    priors[electorate[i]] = {blended.trust == 0, blended.learned[i] ? blended.trust : 0, w, low};
    sum += blended.trust == 0 ? 1 : std::abs(w);
  }
  *unit = std::min(16 / sum, 1e4);
  return priors;
}

TEST_P(ItSignSgdTest, DecidesAsDoubleArithmeticDoesAwayFromTies) {
  const ItCase& c = GetParam();
  const uint64_t seed = 11;
  const auto rule = MakeRule(c.options, {0, c.shape.coordinates});
  IndependentItSignSgd independent(c.options, c.shape.coordinates);
  AgreementMatrix matrix(c.options.assume_hostile, {0, c.shape.coordinates});
  RandomRounds rounds(c.shape, seed);
  for (uint64_t round = 1; round <= c.rounds; ++round) {
    const RandomRound r = rounds.Next();
    double unit = 1;
    const auto priors = Priors(matrix, r.electorate, c.options, &unit);
    const auto expected = independent.Decide(round, r.ballots, priors, unit);
    SignVector decision;
    rule->Decode(round, Views(r.ballots), r.electorate, &decision);
    const std::vector<int> decided = Expand(decision, c.shape.coordinates);
    for (uint64_t n = 0; n < c.shape.coordinates; ++n) {
      const bool warmup_only = c.options.prior == 0 && c.options.carry == 0 && round <= c.options.warmup_rounds;
      if (expected.margin[n] > 1e-4 || warmup_only) {
        ASSERT_EQ(decided[n], expected.decision[n])
            << "seed " << seed << " round " << round << " coordinate " << n << " margin " << expected.margin[n];
      }
    }
    independent.Count(decided);
    if (c.options.prior == 0) continue;
    const std::vector<Ballot> views = Views(r.ballots);
    BallotSample sample(round, views, {0, c.shape.coordinates}, matrix.words_before());
    for (BallotTiles tiles(views, {0, c.shape.coordinates}); tiles.Next();) sample.Collect(tiles);
    matrix.Observe(round, views, r.electorate, sample, ReferenceKernels());
  }
  RandomRounds again(c.shape, seed);
  RandomRound last;
  for (uint64_t round = 1; round <= c.rounds; ++round) last = again.Next();
  double unit = 1;
  const auto priors = Priors(matrix, last.electorate, c.options, &unit);
  for (const OwnedBallot& ballot : last.ballots) {
    std::vector<float> crossover, weight;
    rule->PerCoordinate(ballot.voter, 0, c.shape.coordinates, &crossover, &weight);
    for (uint64_t n = 0; n < c.shape.coordinates; ++n) {
      const IndependentCount& count = independent.count(ballot.voter, n);
      ASSERT_NEAR(crossover[n], count.rounds == 0 ? 0.5 : count.errors / count.rounds, 1e-6);
      ASSERT_NEAR(weight[n], independent.Weight(count, priors.empty() ? nullptr : &priors.at(ballot.voter)), 2e-3);
    }
  }
}

TEST(ItSignSgdTest, AFullCounterHalvesErrorsAndRoundsTogether) {
  const auto rule = MakeRule(Options(0, 0, 0, 8), {0, 64});
  const std::vector<VoterId> electorate{1, 2, 3};
  SignVector decision;
  for (uint64_t round = 1; round <= 127; ++round) {  // t reaches 254
    const std::vector<OwnedBallot> ballots{
        {1, {0}, {}, {}}, {2, {0}, {}, {}}, {3, {round % 4 == 0 ? ~uint64_t{0} : 0}, {}, {}}};
    rule->Decode(round, Views(ballots), electorate, &decision);
  }
  std::vector<float> crossover, weight;
  rule->PerCoordinate(3, 0, 1, &crossover, &weight);
  EXPECT_FLOAT_EQ(crossover[0], 62.0f / 254);
  const std::vector<OwnedBallot> ballots{{1, {0}, {}, {}}, {2, {0}, {}, {}}, {3, {0}, {}, {}}};
  rule->Decode(128, Views(ballots), electorate, &decision);
  rule->PerCoordinate(3, 0, 1, &crossover, &weight);
  EXPECT_FLOAT_EQ(crossover[0], 31.0f / 129);
}

}  // namespace
}  // namespace signvote
