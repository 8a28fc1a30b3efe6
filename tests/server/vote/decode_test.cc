// Majority and agreement against IndependentSum, bit for bit.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/server/vote/independent.h"

namespace signvote {
namespace {

struct DecodeCase {
  const char* name;
  RoundShape shape;
  double carry;
};

void PrintTo(const DecodeCase& c, std::ostream* os) { *os << c.name; }

class DecodeTest : public testing::TestWithParam<DecodeCase> {};

INSTANTIATE_TEST_SUITE_P(
    Rounds, DecodeTest,
    testing::Values(DecodeCase{"plain", {}, 0}, DecodeCase{"carried", {}, 0.9},
                    DecodeCase{"one_voter", {.voters = 1}, 0.9}, DecodeCase{"even_number_ties", {.voters = 2}, 0},
                    DecodeCase{"even_number_ties_carried", {.voters = 4}, 0.5},
                    DecodeCase{"abstentions", {.voters = 5, .abstain = 0.6}, 0},
                    DecodeCase{"abstentions_carried", {.voters = 3, .abstain = 0.6}, 0.9},
                    DecodeCase{"absent", {.voters = 20, .abstain = 0.1, .absent = 0.4}, 0.9},
                    DecodeCase{"often_nobody", {.voters = 2, .absent = 0.8}, 0.9},
                    DecodeCase{"stripes", {.voters = 10, .abstain = 0.3, .absent = 0.2, .stripes = true}, 0.9},
                    DecodeCase{"stripes_plain", {.voters = 4, .abstain = 0.3, .stripes = true}, 0},
                    DecodeCase{"growing_electorate", {.voters = 40, .abstain = 0.1, .newcomers = true}, 0.9},
                    DecodeCase{"many_voters", {.coordinates = 1000, .voters = 150, .absent = 0.1}, 0.9},
                    DecodeCase{"long_memory", {.voters = 15}, 0.995},
                    DecodeCase{"growing_to_wide_evidence", {.coordinates = 700, .voters = 34, .newcomers = true}, 0.97},
                    DecodeCase{"one_coordinate", {.coordinates = 1, .voters = 3}, 0.9},
                    DecodeCase{"whole_stripes", {.coordinates = 8192, .voters = 7}, 0.9}),
    [](const auto& i) { return i.param.name; });

// The weights that the documents give, from what Report said before the round.
std::map<VoterId, int64_t> Weights(const Rule& rule, const std::vector<VoterId>& electorate) {
  std::map<VoterId, int64_t> weights;
  for (const VoterId voter : electorate) weights[voter] = rule.Report(voter).weight;
  return weights;
}

int64_t Capacity(size_t voters) {
  int64_t capacity = 16;
  while (capacity < static_cast<int64_t>(voters)) capacity *= 2;
  return capacity;
}

// W by docs/arithmetic.md.
int64_t Total(size_t voters, double carry) {
  const int64_t capacity = Capacity(voters);
  const auto r = static_cast<int64_t>(std::round(carry * 32768));
  const int64_t narrow = 32767 * (32768 - r) / 32768 - 1 - capacity / 2;
  if (narrow >= 24 * capacity) return narrow;
  return std::min(2147483647 * (32768 - r) / 32768 - 1 - capacity / 2, 1024 * capacity);
}

TEST_P(DecodeTest, MajorityIsASumOfEqualWeights) {
  const DecodeCase& c = GetParam();
  VoteOptions options{.rule = "majority", .carry = c.carry};
  const auto rule = MakeRule(options, {0, c.shape.coordinates});
  IndependentSum independent(c.shape.coordinates, c.carry);
  RandomRounds rounds(c.shape, 1);
  size_t largest = 1;
  for (uint64_t round = 1; round <= 40; ++round) {
    const RandomRound r = rounds.Next();
    const auto weight = [&](size_t voters) { return Total(voters, c.carry) / Capacity(voters); };
    if (weight(std::max(largest, r.electorate.size())) != weight(largest)) {
      independent.Rescale(weight(r.electorate.size()), weight(largest));
    }
    largest = std::max(largest, r.electorate.size());
    std::map<VoterId, int64_t> weights;
    for (const VoterId voter : r.electorate) weights[voter] = weight(largest);
    SignVector decision;
    rule->Decode(round, Views(r.ballots), r.electorate, &decision);
    ASSERT_EQ(Expand(decision, c.shape.coordinates), independent.Decode(r.ballots, weights)) << "round " << round;
    for (const OwnedBallot& ballot : r.ballots) EXPECT_EQ(rule->Report(ballot.voter).weight, weight(largest));
  }
}

TEST_P(DecodeTest, AgreementIsASumOfTheWeightsThatItReports) {
  const DecodeCase& c = GetParam();
  for (const bool hostile : {false, true}) {
    VoteOptions options{.rule = "agreement", .carry = c.carry, .assume_hostile = hostile};
    const auto rule = MakeRule(options, {0, c.shape.coordinates});
    IndependentSum independent(c.shape.coordinates, c.carry);
    RandomRounds rounds(c.shape, 2);
    size_t largest = 1;
    for (uint64_t round = 1; round <= 40; ++round) {
      const RandomRound r = rounds.Next();
      const int64_t before = Total(largest, c.carry);
      largest = std::max(largest, r.electorate.size());
      if (Total(largest, c.carry) != before) independent.Rescale(Total(largest, c.carry), before);
      SignVector decision;
      rule->Decode(round, Views(r.ballots), r.electorate, &decision);
      const std::map<VoterId, int64_t> weights = Weights(*rule, r.electorate);
      ASSERT_EQ(Expand(decision, c.shape.coordinates), independent.Decode(r.ballots, weights)) << "round " << round;
      int64_t sum = 0;
      for (const auto& [voter, weight] : weights) sum += std::abs(weight);
      EXPECT_LE(sum, Total(largest, c.carry) + Capacity(largest) / 2);
      const bool in_time = std::all_of(r.ballots.begin(), r.ballots.end(), [](const auto& b) { return b.age == 0; });
      if (in_time && r.ballots.size() == r.electorate.size()) {
        EXPECT_GE(sum, Total(largest, c.carry) - Capacity(largest) / 2);
      }
    }
  }
}

TEST(DecodeTest, EvidenceStaysWithinItsTypeWhenEveryoneAlwaysAgrees) {
  for (const double carry : {0.0, 0.5, 0.9, 0.99, 0.9999, 0.999999}) {
    for (const size_t voters : {1, 15, 100, 300}) {
      for (const char* name : {"majority", "agreement"}) {
        const auto rule = MakeRule({.rule = name, .carry = carry}, {0, 64});
        RandomRound r;
        for (size_t m = 0; m < voters; ++m) {
          r.electorate.push_back(m);
          r.ballots.push_back({m, {0xFFFFFFFF00000000u}, {}, {}});
        }
        SignVector decision;
        for (uint64_t round = 1; round <= 100; ++round) {
          rule->Decode(round, Views(r.ballots), r.electorate, &decision);
          ASSERT_EQ(decision.signs[0], 0xFFFFFFFF00000000u) << name << " carry " << carry << " round " << round;
          ASSERT_TRUE(decision.zeros.empty());
        }
      }
    }
  }
}

TEST(DecodeTest, AnEvenMajorityHoldsAndLeavesOutAnEmptyZerosPlane) {
  const auto rule = MakeRule({.rule = "majority", .carry = 0}, {0, 4});
  const std::vector<VoterId> electorate{1, 2};
  std::vector<OwnedBallot> ballots{{1, {0b0011}, {}, {}}, {2, {0b0101}, {}, {}}};
  SignVector decision;
  rule->Decode(1, Views(ballots), electorate, &decision);
  EXPECT_EQ(decision, (SignVector{{0b0001}, {0b0110}}));
  ballots[0].signs = ballots[1].signs;
  rule->Decode(2, Views(ballots), electorate, &decision);
  EXPECT_EQ(decision, (SignVector{{0b0101}, {}}));
}

TEST(DecodeTest, WhereEveryBallotAbstainsTheDecisionHoldsWhateverTheEvidence) {
  for (const char* name : {"majority", "agreement", "it-signsgd"}) {
    const auto rule = MakeRule({.rule = name, .carry = 0.9}, {0, 2});
    const std::vector<VoterId> electorate{1, 2, 3};
    SignVector decision;
    std::vector<OwnedBallot> ballots{{1, {0b11}, {}, {}}, {2, {0b11}, {}, {}}, {3, {0b11}, {}, {}}};
    rule->Decode(1, Views(ballots), electorate, &decision);
    EXPECT_EQ(decision, (SignVector{{0b11}, {}})) << name;
    for (OwnedBallot& ballot : ballots) ballot = {ballot.voter, {0b00}, {0b10}, {}};
    rule->Decode(2, Views(ballots), electorate, &decision);
    EXPECT_EQ(decision, (SignVector{{0b00}, {0b10}})) << name;
    for (OwnedBallot& ballot : ballots) ballot.zeros = {ballot.voter == 1 ? 0b00u : 0b11u};
    rule->Decode(3, Views(ballots), electorate, &decision);
    EXPECT_EQ(decision, (SignVector{{0b10}, {}})) << name << ": one vote against the evidence of three";
  }
}

TEST(DecodeTest, WhereNobodyCastAVoteTheEvidenceGoesOnAlone) {
  for (const char* name : {"majority", "agreement", "it-signsgd"}) {
    for (const Implementation implementation : {Implementation::kReference, Implementation::kFast}) {
      const auto rule = MakeRule({.rule = name, .carry = 0.9}, {0, 512}, implementation);
      const std::vector<VoterId> electorate{1, 2, 3};
      const std::vector<uint64_t> plus(8, ~uint64_t{0});
      const std::vector<OwnedBallot> ballots{{1, plus, {}, {}}, {2, plus, {}, {}}, {3, plus, {}, {}}};
      SignVector decision;
      rule->Decode(1, Views(ballots), electorate, &decision);
      rule->Decode(2, {}, electorate, &decision);
      EXPECT_EQ(decision, (SignVector{plus, {}})) << name;
    }
  }
}

TEST(DecodeTest, NobodyVotingFromTheStartHoldsEverything) {
  for (const char* name : {"majority", "agreement", "it-signsgd"}) {
    const auto rule = MakeRule({.rule = name}, {0, 70});
    SignVector decision;
    rule->Decode(1, {}, {}, &decision);
    EXPECT_EQ(decision, (SignVector{{0, 0}, {~uint64_t{0}, 0b111111}})) << name;
  }
}

TEST(DecodeTest, OptionsOutOfRangeAreNamed) {
  EXPECT_TRUE(ValidateVoteOptions({}).ok());
  const auto refused = [](VoteOptions options, const char* key) {
    const absl::Status status = ValidateVoteOptions(options);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << key;
    EXPECT_NE(status.message().find(key), absl::string_view::npos) << status;
  };
  refused({.rule = "plurality"}, "plurality");
  refused({.carry = 1}, "carry");
  refused({.carry = std::nan("")}, "carry");
  refused({.floor = -0.1}, "floor");
  refused({.llr_clip = 30}, "llr_clip");
  refused({.counter_bits = 12}, "counter_bits");
  refused({.forget = 0}, "forget");
  refused({.prior = -1}, "prior");
}

}  // namespace
}  // namespace signvote
