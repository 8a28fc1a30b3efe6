#include "server/round/tally.h"

#include <gtest/gtest.h>

#include <random>

#include "common/thread_pool.h"

namespace signvote {
namespace {

constexpr uint64_t kParameters = 2 * kBlockCoordinates + 1000;  // three blocks, the last short

struct Cast {
  std::vector<std::vector<SignVector>> planes;  // by voter, by block
  std::vector<std::vector<Ballot>> ByBlock() const {
    std::vector<std::vector<Ballot>> result(planes[0].size());
    for (size_t v = 0; v < planes.size(); ++v) {
      for (size_t b = 0; b < planes[v].size(); ++b) result[b].push_back({v + 1, planes[v][b].signs, {}, {}});
    }
    return result;
  }
};

Cast RandomBallots(size_t voters, BlockRange range, std::mt19937_64& random) {
  Cast cast;
  cast.planes.resize(voters);
  for (auto& blocks : cast.planes) {
    for (uint64_t b = 0; b < range.count; ++b) {
      SignVector& planes = blocks.emplace_back();
      const uint64_t size = range.Size(range.first + b);
      planes.signs.resize(WordsFor(size));
      for (uint64_t& word : planes.signs) word = random();
      if (size % 64) planes.signs.back() &= (uint64_t{1} << (size % 64)) - 1;
    }
  }
  return cast;
}

class TallyOfRule : public testing::TestWithParam<const char*> {};

TEST_P(TallyOfRule, GivesTheSameBitsWithAnyThreadsAndAfterARestart) {
  VoteOptions options;
  options.rule = GetParam();
  const BlockRange range = BlockRange::All(kParameters);
  const std::vector<float> initial(kParameters, 0.5f);
  Tally serial(options, range, initial), parallel(options, range, initial);
  auto restarted = std::make_unique<Tally>(options, range, initial);
  ThreadPool pool(4);
  const ParallelFor threads = [&](size_t n, const std::function<void(size_t)>& body) { pool.ParallelFor(n, body); };
  std::mt19937_64 random(11);
  for (int round = 1; round <= 6; ++round) {
    const Cast cast = RandomBallots(5, range, random);
    const auto ballots = cast.ByBlock();
    for (Tally* tally : {&serial, &parallel, restarted.get()}) {
      tally->Decode(ballots, tally == &parallel ? threads : Serially);
      tally->Apply({1e-3f, 1}, tally == &parallel ? threads : Serially);
    }
    ASSERT_EQ(serial.fingerprint(), parallel.fingerprint());
    ASSERT_EQ(serial.fingerprint(), restarted->fingerprint());
    std::string learnt;
    restarted->Save(&learnt);
    auto next = std::make_unique<Tally>(options, range, initial);
    const auto values = restarted->parameters();
    ASSERT_TRUE(next->Restore(restarted->round(), {values.begin(), values.end()}, learnt).ok());
    restarted = std::move(next);
  }
  EXPECT_EQ(serial.round(), 6u);
}

// What shards rest on: nothing that a block learns reaches another block.
TEST_P(TallyOfRule, IsTheSameInShards) {
  VoteOptions options;
  options.rule = GetParam();
  const BlockRange all = BlockRange::All(kParameters);
  Tally whole(options, all, std::vector<float>(kParameters, 0.5f));
  std::vector<Tally> shards;
  for (uint64_t i : {0, 1}) {
    const BlockRange range = BlockRange::Shard(kParameters, i, 2);
    shards.emplace_back(options, range, std::vector<float>(range.Coordinates(), 0.5f));
  }
  std::mt19937_64 random(12);
  for (int round = 1; round <= 6; ++round) {
    const Cast cast = RandomBallots(5, all, random);
    const auto ballots = cast.ByBlock();
    whole.Decode(ballots, Serially);
    whole.Apply({1e-3f, 1}, Serially);
    std::vector<float> joined;
    for (Tally& shard : shards) {
      shard.Decode(std::span(ballots).subspan(shard.range().first, shard.range().count), Serially);
      shard.Apply({1e-3f, 1}, Serially);
      joined.insert(joined.end(), shard.parameters().begin(), shard.parameters().end());
    }
    ASSERT_EQ(FingerprintOf(joined), whole.fingerprint()) << "round " << round;
  }
}

// Decoding some blocks ahead changes no bit, whether the round then closes on the ballots that they were decoded from
// or on others, and nothing can be seen of it before.
TEST_P(TallyOfRule, IsTheSameWhenBlocksAreDecodedAhead) {
  VoteOptions options;
  options.rule = GetParam();
  const BlockRange range = BlockRange::All(kParameters);
  Tally plain(options, range, std::vector<float>(kParameters, 0.5f));
  Tally ahead(options, range, std::vector<float>(kParameters, 0.5f));
  std::mt19937_64 random(13);
  for (int round = 1; round <= 8; ++round) {
    const Cast cast = RandomBallots(4 + round % 3, range, random);
    const auto ballots = cast.ByBlock();
    std::string learnt, learnt_ahead;
    plain.Save(&learnt);
    size_t expected = 0;
    const Cast other = RandomBallots(5, range, random);
    if (round % 4 != 0) {
      std::vector<std::vector<Ballot>> first = round % 4 == 3 ? other.ByBlock() : ballots;  // others come in the end
      if (round % 4 == 2) {                                                                 // one voter more does
        for (auto& block : first) block.pop_back();
      }
      expected = round % 4 == 1 ? 2 : 0;
      first.resize(2);
      const bool may = ahead.DecodeAhead(0, std::span(first).subspan(0, 1), Serially) &&
                       ahead.DecodeAhead(1, std::span(first).subspan(1, 1), Serially);
      EXPECT_EQ(may, options.rule != "it-signsgd");
      if (!may) expected = 0;
    }
    ahead.Save(&learnt_ahead);
    EXPECT_EQ(learnt, learnt_ahead) << "before round " << round;
    plain.Decode(ballots, Serially);
    EXPECT_EQ(ahead.Decode(ballots, Serially), expected) << "round " << round;
    plain.Apply({1e-3f, 1}, Serially);
    ahead.Apply({1e-3f, 1}, Serially);
    ASSERT_EQ(ahead.fingerprint(), plain.fingerprint()) << "round " << round;
  }
}

INSTANTIATE_TEST_SUITE_P(Rules, TallyOfRule, testing::Values("majority", "it-signsgd", "agreement"));

TEST(Tally, DecodingMovesNoParameter) {
  const BlockRange range = BlockRange::All(1000);
  Tally tally({}, range, std::vector<float>(1000, 1.0f));
  const Fingerprint before = tally.fingerprint();
  std::mt19937_64 random(1);
  const Cast cast = RandomBallots(3, range, random);
  tally.Decode(cast.ByBlock(), Serially);
  EXPECT_EQ(tally.round(), 0u);
  EXPECT_EQ(FingerprintOf(tally.parameters()), before);
  tally.Apply({0.25f, 1}, Serially);
  EXPECT_EQ(tally.round(), 1u);
  for (float value : tally.parameters()) EXPECT_TRUE(value == 0.75f || value == 1.25f || value == 1.0f);
}

TEST(Tally, RefusesStateOfAnotherSize) {
  Tally tally({}, BlockRange::All(1000), std::vector<float>(1000));
  std::string learnt;
  tally.Save(&learnt);
  EXPECT_FALSE(tally.Restore(3, std::vector<float>(999), learnt).ok());
  EXPECT_FALSE(tally.Restore(3, std::vector<float>(1000), learnt + "x").ok());
  EXPECT_FALSE(tally.Restore(3, std::vector<float>(1000), learnt.substr(0, learnt.size() / 2)).ok());
}

}  // namespace
}  // namespace signvote
