#include <gtest/gtest.h>

#include "common/status.h"
#include "server/store/round_config.h"

namespace signvote {
namespace {

TEST(RoundConfigTest, HasTheCanonicalTextOfTheDefaults) {
  EXPECT_EQ(Canonical(RoundConfig{}),
            "rule=agreement carry=0.9 dither=2 fraction=1 seed=0 assume_hostile=false floor=0.5 warmup_rounds=100 "
            "llr_clip=10 counter_bits=16 forget=1 prior=100 abstention_is_error=false");
}

TEST(RoundConfigTest, ReadsBackEveryFieldExactly) {
  RoundConfig config;
  config.vote = {.rule = "it-signsgd",
                 .carry = 0.1 + 0.2,
                 .assume_hostile = true,
                 .floor = 1.0 / 3,
                 .warmup_rounds = 7,
                 .llr_clip = 9.999999999999998,
                 .counter_bits = 8,
                 .forget = 0.99,
                 .prior = 1e-3,
                 .abstention_is_error = true};
  config.dither = 0.1f;
  config.fraction = 16;
  config.seed = ~uint64_t{0};
  const absl::StatusOr<RoundConfig> parsed = ParseCanonical(Canonical(config));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(Canonical(*parsed), Canonical(config));
  EXPECT_EQ(parsed->vote.carry, 0.1 + 0.2);
  EXPECT_EQ(parsed->vote.floor, 1.0 / 3);
  EXPECT_EQ(parsed->dither, 0.1f);
  EXPECT_EQ(parsed->seed, ~uint64_t{0});
  EXPECT_TRUE(parsed->vote.assume_hostile);
}

TEST(RoundConfigTest, RefusesUnknownMissingRepeatedAndIllTypedKeys) {
  const std::string good = Canonical(RoundConfig{});
  for (const std::string& bad : {good + " more=1", good + " seed=1", good.substr(0, good.rfind(' ')),
                                 "rule=majority carry=high" + good.substr(good.find(" dither")), std::string()}) {
    EXPECT_EQ(ParseCanonical(bad).status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
}

TEST(RoundConfigTest, NamesWhatDiffersWithBothValues) {
  RoundConfig other;
  other.vote.carry = 0.8;
  EXPECT_EQ(DifferenceOf(Canonical(RoundConfig{}), Canonical(other)),
            "carry is 0.9 in the run, 0.8 in the configuration");
}

}  // namespace
}  // namespace signvote
