#include "server/service/suspicions.h"

#include <gmock/gmock.h>

namespace signvote {
namespace {

using testing::IsEmpty;

const Diagnosis kFine, kFlips{v1::VOTES_AGAINST, "flips"}, kCopies{v1::COPIES, "copies"};

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

TEST(Suspicions, WhoeverIsNotSeenStaysAsItWas) {
  Suspicions suspicions;
  for (int i = 0; i < 2; ++i) suspicions.Look({{"a", kFlips}});
  EXPECT_THAT(suspicions.Look({}), IsEmpty());
  EXPECT_THAT(suspicions.Look({{"b", kFine}}), IsEmpty());
  EXPECT_EQ(suspicions.Of("a").suspicion, v1::VOTES_AGAINST);
}

}  // namespace
}  // namespace signvote
