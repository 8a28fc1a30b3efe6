// Shards that are paused together, against admin services in this process.
#include "server/ctl/barrier.h"

#include <gmock/gmock.h>

#include "common/blocks.h"
#include "server/ctl/command.h"
#include "tests/server/ctl/local_admin.h"

namespace signvote::ctl {
namespace {

using testing::HasSubstr;

v1::RunStatus Shard(uint64_t first, uint64_t round, v1::Phase phase) {
  v1::RunStatus status;
  status.set_parameters(2 * kBlockCoordinates);
  status.set_first_block(first);
  status.set_blocks(1);
  status.set_round(round);
  status.set_phase(phase);
  return status;
}

Shards Both(const LocalAdmin& low, const LocalAdmin& high) {
  return Shards({low.address(), high.address()}, {grpc::InsecureChannelCredentials()});
}

TEST(Barrier, ShardsThatGoOnMeetAfterOneRoundAndGoOnAfterwards) {
  LocalAdmin low(Shard(0, 8, v1::COLLECTING)), high(Shard(1, 7, v1::COLLECTING));
  Shards shards = Both(low, high);
  {
    Barrier barrier(&shards);
    ASSERT_TRUE(barrier.Reach().ok());
    EXPECT_EQ(low.status().round(), 8u);
    EXPECT_EQ(high.status().round(), 8u);
    for (LocalAdmin* shard : {&low, &high}) {
      for (const v1::PauseRequest& pause : shard->pauses()) EXPECT_EQ(pause.seconds(), 600u);
    }
  }
  EXPECT_EQ(low.status().phase(), v1::COLLECTING);
  EXPECT_EQ(high.status().phase(), v1::COLLECTING);
}

TEST(Barrier, AnAdministratorsPauseStaysOneUntilResume) {
  LocalAdmin low(Shard(0, 8, v1::PAUSED)), high(Shard(1, 7, v1::PAUSED));
  Shards shards = Both(low, high);
  {
    Barrier barrier(&shards);
    ASSERT_TRUE(barrier.Reach().ok());
  }
  EXPECT_TRUE(low.pauses().empty());
  ASSERT_EQ(high.pauses().size(), 1u);
  EXPECT_EQ(high.pauses()[0].after_round(), 8u);
  EXPECT_EQ(high.pauses()[0].seconds(), 0u);
  EXPECT_EQ(high.status().phase(), v1::PAUSED);
}

TEST(Pause, OfSeveralShardsHoldsThemAllAfterTheSameRound) {
  LocalAdmin low(Shard(0, 8, v1::COLLECTING)), high(Shard(1, 7, v1::COLLECTING));
  std::ostringstream said;
  Context context{.given = {.servers = {low.address(), high.address()}}, .out = said};
  CLI::App app;
  AddControlCommands(&app, &context);
  app.parse("pause");
  ASSERT_TRUE(context.run().ok());
  EXPECT_THAT(said.str(), HasSubstr("paused; round 8 of "));
  for (LocalAdmin* shard : {&low, &high}) {
    EXPECT_EQ(shard->status().round(), 8u);
    EXPECT_EQ(shard->status().phase(), v1::PAUSED);
    for (const v1::PauseRequest& pause : shard->pauses()) EXPECT_EQ(pause.seconds(), 0u);
  }
}

}  // namespace
}  // namespace signvote::ctl
