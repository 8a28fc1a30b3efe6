// What is suspected of voters whose agreement follows from what they do.
#include "server/service/diagnosis.h"

#include <gmock/gmock.h>

#include <cmath>

namespace signvote {
namespace {

using testing::HasSubstr;

// Voters with these mu = 1 - 2 * crossover, that agree as the one-coin model says.
struct Crowd {
  explicit Crowd(std::vector<double> mu) {
    for (size_t i = 0; i < mu.size(); ++i) {
      voters.push_back({"c" + std::to_string(i), 100, (1 - mu[i]) / 2, mu[i], false});
      for (const double other : mu) matrix.push_back(mu[i] * other);
    }
    for (size_t i = 0; i < mu.size(); ++i) matrix[i * mu.size() + i] = 1;
  }
  void Agree(size_t i, size_t j, double agreement) {
    matrix[i * voters.size() + j] = matrix[j * voters.size() + i] = agreement;
  }
  void Mark(std::initializer_list<size_t> those) {
    for (const size_t i : those) voters[i].different = true;
  }
  void MarkAgainst(std::initializer_list<size_t> those, double share = 1) {
    for (const size_t i : those) voters[i].against = share;
  }
  v1::Suspicion Of(size_t i) const { return Diagnose(voters, matrix)[i].suspicion; }
  std::string Says(size_t i) const { return Diagnose(voters, matrix)[i].explanation; }

