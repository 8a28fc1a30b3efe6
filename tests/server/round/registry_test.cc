#include "server/round/registry.h"

#include <gtest/gtest.h>

namespace signvote {
namespace {

TEST(Registry, RemembersTheMeanMagnitudeOfTheFirstTenBallots) {
  Registry registry;
  Client& client = registry.Admit("a");
  EXPECT_EQ(client.magnitude, 0);
  double sum = 0;
  for (uint64_t round = 1; round <= 10; ++round) {
    client.Count(round, static_cast<float>(round * round));
    sum += static_cast<double>(round * round);
    EXPECT_NEAR(client.magnitude, sum / static_cast<double>(round), 1e-4);
    EXPECT_EQ(client.last_ballot, round);
  }
  EXPECT_EQ(client.rounds_counted, 10u);
}

TEST(Registry, LaterMagnitudesCountOneTenth) {
  Registry registry;
  Client& client = registry.Admit("a");
  for (uint64_t round = 1; round <= 20; ++round) client.Count(round, 1.0f);
  client.Count(21, 11.0f);
  EXPECT_FLOAT_EQ(client.magnitude, 2.0f);
}

TEST(Registry, ABallotWithoutMagnitudeLeavesItAsItWas) {
  Registry registry;
  Client& client = registry.Admit("a");
  client.Count(1, 0);
  EXPECT_EQ(client.magnitude, 0);
  client.Count(2, 3.0f);
  client.Count(3, 0);
  EXPECT_EQ(client.magnitude, 3.0f);
}

TEST(Registry, KeepsMagnitudesAcrossRestarts) {
  Registry registry;
  registry.Admit("a").Count(1, 0.3f);
  registry.Admit("b");
  std::string saved;
  registry.Save(&saved);
  Registry restored;
  ASSERT_TRUE(restored.Restore(saved).ok());
  EXPECT_EQ(restored.Find("a")->magnitude, 0.3f);
  EXPECT_EQ(restored.Find("b")->magnitude, 0);
}

TEST(Registry, KnowsAfterARestartWhichBallotsItHasCounted) {
  Registry registry;
  Client& client = registry.Admit("a");
  for (const uint64_t round : {3, 4, 9}) client.Count(round, 1.0f);
  std::string saved;
  registry.Save(&saved);
  Registry restored;
  ASSERT_TRUE(restored.Restore(saved).ok());
  EXPECT_EQ(restored.Find("a")->last_ballot, 9u);
  EXPECT_EQ(restored.Find("a")->rounds_counted, 3u);
}

TEST(Registry, AClientMostlyAbstainsWhenMoreThanHalfOfItsLastTwentyBallotsDo) {
  Registry registry;
  Client& client = registry.Admit("a");
  uint64_t round = 0;
  for (int i = 0; i < 10; ++i) client.Count(++round, 0, true);
  EXPECT_FALSE(client.MostlyAbstains());
  client.Count(++round, 0, true);
  EXPECT_TRUE(client.MostlyAbstains());
  for (int i = 0; i < 9; ++i) client.Count(++round, 1);
  EXPECT_TRUE(client.MostlyAbstains()) << "11 of 20";
  client.Count(++round, 1);
  EXPECT_FALSE(client.MostlyAbstains());
  EXPECT_EQ(client.rounds_abstained, 11u);
  EXPECT_EQ(client.rounds_counted, 21u);
}

TEST(Registry, KeepsAbstentionsAcrossRestarts) {
  Registry registry;
  Client& client = registry.Admit("a");
  for (uint64_t round = 1; round <= 15; ++round) client.Count(round, 0, round != 3);
  std::string saved;
  registry.Save(&saved);
  Registry restored;
  ASSERT_TRUE(restored.Restore(saved).ok());
  EXPECT_EQ(restored.Find("a")->rounds_abstained, 14u);
  EXPECT_EQ(restored.Find("a")->RecentAbstentions(), 14u);
  restored.Apply(Registry::RecordOf(client));
  EXPECT_EQ(restored.Find("a")->rounds_abstained, 14u) << "joining again changes nothing";
}

}  // namespace
}  // namespace signvote
