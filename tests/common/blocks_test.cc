#include "common/blocks.h"

#include <gtest/gtest.h>

namespace signvote {
namespace {

TEST(Blocks, ShardsCoverEveryBlockOnceAndDifferByAtMostOne) {
  for (const uint64_t blocks : {1, 2, 3, 7, 64}) {
    const uint64_t parameters = blocks * kBlockCoordinates - 17;
    for (uint64_t count = 1; count <= blocks; ++count) {
      uint64_t next = 0, coordinates = 0;
      for (uint64_t index = 0; index < count; ++index) {
        const BlockRange shard = BlockRange::Shard(parameters, index, count);
        EXPECT_EQ(shard.first, next);
        EXPECT_GE(shard.count, blocks / count);
        EXPECT_LE(shard.count, blocks / count + 1);
        next += shard.count;
        coordinates += shard.Coordinates();
      }
      EXPECT_EQ(next, blocks);
      EXPECT_EQ(coordinates, parameters);
    }
  }
}

}  // namespace
}  // namespace signvote
