// What is called certain is what no vote of the missing changes: decoded twice, with all of them for and all against.
#include "server/vote/certainty.h"

#include <gtest/gtest.h>

#include "tests/server/vote/random_rounds.h"

namespace signvote {
namespace {

constexpr uint64_t kCoordinates = 3001;

struct CertaintyCase {
  const char* name;
  VoteOptions options;
  double rounding = 0, negative = 0;
};
void PrintTo(const CertaintyCase& c, std::ostream* os) { *os << c.name; }

class CertaintyTest : public testing::TestWithParam<CertaintyCase> {};

INSTANTIATE_TEST_SUITE_P(
    Rules, CertaintyTest,
    testing::Values(CertaintyCase{"majority", {.rule = "majority", .carry = 0}},
                    CertaintyCase{"majority_carried", {.rule = "majority"}},
                    CertaintyCase{"agreement", {.rule = "agreement"}},
                    CertaintyCase{
                        "paper", {.rule = "it-signsgd", .carry = 0, .warmup_rounds = 5, .prior = 0}, 2e-3, 0.05},
                    CertaintyCase{"prior", {.rule = "it-signsgd"}, 2e-3, 0.05}),
    [](const auto& i) { return i.param.name; });

SignVector DecodedWith(const CertaintyCase& c, const std::string& state, uint64_t round, RandomRound votes,
                       size_t missing, bool sign) {
  auto rule = MakeRule(c.options, {0, kCoordinates});
  EXPECT_TRUE(rule->Restore(state).ok());
  for (size_t i = votes.ballots.size() - missing; i < votes.ballots.size(); ++i) {
    auto& signs = votes.ballots[i].signs;
    std::fill(signs.begin(), signs.end(), sign ? ~uint64_t{0} : 0);
    if (sign) signs.back() = (uint64_t{1} << kCoordinates % 64) - 1;
  }
  SignVector decision;
  rule->Decode(round, Views(votes.ballots), votes.electorate, &decision);
  decision.zeros.resize(decision.signs.size());
  return decision;
}

TEST_P(CertaintyTest, IsTheShareThatTheMissingCannotChange) {
  auto rule = MakeRule(GetParam().options, {0, kCoordinates});
  RandomRounds rounds({.coordinates = kCoordinates, .voters = 9}, 5);
  for (uint64_t round = 1; round <= 30; ++round) {
    const RandomRound votes = rounds.Next();
    std::string state;
    rule->Save(&state);
    for (const size_t missing : {1u, 3u}) {
      std::vector<VoterId> away;
      for (size_t i = votes.ballots.size() - missing; i < votes.ballots.size(); ++i)
        away.push_back(votes.ballots[i].voter);
      const std::vector<Ballot> views = Views(votes.ballots);
      const double share = CertainShare(*rule, {0, kCoordinates}, std::span(views).first(views.size() - missing), away,
                                        votes.electorate);
      const SignVector for_it = DecodedWith(GetParam(), state, round, votes, missing, true);
      const SignVector against = DecodedWith(GetParam(), state, round, votes, missing, false);
      uint64_t same = kCoordinates;
      for (size_t w = 0; w < for_it.signs.size(); ++w) {
        const uint64_t differs = (for_it.signs[w] ^ against.signs[w]) | for_it.zeros[w] | against.zeros[w];
        same -= static_cast<uint64_t>(std::popcount(differs));
      }
      // Where a weight is negative, voting alike is not the most that the missing can do; and it-signsgd sums
      // otherwise.
      const double truth = static_cast<double>(same) / kCoordinates;
      EXPECT_LE(share, truth + GetParam().rounding) << "round " << round << ", missing " << missing;
      EXPECT_GE(share, truth - GetParam().negative) << "round " << round << ", missing " << missing;
    }
    SignVector decision;
    rule->Decode(round, Views(votes.ballots), votes.electorate, &decision);
  }
}

TEST_P(CertaintyTest, WhatIsForeseenIsTheSameAfterARestartAndANewcomerWeighsAsTheRuleSays) {
  auto rule = MakeRule(GetParam().options, {0, kCoordinates});
  RandomRounds rounds({.coordinates = kCoordinates, .voters = 9}, 6);
  for (uint64_t round = 1; round <= 20; ++round) {
    const RandomRound votes = rounds.Next();
    SignVector decision;
    rule->Decode(round, Views(votes.ballots), votes.electorate, &decision);
  }
  RandomRound next = rounds.Next();
  const VoterId newcomer = next.electorate.back() + 1;
  next.electorate.push_back(newcomer);
  Forecast foreseen, again;
  rule->Foresee(next.electorate, 64, 192, &foreseen);

  std::string state;
  rule->Save(&state);
  auto restored = MakeRule(GetParam().options, {0, kCoordinates});
  ASSERT_TRUE(restored->Restore(state).ok());
  restored->Foresee(next.electorate, 64, 192, &again);
  EXPECT_EQ(again.carried, foreseen.carried);
  EXPECT_EQ(again.weights, foreseen.weights);

  // Decided by the newcomer alone, evidence moves by its weight.
  OwnedBallot ballot{newcomer, std::vector<uint64_t>((kCoordinates + 63) / 64, ~uint64_t{0}), {}, {}};
  MaskTail(&ballot.signs, kCoordinates);
  SignVector decision;
  rule->Decode(21, Views({ballot}), next.electorate, &decision);
  decision.zeros.resize(decision.signs.size());
  for (uint64_t n = 0; n < 128; ++n) {
    const double sum = foreseen.carried[n] + foreseen.weights.back()[n];
    if (std::abs(sum) < 1e-3 * std::abs(foreseen.carried[n])) continue;
    const uint64_t word = 1 + n / 64, bit = n % 64;
    EXPECT_EQ(decision.signs[word] >> bit & 1, sum > 0 ? 1u : 0u) << n << ": " << foreseen.carried[n];
  }
}

}  // namespace
}  // namespace signvote
