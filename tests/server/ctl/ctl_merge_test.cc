#include "server/ctl/merge.h"

#include <gmock/gmock.h>

#include "common/blocks.h"
#include "server/ctl/render.h"

namespace signvote::ctl {
namespace {

using testing::HasSubstr;

v1::RunStatus Shard(uint64_t first, uint64_t blocks, uint64_t round) {
  v1::RunStatus status;
  status.set_parameters(3 * kBlockCoordinates - 1000);
  status.set_first_block(first);
  status.set_blocks(blocks);
  status.set_round(round);
  status.set_phase(v1::COLLECTING);
  status.set_bytes_up(100);
  status.set_trust(first == 0 ? 0.5 : 1.0);
  status.mutable_fingerprint()->set_high(first + 1);
  v1::Evaluation& evaluation = *status.add_evaluations();
  evaluation.set_round(7);
  evaluation.mutable_fingerprint()->set_high(99);
  return status;
}

v1::ListClientsResponse Knows(const std::string& name, double weight, uint64_t rounds) {
  v1::ListClientsResponse clients;
  v1::ClientSummary& client = *clients.add_clients();
  client.set_name(name);
  client.set_mean_weight(weight);
  client.set_rounds_counted(rounds);
  client.set_connected(true);
  client.set_fingerprint_agrees(true);
  client.set_bytes_up(10);
  return clients;
}

TEST(Merge, OneServerStaysAsItIs) {
  const std::vector<v1::RunStatus> one = {Shard(0, 3, 8)};
  EXPECT_EQ(MergeStatus(one).SerializeAsString(), one[0].SerializeAsString());
}

TEST(Merge, TheRoundIsTheOneThatAllHaveClosed) {
  const v1::RunStatus merged = MergeStatus(std::vector{Shard(0, 2, 8), Shard(2, 1, 7)});
  EXPECT_EQ(merged.round(), 7u);
  EXPECT_EQ(merged.blocks(), 3u);
  EXPECT_EQ(merged.bytes_up(), 200u);
  EXPECT_DOUBLE_EQ(merged.trust(), (2 * 0.5 + 1.0) / 3);
  EXPECT_EQ(merged.fingerprint().high(), 99u) << "of all blocks, as an observer found it after round 7";
  EXPECT_FALSE(MergeStatus(std::vector{Shard(0, 2, 9), Shard(2, 1, 9)}).has_fingerprint());
}

TEST(Merge, ThePhaseIsThatOfTheShardThatHoldsTheOthersUp) {
  v1::RunStatus stalled = Shard(2, 1, 7), finished = Shard(0, 2, 8);
  stalled.set_phase(v1::STALLED);
  stalled.set_problem("no space left");
  finished.set_phase(v1::FINISHED_RUN);
  const v1::RunStatus merged = MergeStatus(std::vector{finished, stalled});
  EXPECT_EQ(merged.phase(), v1::STALLED);
  EXPECT_EQ(merged.problem(), "no space left");
  EXPECT_EQ(MergeStatus(std::vector{finished, finished}).phase(), v1::FINISHED_RUN);
}

TEST(Merge, WeightsAreMeansOverCoordinates) {
  const std::vector<uint64_t> coordinates = {3000, 1000};
  auto low = Knows("ada", 1.0, 5), high = Knows("ada", 2.0, 4);
  high.mutable_clients(0)->set_fingerprint_agrees(false);
  low.mutable_clients(0)->set_rounds_abstained(3);
  high.mutable_clients(0)->set_rounds_abstained(2);
  high.add_clients()->set_name("bob");
  const v1::ListClientsResponse merged = MergeClients(std::vector{low, high}, coordinates);
  ASSERT_EQ(merged.clients_size(), 2);
  const v1::ClientSummary& ada = merged.clients(0);
  EXPECT_DOUBLE_EQ(ada.mean_weight(), 1.25);
  EXPECT_EQ(ada.rounds_counted(), 4u);
  EXPECT_EQ(ada.rounds_abstained(), 2u);
  EXPECT_EQ(ada.bytes_up(), 20u);
  EXPECT_FALSE(ada.fingerprint_agrees());
}

TEST(Merge, AClientsFingerprintIsUnknownUntilItToldEveryShardOne) {
  auto low = Knows("ada", 1.0, 5), high = Knows("ada", 1.0, 5);
  const auto merged = [&] { return MergeClients(std::vector{low, high}, std::vector<uint64_t>{1, 1}).clients(0); };
  EXPECT_TRUE(merged().fingerprint_agrees());
  high.mutable_clients(0)->clear_fingerprint_agrees();
  EXPECT_FALSE(merged().has_fingerprint_agrees());
  low.mutable_clients(0)->clear_fingerprint_agrees();
  EXPECT_FALSE(merged().has_fingerprint_agrees());
  v1::ClientDetail detail;
  *detail.mutable_summary() = merged();
  EXPECT_THAT(RenderClient(detail), HasSubstr("applied no round yet"));
}

TEST(Merge, AClientIsAsFarBehindAsOnTheShardWhereItIsFurthest) {
  auto low = Knows("ada", 1.0, 5), high = Knows("ada", 1.0, 5);
  low.mutable_clients(0)->set_rounds_behind(1);
  high.mutable_clients(0)->set_rounds_behind(4);
  const std::vector<uint64_t> coordinates = {1, 1};
  EXPECT_EQ(MergeClients(std::vector{low, high}, coordinates).clients(0).rounds_behind(), 4u);
}

TEST(Merge, TheStepIsThatOfTheRoundAfterTheOneThatAllHaveClosed) {
  v1::RunStatus ahead = Shard(0, 2, 8), behind = Shard(2, 1, 7);
  ahead.set_step(0.5f);
  behind.set_step(1.0f);
  EXPECT_EQ(MergeStatus(std::vector{ahead, behind}).step(), 1.0f);
  EXPECT_EQ(MergeStatus(std::vector{behind, ahead}).step(), 1.0f);
}

TEST(Merge, WhatEachShardHasOfItsOwnIsNotShownAsTheRuns) {
  v1::RunStatus shard = Shard(0, 2, 8);
  shard.set_run("0123456789abcdef");
  shard.set_directory("runs/shard-0");
  shard.mutable_all_rounds()->set_decode_seconds(1);
  shard.set_rounds_closed(8);
  shard.set_ballots_counted(16);
  shard.set_decisions_delivered(24);
  const v1::RunStatus merged = MergeStatus(std::vector{shard, Shard(2, 1, 8)});
  EXPECT_EQ(merged.run(), "");
  EXPECT_EQ(merged.directory(), "");
  EXPECT_FALSE(merged.has_all_rounds());
  EXPECT_EQ(merged.rounds_closed() + merged.ballots_counted() + merged.decisions_delivered(), 0u);
  EXPECT_THAT(RenderStatus(merged), HasSubstr("\nrun          0 s old\n"));
}

TEST(Merge, BlocksOfAClientFollowEachOther) {
  v1::ClientDetail low, high;
  low.add_blocks()->set_block(0);
  high.add_blocks()->set_block(1);
  const v1::ClientDetail merged = MergeDetails(std::vector{low, high}, std::vector<uint64_t>{1, 1});
  ASSERT_EQ(merged.blocks_size(), 2);
  EXPECT_EQ(merged.blocks(1).block(), 1u);
}

TEST(Merge, CoordinatesAreThoseOfTheBlocks) {
  EXPECT_EQ(CoordinatesOf(Shard(0, 2, 1)), 2 * kBlockCoordinates);
  EXPECT_EQ(CoordinatesOf(Shard(2, 1, 1)), kBlockCoordinates - 1000);
}

TEST(Render, ALineAShard) {
  const std::string text = RenderShards({"a:1", "b:1"}, {Shard(0, 2, 8), Shard(2, 1, 7)});
  EXPECT_THAT(text, HasSubstr("a:1    0 to 1      8  collecting"));
  EXPECT_THAT(text, HasSubstr("b:1    2 to 2      7  collecting"));
}

}  // namespace
}  // namespace signvote::ctl
