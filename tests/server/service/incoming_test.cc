#include "server/service/incoming.h"

#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <gtest/gtest.h>

#include <cstring>

#include "common/random.h"

namespace signvote {
namespace {

std::optional<Incoming> Read(const std::string& bytes, int piece = -1) {
  PlanePool pool;
  google::protobuf::io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()), piece);
  return ReadPlainBallot(&stream, bytes.size(), &pool);
}

v1::ClientMessage SomeBallot(Random* random, size_t words) {
  v1::ClientMessage message;
  v1::BallotBlock& ballot = *message.mutable_ballot();
  ballot.set_round(random->Next() >> random->Next() % 64);
  ballot.set_block(random->Next() % 200);
  ballot.set_magnitude(static_cast<float>(random->Next() % 1000) / 7);
  std::string* signs = ballot.mutable_signs()->mutable_signs();
  for (size_t w = 0; w < words; ++w) {
    const uint64_t word = random->Next();
    signs->append(reinterpret_cast<const char*>(&word), sizeof(word));
  }
  return message;
}

TEST(Incoming, ReadsWhatProtobufReadsFromPiecesOfAnyLength) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Random random(seed);
    v1::ClientMessage expected = SomeBallot(&random, random.Next() % 40);
    const std::string bytes = expected.SerializeAsString();
    const auto incoming = Read(bytes, 1 + static_cast<int>(random.Next() % 50));
    ASSERT_EQ(incoming.has_value(), !expected.ballot().signs().signs().empty());  // an empty field is not written
    if (!incoming) continue;
    const std::string signs = expected.ballot().signs().signs();
    ASSERT_EQ(incoming->signs->signs.size() * 8, signs.size());
    EXPECT_EQ(std::memcmp(incoming->signs->signs.data(), signs.data(), signs.size()), 0);
    EXPECT_EQ(incoming->bytes, bytes.size());
    expected.mutable_ballot()->clear_signs();
    EXPECT_EQ(incoming->message.SerializeAsString(), expected.SerializeAsString());
  }
}

TEST(Incoming, LeavesEverythingElseToProtobuf) {
  Random random(1);
  v1::ClientMessage zeros = SomeBallot(&random, 4), coded = SomeBallot(&random, 4), odd = SomeBallot(&random, 4);
  zeros.mutable_ballot()->mutable_signs()->set_zeros("12345678");
  coded.mutable_ballot()->mutable_signs()->set_signs_coding(v1::SignBlock::ZSTD);
  odd.mutable_ballot()->mutable_signs()->mutable_signs()->pop_back();
  v1::ClientMessage join;
  join.mutable_join()->set_name("a");
  for (const auto& message : {zeros, coded, odd, join}) EXPECT_FALSE(Read(message.SerializeAsString()));
  const std::string twice = SomeBallot(&random, 4).SerializeAsString() + SomeBallot(&random, 2).SerializeAsString();
  EXPECT_FALSE(Read(twice));
}

TEST(Incoming, RefusesEveryCutAndSurvivesEveryFlip) {
  Random random(2);
  const std::string whole = SomeBallot(&random, 4).SerializeAsString();
  for (size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(Read(whole.substr(0, size))) << size;
  for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    const auto incoming = Read(flipped);
    v1::ClientMessage parsed;
    EXPECT_TRUE(!incoming || parsed.ParseFromString(flipped)) << bit;  // never more than protobuf takes
  }
}

TEST(PlanePool, GivesBackWhatWasGivenBack) {
  PlanePool pool;
  const SignVector* first = nullptr;
  {
    const auto planes = pool.Take();
    planes->signs.assign(100, 1);
    first = planes.get();
  }
  const auto again = pool.Take();
  EXPECT_EQ(again.get(), first);
  EXPECT_NE(pool.Take().get(), first);
}

}  // namespace
}  // namespace signvote
