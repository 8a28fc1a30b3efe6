#include "client/session/shard_check.h"

#include <gmock/gmock.h>

#include "common/blocks.h"
#include "common/status.h"

namespace signvote {
namespace {

using testing::AllOf;
using testing::HasSubstr;

v1::Welcome Holding(uint64_t first, uint64_t count) {
  v1::Welcome welcome;
  welcome.set_model_sha256(std::string(32, 'm'));
  welcome.mutable_config()->set_parameters(4 * kBlockCoordinates - 5);
  welcome.mutable_config()->set_first_block(first);
  welcome.mutable_config()->set_blocks(count);
  welcome.mutable_config()->set_terms("rule=agreement carry=0.9 seed=3");
  welcome.add_tensors()->set_name("weight");
  return welcome;
}

// Of shards a:1, b:1, ...; those without a welcome are not heard of yet.
std::string Problem(const std::vector<const v1::Welcome*>& welcomes) {
  std::vector<ShardWelcome> shards;
  for (const v1::Welcome* welcome : welcomes) {
    shards.push_back({std::string(1, static_cast<char>('a' + shards.size())) + ":1", welcome});
  }
  const absl::Status status = CheckShards(shards);
  if (status.ok()) return "";
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  return Message(status);
}

TEST(ShardCheck, TakesShardsThatCoverTheModelInAnyOrder) {
  const v1::Welcome low = Holding(0, 1), middle = Holding(1, 2), high = Holding(3, 1), all = Holding(0, 4);
  EXPECT_EQ(Problem({&all}), "");
  EXPECT_EQ(Problem({&high, &low, &middle}), "");
}

TEST(ShardCheck, WaitsForThoseItHasNotHeardOf) {
  const v1::Welcome low = Holding(0, 1), high = Holding(3, 1);
  EXPECT_EQ(Problem({&high, nullptr, &low}), "");
}

TEST(ShardCheck, RefusesABlockThatTwoHold) {
  const v1::Welcome low = Holding(0, 2), middle = Holding(1, 2);
  EXPECT_THAT(Problem({&middle, &low, nullptr}), AllOf(HasSubstr("a:1"), HasSubstr("b:1"), HasSubstr("block 1")));
}

TEST(ShardCheck, RefusesABlockThatNoneHolds) {
  const v1::Welcome low = Holding(0, 1), middle = Holding(1, 2), high = Holding(3, 1);
  EXPECT_THAT(Problem({&low, &middle}), HasSubstr("holds block 3 of 4"));
  EXPECT_THAT(Problem({&low, &high}), HasSubstr("holds block 1 of 4"));
  EXPECT_THAT(Problem({&middle}), HasSubstr("holds block 0 of 4"));
}

TEST(ShardCheck, RefusesShardsOfDifferentRunsAndNamesTheDifference) {
  const v1::Welcome low = Holding(0, 2);
  v1::Welcome high = Holding(2, 2);
  high.mutable_config()->set_terms("rule=agreement carry=0.8 seed=3");
  EXPECT_THAT(Problem({&low, &high}), HasSubstr("a:1 has carry=0.9, b:1 has carry=0.8"));
  high = Holding(2, 2);
  high.set_model_sha256(std::string(32, 'n'));
  EXPECT_THAT(Problem({&low, &high}), AllOf(HasSubstr("6d6d"), HasSubstr("6e6e")));
  high = Holding(2, 2);
  high.mutable_config()->set_parameters(7);
  EXPECT_THAT(Problem({&low, &high}), HasSubstr("4194299 parameters, b:1 of 7"));
  high = Holding(2, 2);
  high.mutable_tensors(0)->add_shape(2);
  EXPECT_THAT(Problem({&low, &high}), HasSubstr("tensors"));
}

}  // namespace
}  // namespace signvote
