// Save and Restore continue bit for bit; damaged states are refused.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/server/vote/random_rounds.h"

namespace signvote {
namespace {

struct StateCase {
  const char* name;
  VoteOptions options;
  RoundShape shape;
};
void PrintTo(const StateCase& c, std::ostream* os) { *os << c.name; }

// Three sections, the last with a short stripe.
BlockShape ShapeOf(const StateCase& c) { return {0, c.shape.coordinates, {0, 2, 4}}; }

class StateTest : public testing::TestWithParam<StateCase> {};

const RoundShape kBusy{
    .coordinates = 3001, .voters = 20, .abstain = 0.1, .absent = 0.3, .stripes = true, .newcomers = true};
const RoundShape kCrowd{.coordinates = 3001, .voters = 100, .absent = 0.3, .newcomers = true};

INSTANTIATE_TEST_SUITE_P(
    Rules, StateTest,
    testing::Values(StateCase{"majority", {.rule = "majority"}, kBusy},
                    StateCase{"majority_plain", {.rule = "majority", .carry = 0}, kBusy},
                    StateCase{"agreement", {.rule = "agreement"}, kBusy},
                    StateCase{"agreement_hostile", {.rule = "agreement", .assume_hostile = true}, kBusy},
                    StateCase{"agreement_panel", {.rule = "agreement"}, kCrowd},
                    StateCase{"paper", {.rule = "it-signsgd", .carry = 0, .warmup_rounds = 5, .prior = 0}, kBusy},
                    StateCase{"prior", {.rule = "it-signsgd", .forget = 0.9}, kBusy},
                    StateCase{"eight_bits", {.rule = "it-signsgd", .counter_bits = 8}, kBusy}),
    [](const auto& i) { return i.param.name; });

TEST_P(StateTest, ARestoredRuleContinuesBitForBit) {
  const StateCase& c = GetParam();
  const BlockShape shape = ShapeOf(c);
  auto rule = MakeRule(c.options, shape);
  auto restored = MakeRule(c.options, shape);
  RandomRounds rounds(c.shape, 21);
  for (uint64_t round = 1; round <= 90; ++round) {
    const RandomRound r = rounds.Next();
    SignVector decision, other;
    rule->Decode(round, Views(r.ballots), r.electorate, &decision);
    restored->Decode(round, Views(r.ballots), r.electorate, &other);
    ASSERT_EQ(decision, other) << "round " << round;
    std::string state, state_of_restored;
    rule->Save(&state);
    restored->Save(&state_of_restored);
    ASSERT_EQ(state, state_of_restored) << "round " << round;
    restored = MakeRule(c.options, shape);
    ASSERT_TRUE(restored->Restore(state).ok()) << restored->Restore(state);
    for (const VoterId voter : r.electorate) {
      const VoterReport a = rule->Report(voter), b = restored->Report(voter);
      ASSERT_TRUE(a.crossover == b.crossover || (std::isnan(a.crossover) && std::isnan(b.crossover)));
      ASSERT_EQ(a.mean_weight, b.mean_weight);
      ASSERT_EQ(a.next_weight, b.next_weight);
      ASSERT_EQ(a.weight, b.weight);
    }
  }
}

TEST_P(StateTest, ADamagedStateIsRefused) {
  const StateCase& c = GetParam();
  const BlockShape shape = ShapeOf(c);
  auto rule = MakeRule(c.options, shape);
  RandomRounds rounds(c.shape, 22);
  SignVector decision;
  for (uint64_t round = 1; round <= 5; ++round) {
    const RandomRound r = rounds.Next();
    rule->Decode(round, Views(r.ballots), r.electorate, &decision);
  }
  std::string state;
  rule->Save(&state);
  for (const size_t size : {size_t{0}, size_t{3}, state.size() / 2, state.size() - 1}) {
    const absl::Status status = MakeRule(c.options, shape)->Restore(std::string_view(state).substr(0, size));
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << size;
  }
  EXPECT_FALSE(MakeRule(c.options, shape)->Restore(state + "x").ok());
  if (c.options.carry > 0 || c.options.rule == "it-signsgd") {
    EXPECT_FALSE(MakeRule(c.options, {0, c.shape.coordinates + 512, shape.sections})->Restore(state).ok());
  }
}

TEST_P(StateTest, FastAndReferenceAreEqualBitForBit) {
  const StateCase& c = GetParam();
  const BlockShape shape = ShapeOf(c);
  auto fast = MakeRule(c.options, shape, Implementation::kFast);
  auto reference = MakeRule(c.options, shape, Implementation::kReference);
  RandomRounds rounds(c.shape, 23);
  for (uint64_t round = 1; round <= 40; ++round) {
    const RandomRound r = rounds.Next();
    SignVector a, b;
    fast->Decode(round, Views(r.ballots), r.electorate, &a);
    reference->Decode(round, Views(r.ballots), r.electorate, &b);
    ASSERT_EQ(a, b) << "round " << round;
    std::string state_a, state_b;
    fast->Save(&state_a);
    reference->Save(&state_b);
    ASSERT_EQ(state_a, state_b) << "round " << round;
  }
}

}  // namespace
}  // namespace signvote
