#include "server/round/step_schedule.h"

#include <gtest/gtest.h>

#include <cmath>

namespace signvote {
namespace {

TEST(StepSchedule, ConstantStaysAndDecaysNothing) {
  const StepOptions options{.size = 3e-4, .schedule = "constant", .weight_decay = 0};
  EXPECT_EQ(StepFor(options, 1, 100).size, 3e-4f);
  EXPECT_EQ(StepFor(options, 100, 100).size, 3e-4f);
  EXPECT_EQ(StepFor(options, 100, 100).decay, 1.0f);
}

TEST(StepSchedule, CosineStartsAtSizeAndHalvesInTheMiddle) {
  const StepOptions options{.size = 6e-4, .schedule = "cosine", .weight_decay = 0};
  EXPECT_EQ(StepFor(options, 1, 150).size, 6e-4f);
  EXPECT_NEAR(StepFor(options, 76, 150).size, 3e-4f, 1e-9);
  EXPECT_GT(StepFor(options, 150, 150).size, 0);
}

TEST(StepSchedule, InverseSqrt) {
  const StepOptions options{.size = 1e-3, .schedule = "inverse-sqrt", .weight_decay = 0};
  EXPECT_FLOAT_EQ(StepFor(options, 4, 100).size, 5e-4f);
}

TEST(StepSchedule, WeightDecayGoesWithTheStep) {
  const StepOptions options{.size = 1e-2, .schedule = "constant", .weight_decay = 0.1};
  EXPECT_FLOAT_EQ(StepFor(options, 1, 10).decay, 0.999f);
}

}  // namespace
}  // namespace signvote
