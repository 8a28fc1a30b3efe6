// What `agreement` learns: crossovers of 10^5 coordinates and 40 rounds against the probabilities that the votes were
// drawn with, and whom it hears.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/server/vote/electorate.h"

namespace signvote {
namespace {

constexpr uint64_t kCoordinates = 100'000;
constexpr int kRounds = 40;

std::vector<Character> Spread(int voters, double low, double high) {
  std::vector<Character> c;
  for (int m = 0; m < voters; ++m) c.push_back({low + (high - low) * m / std::max(1, voters - 1)});
  return c;
}
void Flip(std::vector<Character>* c, std::initializer_list<int> voters) {
  for (const int m : voters) (*c)[m].crossover = 1 - (*c)[m].crossover;
}

struct Learnt {
  std::vector<VoterReport> reports;
  double trust = 0;
};

Learnt Learn(const std::vector<Character>& characters, bool hostile, int rounds = kRounds) {
  Electorate electorate(characters, kCoordinates, 5);
  const auto rule = MakeRule({.carry = 0, .assume_hostile = hostile}, {0, kCoordinates});
  const std::vector<VoterId> ids = electorate.Ids();
  SignVector decision;
  for (int round = 1; round <= rounds; ++round) {
    const std::vector<OwnedBallot> ballots = electorate.Vote();
    rule->Decode(round, Views(ballots), ids, &decision);
  }
  Learnt learnt;
  for (const VoterId id : ids) learnt.reports.push_back(rule->Report(id));
  learnt.trust = learnt.reports[0].trust;
  return learnt;
}

void ExpectCrossovers(const Learnt& learnt, const std::vector<double>& truth, double tolerance) {
  for (size_t m = 0; m < truth.size(); ++m)
    EXPECT_NEAR(learnt.reports[m].crossover, truth[m], tolerance) << "voter " << m;
}
std::vector<double> Truth(const std::vector<Character>& characters) {
  std::vector<double> truth;
  for (const Character& c : characters) truth.push_back(c.crossover);
  return truth;
}

TEST(AgreementTest, LearnsTheCrossoverOfEveryVoter) {
  for (const int voters : {4, 5, 15, 40, 100}) {
    const auto characters = Spread(voters, 0.05, voters < 10 ? 0.45 : 0.5);
    const Learnt learnt = Learn(characters, false);
    ExpectCrossovers(learnt, Truth(characters), 0.005);
    EXPECT_GT(learnt.trust, 0.95) << voters << " voters";
  }
}

TEST(AgreementTest, LearnsFromWeakSignals) {
  const auto characters = Spread(15, 0.4, 0.49);
  const Learnt learnt = Learn(characters, false);
  ExpectCrossovers(learnt, Truth(characters), 0.01);
  EXPECT_GT(learnt.trust, 0.9);
}

TEST(AgreementTest, OneReliableVoterAmongWeakOnesIsHeardMost) {
  auto characters = Spread(15, 0.46, 0.47);
  characters[6].crossover = 0.3;
  const Learnt learnt = Learn(characters, false);
  ExpectCrossovers(learnt, Truth(characters), 0.02);
  for (size_t m = 0; m < 15; ++m) {
    if (m == 6) continue;
    EXPECT_GT(learnt.reports[6].weight, 4 * learnt.reports[m].weight);
  }
}

TEST(AgreementTest, HostileInvertsVotersThatAreAlwaysWrong) {
  auto characters = Spread(15, 0.05, 0.45);
  Flip(&characters, {1, 3, 5, 7, 9, 11, 13});
  const Learnt learnt = Learn(characters, true);
  ExpectCrossovers(learnt, Truth(characters), 0.01);
  for (size_t m = 0; m < 15; ++m) EXPECT_EQ(learnt.reports[m].weight < 0, m % 2 == 1);
}

TEST(AgreementTest, SevenReliableLiarsDoNotOutweighEightWeakerVoters) {
  auto characters = Spread(15, 0.3, 0.4);
  Flip(&characters, {0, 1, 2, 3, 4, 5, 6});
  ExpectCrossovers(Learn(characters, true), Truth(characters), 0.01);
}

TEST(AgreementTest, HonestGivesVotersThatAreAlwaysWrongTheMeanWeight) {
  auto characters = Spread(15, 0.05, 0.45);
  Flip(&characters, {2, 9});
  const Learnt learnt = Learn(characters, false);
  double mean = 0;
  for (size_t m = 0; m < 15; ++m) {
    const bool liar = m == 2 || m == 9;
    EXPECT_EQ(learnt.reports[m].different, liar) << "voter " << m;
    if (!liar) mean += learnt.reports[m].mean_weight / 13;
  }
  EXPECT_NEAR(learnt.reports[2].mean_weight, mean, 0.2 * mean);  // the floor lifts the mean of the others a little
  EXPECT_EQ(learnt.reports[2].weight, learnt.reports[9].weight);
}

TEST(AgreementTest, NoHonestWeightIsBelowTheFloor) {
  const Learnt learnt = Learn(Spread(15, 0.05, 0.5), false);
  double least = 1e9;
  for (const VoterReport& r : learnt.reports) least = std::min(least, r.mean_weight);
  double raw_mean = 0;
  for (const VoterReport& r : learnt.reports) raw_mean += std::log((1 - r.crossover) / r.crossover) / 15;
  EXPECT_NEAR(least, 0.5 * raw_mean, 0.02);
}

TEST(AgreementTest, FourCopiesOfOneWrongVectorCountForNothingWhenHostile) {
  for (const double worst : {0.45, 0.3}) {
    auto characters = Spread(15, 0.1, worst);
    for (int m = 11; m < 15; ++m) characters[m] = {0, 1, m == 11 ? -1 : 11};
    const Learnt learnt = Learn(characters, true);
    auto truth = Truth(characters);
    for (int m = 11; m < 15; ++m) truth[m] = 0.5;
    ExpectCrossovers(learnt, truth, 0.01);
    int64_t honest = 0, copies = 0;
    for (int m = 0; m < 15; ++m) (m < 11 ? honest : copies) += std::abs(learnt.reports[m].weight);
    EXPECT_LT(copies * 50, honest);
    EXPECT_GT(learnt.trust, 0.95);
  }
}

TEST(AgreementTest, CopiesOfHonestVotersCountAsWhatTheyShareWithTheOthers) {
  auto characters = Spread(15, 0.1, 0.45);
  characters[13].copies = 2;
  characters[14].copies = 6;
  auto truth = Truth(characters);
  truth[13] = truth[2];
  truth[14] = truth[6];
  ExpectCrossovers(Learn(characters, true), truth, 0.02);
}

TEST(AgreementTest, CopiesShareTheWeightOfOne) {
  for (const bool hostile : {false, true}) {
    auto characters = Spread(15, 0.2, 0.4);
    for (const int m : {12, 13, 14}) characters[m].copies = 5;
    const Learnt learnt = Learn(characters, hostile);
    const auto weight = [&](int m) { return learnt.reports[m].mean_weight; };
    for (const int m : {5, 12, 13, 14}) EXPECT_NEAR(4 * weight(m), weight(4), 0.3 * weight(4)) << m << " " << hostile;

    characters = Spread(15, 0.2, 0.4);  // a wrong vector of their own
    for (const int m : {11, 12, 13, 14}) characters[m] = {0, 1, m == 11 ? -1 : 11};
    double copies = 0;
    const Learnt wrong = Learn(characters, hostile);
    for (const int m : {11, 12, 13, 14}) copies += wrong.reports[m].mean_weight;
    EXPECT_LT(copies, 1.5 * wrong.reports[5].mean_weight) << hostile;
  }
}

TEST(AgreementTest, CopiesThatDisguiseThemselvesShareMostOfTheirWeight) {
  for (const int copies : {3, 6}) {
    auto characters = Spread(15, 0.42, 0.44);
    for (int m = 15 - copies; m < 15; ++m) characters[m] = {0.125, 1};
    const Learnt learnt = Learn(characters, false);
    double together = 0;
    for (int m = 15 - copies; m < 15; ++m) together += learnt.reports[m].mean_weight;
    EXPECT_LT(together, 1.9 * learnt.reports[0].mean_weight) << copies;
  }
}

TEST(AgreementTest, ThereIsNoTrustWhereThereAreManySignals) {
  for (const int size : {1, 2, 5}) {
    auto characters = Spread(15, 0.3, 0.4);
    for (int m = 0; m < 15; ++m) characters[m].group = m / size;
    const Learnt learnt = Learn(characters, false);
    EXPECT_EQ(learnt.trust, 0) << "groups of " << size;
    for (const VoterReport& r : learnt.reports) EXPECT_EQ(r.weight, learnt.reports[0].weight);
  }
}

TEST(AgreementTest, AMinorityWithAnotherTruthDoesNotSpoilTheFit) {
  auto characters = Spread(15, 0.1, 0.35);
  for (int m = 12; m < 15; ++m) characters[m].group = 1;
  for (const bool hostile : {false, true}) {
    const Learnt learnt = Learn(characters, hostile);
    auto truth = Truth(characters);
    for (int m = 12; m < 15; ++m) truth[m] = 0.5;
    ExpectCrossovers(learnt, truth, 0.02);
    EXPECT_GT(learnt.trust, 0.95);
  }
}

TEST(AgreementTest, ALateBallotWeighsHalfForEachRound) {
  Electorate electorate(Spread(5, 0.1, 0.4), 10'000, 5);
  const auto rule = MakeRule({.carry = 0.9}, {0, 10'000});
  const std::vector<VoterId> ids = electorate.Ids();
  SignVector decision;
  for (int round = 1; round <= 10; ++round) rule->Decode(round, Views(electorate.Vote()), ids, &decision);
  std::vector<OwnedBallot> ballots = electorate.Vote();
  ballots[1].age = 2;
  ballots[3].age = 40;
  std::vector<int64_t> expected;
  for (const OwnedBallot& ballot : ballots) expected.push_back(rule->Report(ballot.voter).next_weight);
  rule->Decode(11, Views(ballots), ids, &decision);
  for (size_t m = 0; m < 5; ++m) {
    const int64_t share = m == 1 ? expected[m] / 4 : m == 3 ? 0 : expected[m];
    EXPECT_EQ(rule->Report(ballots[m].voter).weight, share) << "voter " << m;
  }
  EXPECT_GT(expected[1], 100);
}

TEST(AgreementTest, ThreeVotersAreAllHeardAlike) {
  const Learnt learnt = Learn(Spread(3, 0.1, 0.4), false);
  EXPECT_EQ(learnt.trust, 0);
  EXPECT_EQ(learnt.reports[0].weight, learnt.reports[2].weight);
}

TEST(AgreementTest, ANewcomerGetsTheMeanWeightUntilItIsKnown) {
  for (const bool hostile : {false, true}) {
    Electorate electorate(Spread(16, 0.1, 0.4), kCoordinates, 6);
    const auto rule = MakeRule({.assume_hostile = hostile}, {0, kCoordinates});
    const std::vector<VoterId> ids = electorate.Ids();
    SignVector decision;
    for (int round = 1; round <= 10; ++round) {
      std::vector<OwnedBallot> ballots = electorate.Vote();
      if (round < 10) ballots.pop_back();
      rule->Decode(round, Views(ballots), ids, &decision);
    }
    double mean = 0;
    for (int m = 0; m < 15; ++m) mean += rule->Report(ids[m]).mean_weight / 15;
    EXPECT_NEAR(rule->Report(ids[15]).mean_weight, mean, 0.02 * mean);
    EXPECT_EQ(rule->Report(ids[15]).rounds, 1u);
    EXPECT_GT(rule->Report(ids[0]).next_weight, 2 * rule->Report(ids[15]).next_weight);  // now it is known
  }
}

TEST(AgreementTest, AThousandVotersAreKnownByAPanel) {
  const auto characters = Spread(400, 0.1, 0.49);
  const Learnt learnt = Learn(characters, false, 25);
  ExpectCrossovers(learnt, Truth(characters), 0.01);
  EXPECT_GT(learnt.trust, 0.95);
}

TEST(AgreementTest, VotersDrawnFromAManyTimesLargerElectorateBecomeKnown) {
  constexpr uint64_t kSize = 20'000;
  Random random(Mix(3));
  BiasedBits bits(8);
  const auto rule = MakeRule({.carry = 0}, {0, kSize});
  SignVector decision;
  std::vector<uint8_t> heard(600, 0);
  const auto crossover = [](size_t m) { return 0.2 + 0.28 * static_cast<double>(m) / 600; };
  for (int round = 1; round <= 40; ++round) {
    std::vector<uint64_t> truth;
    for (uint64_t w = 0; w < (kSize + 63) / 64; ++w) truth.push_back(bits.Next(0.5));
    std::vector<OwnedBallot> ballots;
    std::vector<VoterId> electorate;
    for (size_t m = 0; m < 600; ++m) {
      if (random.Below(6) != 0) continue;
      electorate.push_back(m);
      ballots.push_back({m, {}, {}, {}});
      for (const uint64_t word : truth) ballots.back().signs.push_back(word ^ bits.Next(crossover(m)));
      MaskTail(&ballots.back().signs, kSize);
      ++heard[m];
    }
    rule->Decode(round, Views(ballots), electorate, &decision);
  }
  double worst = 0, squares = 0;
  size_t count = 0;
  for (size_t m = 0; m < 600; ++m) {
    if (heard[m] < 3) continue;
    const double off = rule->Report(m).crossover - crossover(m);
    worst = std::max(worst, std::abs(off));
    squares += off * off;
    ++count;
  }
  EXPECT_GT(count, 500u);
  EXPECT_LT(worst, 0.03);
  EXPECT_LT(std::sqrt(squares / static_cast<double>(count)), 0.01);
  EXPECT_GT(rule->Report(0).trust, 0.9);
}

}  // namespace
}  // namespace signvote