  std::vector<VoterView> voters;
  std::vector<double> matrix;
};

TEST(Diagnosis, SuspectsNobodyInAnHonestCrowd) {
  const Crowd crowd({0.1, 0.1, 0.12, 0.1, 0.5});
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(crowd.Of(i), v1::NO_SUSPICION);
    EXPECT_EQ(crowd.Says(i), "");
  }
}

TEST(Diagnosis, TellsHowMuchAVoterSaysAndHowMuchIsUsual) {
  Crowd crowd({0.1, -0.2, 0.3});
  crowd.voters[0].crossover = std::nan("");
  const std::vector<Diagnosis> found = Diagnose(crowd.voters, crowd.matrix);
  EXPECT_TRUE(std::isnan(found[0].mu));
  EXPECT_NEAR(found[1].mu, -0.2, 1e-12);
  EXPECT_NEAR(found[1].typical, 0.3, 1e-12) << "the upper median of two";
}

TEST(Diagnosis, NamesWhoVotesAgainstTheOthersAndHowItIsHeard) {
  Crowd crowd({0.1, 0.1, -0.1, 0.1, 0.3});
  crowd.MarkAgainst({2});
  EXPECT_EQ(crowd.Of(2), v1::VOTES_AGAINST);
  EXPECT_THAT(crowd.Says(2),
              HasSubstr("c2 votes against the others, wrong on 55.0 % of the coordinates: flipped signs?"));
  EXPECT_THAT(crowd.Says(2), HasSubstr("the other way round"));
  crowd.voters[2].weight = 0.2;
  EXPECT_THAT(crowd.Says(2), HasSubstr("still heard, with weight 0.200"));
  EXPECT_EQ(crowd.Of(0), v1::NO_SUSPICION);
}

TEST(Diagnosis, AccusesNobodyWhereMostAreAgainstMost) {
  Crowd crowd({0.1, -0.1, -0.1, 0.1});
  crowd.MarkAgainst({0, 1, 2, 3});
  for (size_t i = 0; i < 4; ++i) EXPECT_NE(crowd.Of(i), v1::VOTES_AGAINST);
}

// Pairs above the diagonal, row by row.
Crowd CrowdOf(const std::vector<double>& mu, const std::vector<double>& pairs) {
  Crowd crowd(mu);
  auto pair = pairs.begin();
  for (size_t i = 0; i < mu.size(); ++i) {
    for (size_t j = i + 1; j < mu.size(); ++j) crowd.Agree(i, j, *pair++);
  }
  for (size_t i = 0; i < mu.size(); ++i) {
    if (mu[i] < 0) crowd.MarkAgainst({i});
  }
  return crowd;
}

size_t AccusedIn(const Crowd& crowd) {
  size_t accused = 0;
  for (size_t i = 0; i < crowd.voters.size(); ++i) accused += crowd.Of(i) == v1::VOTES_AGAINST;
  return accused;
}

// Honest voters with their whole share as batch, as rounds 700 to 2400 of small runs had them. Their gradients sum to
// 0.
TEST(Diagnosis, AccusesNobodyWhereTheOthersHaveNothingInCommon) {
  for (const auto& [mu, pairs] : std::vector<std::pair<std::vector<double>, std::vector<double>>>{
           {{0.095, -0.243, 0.231}, {-0.023, 0.022, -0.056}},
           {{0.040, -0.472, 0.117}, {-0.019, 0.005, -0.055}},
           {{0.027, -0.980, 0.047}, {-0.027, -0.015, -0.046}},
           {{0.63, 0.32, -0.95}, {0.2, -0.6, -0.3}},
           {{0.012, 0.048, 0.042, -0.980}, {-0.001, 0.000, -0.012, -0.043, -0.047, -0.042}},
           {{0.3, 0.3, 0.3, -0.98}, {-0.33, -0.33, -0.34, -0.33, -0.33, -0.33}},
           {{0.02, 0.05, 0.01, 0.06, 0.02, -0.98},
            {-0.035, -0.035, -0.022, 0.016, -0.022, 0.029, -0.006, -0.049, -0.043, -0.017, 0.002, -0.037, -0.022, 0.003,
             -0.063}}}) {
    EXPECT_EQ(AccusedIn(CrowdOf(mu, pairs)), 0u) << mu.size() << " voters, the last pair " << pairs.back();
  }
}

TEST(Diagnosis, AccusesThoseWhoFlipWhereverTheOthersAgree) {
  const auto with_flippers = [](size_t honest, size_t flippers, double mu) {
    std::vector<double> all(honest, 0.1);
    all.resize(honest + flippers, -mu);
    Crowd crowd(all);
    for (size_t i = honest; i < all.size(); ++i) crowd.MarkAgainst({i});
    return crowd;
  };
  for (size_t flippers = 1; flippers <= 7; ++flippers) {
    EXPECT_EQ(AccusedIn(with_flippers(15 - flippers, flippers, 0.1)), flippers);
  }
  EXPECT_EQ(AccusedIn(with_flippers(2, 1, 0.15)), 1u) << "of three";
  EXPECT_EQ(AccusedIn(with_flippers(3, 1, 0.15)), 1u) << "of four";
  EXPECT_EQ(AccusedIn(with_flippers(14, 1, 0.8)), 1u) << "with a far larger batch";
  Crowd in_the_last_layer({0.1, 0.1, 0.1, 0.1, 0.08, 0.08, 0.08});
  in_the_last_layer.MarkAgainst({4, 5, 6}, 0.05);
  EXPECT_EQ(AccusedIn(in_the_last_layer), 3u);
}

TEST(Diagnosis, TellsThatAVoterIsAgainstTheOthersInAPartOfTheModel) {
  Crowd crowd({0.1, 0.1, 0.1, 0.1, 0.3});
  crowd.MarkAgainst({2}, 0.013);
  EXPECT_EQ(crowd.Of(2), v1::VOTES_AGAINST);
  EXPECT_THAT(crowd.Says(2), HasSubstr("c2 votes against the others in some tensors, 1.3 % of the coordinates"));
}

TEST(Diagnosis, JudgesByCrossoverAloneUnderRulesThatCompareNobody) {
  Crowd crowd({0.1, 0.1, -0.1, 0.1, 0.3});
  crowd.matrix.clear();
  EXPECT_EQ(crowd.Of(2), v1::VOTES_AGAINST);
  for (VoterView& voter : crowd.voters) voter.crossover = std::nan("");
  EXPECT_EQ(crowd.Of(2), v1::NO_SUSPICION);
}

TEST(Diagnosis, TellsCopiesFromClientsOnTheSameOrOnOtherData) {
  Crowd crowd({0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1});
  crowd.Agree(0, 1, 0.99);
  crowd.Agree(2, 3, 0.2);
  crowd.Agree(4, 5, -0.2);
  crowd.Mark({0, 1, 2, 3, 4, 5});
  EXPECT_EQ(crowd.Of(0), v1::COPIES);
  EXPECT_THAT(crowd.Says(0), HasSubstr("same ballots as c1:"));
  EXPECT_EQ(crowd.Of(3), v1::ALIKE);
  EXPECT_THAT(crowd.Says(3), HasSubstr("agrees with c2 more"));
  EXPECT_EQ(crowd.Of(5), v1::UNLIKE);
  EXPECT_THAT(crowd.Says(5), HasSubstr("agrees with c4 less"));
  EXPECT_EQ(crowd.Of(6), v1::NO_SUSPICION);
}

TEST(Diagnosis, NoticesRandomVotesOnceThereWereManyRounds) {
  Crowd crowd({0.1, 0.1, 0.001, 0.1});
  EXPECT_EQ(crowd.Of(2), v1::SAYS_NOTHING);
  crowd.voters[2].rounds = 10;
  EXPECT_EQ(crowd.Of(2), v1::NO_SUSPICION);
}

TEST(Diagnosis, PutsThoseWhoVoteAlikeTogether) {
  // Even voters agree with each other, odd ones too, nobody else; a pair was never heard together.
  constexpr size_t kVoters = 7;
  std::vector<double> matrix(kVoters * kVoters);
  for (size_t i = 0; i < kVoters; ++i) {
    for (size_t j = 0; j < kVoters; ++j) matrix[i * kVoters + j] = i % 2 == j % 2 ? 0.5 : -0.1;
  }
  matrix[0 * kVoters + 6] = matrix[6 * kVoters + 0] = std::nan("");
  const std::vector<size_t> order = OrderByLikeness(matrix, kVoters);
  ASSERT_THAT(order, testing::UnorderedElementsAre(0, 1, 2, 3, 4, 5, 6));
  int changes = 0;
  for (size_t i = 1; i < kVoters; ++i) changes += order[i] % 2 != order[i - 1] % 2;
  EXPECT_EQ(changes, 1);
  EXPECT_TRUE(OrderByLikeness({}, 0).empty());
}

}  // namespace
}  // namespace signvote
