#include "client/data/formats.h"

#include <gmock/gmock.h>

#include <array>

#include "common/status.h"
#include "tests/client/data_source.h"
#include "tests/client/temporary_directory.h"

namespace signvote {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string BigEndian(uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}
std::string Images(uint32_t count, const std::string& pixels) {
  return BigEndian(0x803) + BigEndian(count) + BigEndian(2) + BigEndian(2) + pixels;
}
std::string Labels(const std::string& labels) {
  return BigEndian(0x801) + BigEndian(static_cast<uint32_t>(labels.size())) + labels;
}

class Mnist : public testing::Test {
 protected:
  void Write(const std::string& images, const std::string& labels) {
    directory_.Write("train-images-idx3-ubyte", images);
    directory_.Write("train-labels-idx1-ubyte", labels);
  }
  absl::StatusOr<Dataset> Load() { return LoadData("{format: mnist, path: " + directory_.path() + "}"); }
  std::string Problem() { return Message(Load().status()); }
  TemporaryDirectory directory_;
};

TEST_F(Mnist, ReadsPlainIdxFiles) {
  Write(Images(2, "abcdefgh"), Labels({'\3', '\7'}));
  const auto dataset = Load();
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_THAT(dataset->inputs.shape, testing::ElementsAre(1, 2, 2));
  EXPECT_THAT(ValuesOf<int32_t>(dataset->targets), testing::ElementsAre(3, 7));
  EXPECT_THAT(dataset->inputs.Sample<uint8_t>(1), testing::ElementsAre('e', 'f', 'g', 'h'));
}

TEST_F(Mnist, AMissingFileIsNamed) {
  EXPECT_THAT(Problem(), AllOf(HasSubstr("train-images-idx3-ubyte"), HasSubstr("no such file")));
}

TEST_F(Mnist, APathThatNoFileCanHaveIsNamed) {
  const absl::Status status = LoadData("{format: mnist, path: /" + std::string(300, 'x') + "}").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(status), HasSubstr("name too long"));
}

TEST_F(Mnist, ATruncatedFileSaysWhatWasExpectedAndFound) {
  Write(Images(2, "abcdefg"), Labels({'\3', '\7'}));
  EXPECT_THAT(Problem(),
              AllOf(HasSubstr("train-images"), HasSubstr("truncated"), HasSubstr("7 bytes"), HasSubstr("expected 8")));
}

TEST_F(Mnist, ATruncatedHeaderIsTruncated) {
  Write(std::string(5, '\0'), Labels("\3"));
  EXPECT_THAT(Problem(), HasSubstr("truncated"));
}

TEST_F(Mnist, ATruncatedGzipFileIsTruncated) {
  // gzip of "abcdefgh", cut short.
  const std::array<unsigned char, 15> bytes = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x4b, 0x4c, 0x4a, 0x4e, 0x49};
  directory_.Write("train-images-idx3-ubyte.gz", {bytes.begin(), bytes.end()});
  EXPECT_THAT(Problem(), AllOf(HasSubstr("ubyte.gz"), HasSubstr("truncated")));
}

TEST_F(Mnist, AWrongMagicNumberIsNamed) {
  Write(Labels("\3"), Labels("\3"));
  EXPECT_THAT(Problem(), AllOf(HasSubstr("truncated")));
  Write(BigEndian(0x99) + std::string(12, '\0'), Labels("\3"));
  EXPECT_THAT(Problem(), AllOf(HasSubstr("magic"), HasSubstr("0x00000803"), HasSubstr("0x00000099")));
}

TEST_F(Mnist, ImagesAndLabelsBelongTogether) {
  Write(Images(2, "abcdefgh"), Labels("\3"));
  EXPECT_THAT(Problem(), AllOf(HasSubstr("2 images"), HasSubstr("1 labels")));
}

TEST_F(Mnist, ALabelOutOfRangeIsNamed) {
  Write(Images(1, "abcd"), Labels("\x0b"));
  EXPECT_THAT(Problem(), AllOf(HasSubstr("sample 0"), HasSubstr("label 11")));
}

std::string Records(size_t count) {
  std::string bytes;
  for (size_t i = 0; i < count; ++i) bytes += static_cast<char>(i % 10) + std::string(3072, static_cast<char>(i));
  return bytes;
}

TEST(Cifar10, ReadsFiveBatchesInOrder) {
  TemporaryDirectory directory;
  for (size_t i = 1; i <= 5; ++i) directory.Write(fmt::format("data_batch_{}.bin", i), Records(i));
  const auto dataset = LoadData("{format: cifar10, path: " + directory.path() + "}");
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_EQ(dataset->size(), 15u);
  EXPECT_THAT(dataset->inputs.shape, testing::ElementsAre(3, 32, 32));
  EXPECT_EQ(dataset->Class(14), 4);
  EXPECT_EQ(dataset->inputs.Sample<uint8_t>(14)[3071], 4);
}

TEST(Cifar10, ATruncatedFileIsNamedWithItsSize) {
  TemporaryDirectory directory;
  directory.Write("test_batch.bin", Records(2).substr(1));
  EXPECT_THAT(Message(LoadData("{format: cifar10, path: " + directory.path() + "}", Split::kTest).status()),
              AllOf(HasSubstr("test_batch.bin"), HasSubstr("truncated"), HasSubstr("6145"), HasSubstr("3073")));
}

TEST(Cifar10, AMissingFileIsNotFound) {
  TemporaryDirectory directory;
  const absl::Status status = LoadData("{format: cifar10, path: " + directory.path() + "}").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(status), HasSubstr("data_batch_1.bin"));
}

TEST(Digits, AreTheSameEachTimeAndDifferBetweenSplits) {
  const auto first = LoadData("{format: digits}", Split::kTest);
  const auto again = LoadData("{format: digits}", Split::kTest);
  const auto train = LoadData("{format: digits}");
  ASSERT_TRUE(first.ok() && again.ok() && train.ok());
  EXPECT_EQ(first->size(), 2000u);
  EXPECT_EQ(train->size(), 10000u);
  EXPECT_EQ(first->inputs.values, again->inputs.values);
  const auto drawn = first->inputs.Sample<uint8_t>(0);
  EXPECT_FALSE(std::equal(drawn.begin(), drawn.end(), train->inputs.Sample<uint8_t>(0).begin()));
}

TEST(Formats, AnUnknownOneListsThoseThatExist) {
  EXPECT_THAT(Message(ParseSource("{format: svhn}").status()),
              AllOf(HasSubstr("client.yaml:1"), HasSubstr("svhn"), HasSubstr("mnist, cifar10, digits")));
}

}  // namespace
}  // namespace signvote
