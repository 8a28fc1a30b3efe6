#include "server/service/suspicions.h"

#include <gmock/gmock.h>

#include <cmath>

namespace signvote {
namespace {

using testing::IsEmpty;

const Diagnosis kFine{v1::NO_SUSPICION, "", 0.1, 0.1}, kFlips{v1::VOTES_AGAINST, "flips", -0.1, 0.1},
    kCopies{v1::COPIES, "copies", 0.1, 0.1}, kNoise{v1::SAYS_NOTHING, "noise", -0.0026, 0.04};

Diagnosis Unsuspected(double mu, double typical) { return {v1::NO_SUSPICION, "", mu, typical}; }

// Looks until what it sees is told.
std::vector<Suspicions::Change> LookTwice(Suspicions* suspicions, const Diagnosis& diagnosis) {
  std::vector<Suspicions::Change> changes = suspicions->Look({{"a", diagnosis}});
  for (Suspicions::Change& change : suspicions->Look({{"a", diagnosis}})) changes.push_back(std::move(change));
  return changes;
}

TEST(Suspicions, AChangeCountsOnceTwoLooksAgree) {
  Suspicions suspicions;
  EXPECT_THAT(suspicions.Look({{"a", kFlips}}), IsEmpty());
  EXPECT_EQ(suspicions.Of("a").suspicion, v1::NO_SUSPICION);
  const auto changes = suspicions.Look({{"a", kFlips}});
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].name, "a");
  EXPECT_EQ(changes[0].now.explanation, "flips");
  EXPECT_EQ(suspicions.Of("a").suspicion, v1::VOTES_AGAINST);
  EXPECT_THAT(suspicions.Look({{"a", kFlips}}), IsEmpty()) << "told once";
}

TEST(Suspicions, WhoeverSwaysAtAThresholdIsNotToldOf) {
  Suspicions suspicions;
  for (int i = 0; i < 10; ++i) EXPECT_THAT(suspicions.Look({{"a", i % 2 ? kFlips : kFine}}), IsEmpty());
}

TEST(Suspicions, AnotherSuspicionAndNoneAreChangesToo) {
  Suspicions suspicions;
  for (int i = 0; i < 2; ++i) suspicions.Look({{"a", kFlips}});
  suspicions.Look({{"a", kCopies}});
  ASSERT_EQ(suspicions.Look({{"a", kCopies}}).size(), 1u);
  suspicions.Look({{"a", kFine}});
  const auto cleared = suspicions.Look({{"a", kFine}});
  ASSERT_EQ(cleared.size(), 1u);
  EXPECT_EQ(cleared[0].now.suspicion, v1::NO_SUSPICION);
}

// The run has converged: the median |mu| fell below the noise, and so nobody stands out any more.
TEST(Suspicions, ABadVoterIsNotClearedBecauseTheOthersBecomeNoiseToo) {
  for (const Diagnosis& bad : {kNoise, kFlips}) {
    Suspicions suspicions;
    LookTwice(&suspicions, bad);
    for (const double mu : {-0.0026, 0.0026, 0.0099}) {
      EXPECT_THAT(LookTwice(&suspicions, Unsuspected(mu, 0.003)), IsEmpty()) << mu;
    }
    EXPECT_THAT(LookTwice(&suspicions, Unsuspected(std::nan(""), 0.003)), IsEmpty()) << "nothing is known of it";
    EXPECT_EQ(suspicions.Of("a").suspicion, bad.suspicion);
    EXPECT_EQ(suspicions.Of("a").explanation, bad.explanation);
  }
}

TEST(Suspicions, ABadVoterIsClearedOnceItsOwnVotesSaySomething) {
  Suspicions suspicions;
  LookTwice(&suspicions, kNoise);
  EXPECT_EQ(LookTwice(&suspicions, Unsuspected(0.011, 0.003)).size(), 1u) << "a quarter of the 0.04 of before";
  Diagnosis early = kNoise;
  early.typical = 0.6;
  LookTwice(&suspicions, early);
  EXPECT_THAT(LookTwice(&suspicions, Unsuspected(0.019, 0.1)), IsEmpty());
  EXPECT_EQ(LookTwice(&suspicions, Unsuspected(0.021, 0.1)).size(), 1u);
}

TEST(Suspicions, AnotherSuspicionDoesNotLowerWhatItTakesToBeCleared) {
  Suspicions suspicions;
  LookTwice(&suspicions, kNoise);
  EXPECT_EQ(LookTwice(&suspicions, {v1::VOTES_AGAINST, "against", -0.0026, 0.003}).size(), 1u);
  EXPECT_THAT(LookTwice(&suspicions, Unsuspected(0.0026, 0.003)), IsEmpty());
}

TEST(Suspicions, CopiesAreClearedWhenTheyAreSeenNoLonger) {
  Suspicions suspicions;
  LookTwice(&suspicions, kCopies);
  EXPECT_EQ(LookTwice(&suspicions, Unsuspected(0.001, 0.003)).size(), 1u);
}

TEST(Suspicions, WhoeverIsNotSeenStaysAsItWas) {
  Suspicions suspicions;
  for (int i = 0; i < 2; ++i) suspicions.Look({{"a", kFlips}});
  EXPECT_THAT(suspicions.Look({}), IsEmpty());
  EXPECT_THAT(suspicions.Look({{"b", kFine}}), IsEmpty());
  EXPECT_EQ(suspicions.Of("a").suspicion, v1::VOTES_AGAINST);
}

}  // namespace
}  // namespace signvote
