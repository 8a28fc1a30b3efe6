#include "server/round/electorate.h"

#include <gtest/gtest.h>

namespace signvote {
namespace {

using Voters = std::vector<VoterId>;

TEST(Electorate, RemembersVotersForThirtyTwoRounds) {
  Electorate electorate;
  EXPECT_EQ(electorate.Close(1, Voters{1, 2}), (Voters{1, 2}));
  EXPECT_EQ(electorate.Close(33, Voters{2}), (Voters{1, 2}));
  EXPECT_EQ(electorate.Close(34, Voters{2}), (Voters{2}));
}

TEST(Electorate, EvictionTakesEffectAtOnceAndReadmissionTakesItBack) {
  Electorate electorate;
  electorate.Close(1, Voters{1, 2});
  electorate.SetEvicted(1, true);
  EXPECT_EQ(electorate.Close(2, Voters{2}), (Voters{2}));
  electorate.SetEvicted(1, false);
  EXPECT_EQ(electorate.Close(3, Voters{2}), (Voters{1, 2}));
}

TEST(Electorate, SurvivesSaveAndRestore) {
  Electorate electorate;
  electorate.Close(5, Voters{3, 4, 9});
  electorate.SetEvicted(4, true);
  std::string saved, again;
  electorate.Save(&saved);
  Electorate restored;
  ASSERT_TRUE(restored.Restore(saved).ok());
  restored.Save(&again);
  EXPECT_EQ(saved, again);
  EXPECT_EQ(restored.Close(6, Voters{3}), (Voters{3, 9}));
  EXPECT_FALSE(restored.Restore(saved.substr(0, saved.size() - 1)).ok());
}

TEST(DrawElectorate, DrawsTheSameVotersFromSeedAndRoundAlone) {
  Voters all;
  for (VoterId id = 1; id <= 1000; ++id) all.push_back(id * 7919);
  const Voters drawn = DrawElectorate(all, 200, 3, 10);
  EXPECT_EQ(drawn.size(), 200u);
  EXPECT_TRUE(std::is_sorted(drawn.begin(), drawn.end()));
  EXPECT_EQ(drawn, DrawElectorate(all, 200, 3, 10));
  EXPECT_NE(drawn, DrawElectorate(all, 200, 3, 11));
  EXPECT_NE(drawn, DrawElectorate(all, 200, 4, 10));
}

TEST(DrawElectorate, AsksEveryoneWhenThereAreFewOrNoLimit) {
  const Voters few{1, 2, 3};
  EXPECT_EQ(DrawElectorate(few, 5, 0, 1), few);
  EXPECT_EQ(DrawElectorate(few, 0, 0, 1), few);
}

TEST(DrawElectorate, WhoElseIsPresentDoesNotChangeAVotersTicket) {
  Voters all;
  for (VoterId id = 1; id <= 100; ++id) all.push_back(id);
  const Voters drawn = DrawElectorate(all, 50, 1, 1);
  // Without the others, those who were drawn are drawn again.
  EXPECT_EQ(DrawElectorate(drawn, 50, 1, 1), drawn);
}

}  // namespace
}  // namespace signvote
