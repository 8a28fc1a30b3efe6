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

}  // namespace
}  // namespace signvote
