#include <gmock/gmock.h>
#include <stb_image_write.h>
#include <zlib.h>

#include <filesystem>

#include "tests/client/captured_log.h"
#include "tests/client/data_source.h"
#include "tests/client/temporary_directory.h"

namespace signvote {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::string BigEndian(uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

std::string Chunk(const std::string& type_and_data) {
  const auto* bytes = reinterpret_cast<const Bytef*>(type_and_data.data());
  const auto crc = static_cast<uint32_t>(crc32(0, bytes, static_cast<uInt>(type_and_data.size())));
  return BigEndian(static_cast<uint32_t>(type_and_data.size() - 4)) + type_and_data + BigEndian(crc);
}

// A colour picture; `rgb` is row, column, channel.
std::string Png(uint32_t height, uint32_t width, const std::string& rgb) {
  std::string raw;
  for (uint32_t y = 0; y < height; ++y) raw += '\0' + rgb.substr(size_t{y} * width * 3, size_t{width} * 3);
  std::string packed(compressBound(raw.size()), '\0');
  uLongf size = packed.size();
  compress(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(raw.data()), raw.size());
  packed.resize(size);
  return "\x89PNG\r\n\x1a\n" + Chunk("IHDR" + BigEndian(width) + BigEndian(height) + std::string("\x8\x2\0\0\0", 5)) +
         Chunk("IDAT" + packed) + Chunk("IEND");
}

std::string Plain(uint32_t height, uint32_t width, char value) {
  return Png(height, width, std::string(size_t{height} * width * 3, value));
}

class Images : public testing::Test {
 protected:
  void Write(const std::string& name, const std::string& bytes) {
    std::filesystem::create_directories(std::filesystem::path(directory_.path() + "/" + name).parent_path());
    directory_.Write(name, bytes);
  }
  absl::StatusOr<Dataset> Load(const std::string& keys = "") {
    return LoadData("{format: images, path: " + directory_.path() + keys + "}");
  }
  std::string Problem(const std::string& keys = "") { return Message(Load(keys).status()); }
  TemporaryDirectory directory_;
};

TEST_F(Images, DirectoriesAreClassesInAlphabeticalOrder) {
  Write("dog/1.png", Png(1, 2, "abcdef"));
  Write("cat/b.PNG", Png(1, 2, "ghijkl"));
  Write("cat/a.png", Png(1, 2, "mnopqr"));
  Write("cat/notes.txt", "no image");
  Write("cat/c.gif", "GIF89a");
  Write("dog/d.gif", "GIF89a");
  const CapturedLog log;
  const auto dataset = Load();
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_EQ(dataset->classes, 2u);
  EXPECT_EQ(dataset->class_numbers, ClassNumbers::kFound);
  EXPECT_THAT(log.Text(), HasSubstr("classes cat=0, dog=1; passes over 3 files of other types: .gif (2), .txt (1)"));
  EXPECT_THAT(dataset->inputs.shape, ElementsAre(3, 1, 2));
  EXPECT_THAT(ValuesOf<int32_t>(dataset->targets), ElementsAre(0, 0, 1));
  EXPECT_THAT(dataset->inputs.Sample<uint8_t>(0), ElementsAre('m', 'p', 'n', 'q', 'o', 'r')) << "a plane a channel";
}

TEST_F(Images, GivenClassesKeepTheirNumbersWhereSomeAreMissing) {
  Write("dog/1.png", Plain(1, 1, 9));
  const auto dataset = Load(", classes: [cat, dog, bird]");
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_EQ(dataset->classes, 3u);
  EXPECT_EQ(dataset->class_numbers, ClassNumbers::kNamed);
  EXPECT_EQ(dataset->Class(0), 1);
  EXPECT_THAT(Problem(", classes: [cat]"), AllOf(HasSubstr("/dog"), HasSubstr("none of data.classes: \"cat\"")));
}

TEST_F(Images, AreBroughtToOneSizeAndToGrey) {
  Write("a/1.png", Plain(4, 6, 100));
  Write("a/2.png", Plain(2, 2, 50));
  EXPECT_THAT(Problem(), AllOf(HasSubstr("2.png: is 2 x 2"), HasSubstr("1.png is 4 x 6"), HasSubstr("data.size")));
  const auto dataset = Load(", size: [2, 3], channels: 1");
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_THAT(dataset->inputs.shape, ElementsAre(1, 2, 3));
  EXPECT_THAT(dataset->inputs.Sample<uint8_t>(0), testing::Each(100));
  EXPECT_THAT(dataset->inputs.Sample<uint8_t>(1), testing::Each(50));
}

TEST_F(Images, WhatCannotBeReadIsNamed) {
  EXPECT_THAT(Problem(), HasSubstr("holds no samples"));
  Write("a/1.png", Plain(2, 2, 1).substr(0, 30));
  EXPECT_THAT(Problem(), AllOf(HasSubstr("a/1.png"), HasSubstr("no readable image")));
  Write("a/1.png", Plain(2, 2, 1));
  Write("a/2.jpg", "hello");
  EXPECT_THAT(Problem(), AllOf(HasSubstr("a/2.jpg"), HasSubstr("no readable image")));
  EXPECT_THAT(Message(LoadData("{format: images, path: /nowhere}").status()), HasSubstr("data.path is \"/nowhere\""));
  EXPECT_THAT(Problem(", size: [2]"), AllOf(HasSubstr("data.size"), HasSubstr("[HEIGHT, WIDTH]")));
  EXPECT_THAT(Problem(", channels: 2"), HasSubstr("data.channels"));
}

TEST_F(Images, AlphaIsDroppedAndProportionsAreNotKept) {
  // Two pixels, red and blue, of which the second is transparent.
  const std::string raw("\0\xff\0\0\xff\0\0\xff\0", 9);
  std::string packed(compressBound(raw.size()), '\0');
  uLongf size = packed.size();
  compress(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(raw.data()), raw.size());
  packed.resize(size);
  const std::string file = "\x89PNG\r\n\x1a\n" +
                           Chunk("IHDR" + BigEndian(2) + BigEndian(1) + std::string("\x8\x6\0\0\0", 5)) +
                           Chunk("IDAT" + packed) + Chunk("IEND");
  Write("a/1.png", file);
  EXPECT_THAT(ValuesOf<uint8_t>(Load()->inputs), ElementsAre(255, 0, 0, 0, 0, 255));
  EXPECT_THAT(Load(", size: [5, 1]")->inputs.shape, ElementsAre(3, 5, 1));
}

TEST_F(Images, ReadsJpeg) {
  std::filesystem::create_directories(directory_.path() + "/a");
  const std::vector<uint8_t> rgb(16 * 8 * 3, 100);
  ASSERT_NE(stbi_write_jpg((directory_.path() + "/a/1.jpg").c_str(), 16, 8, 3, rgb.data(), 95), 0);
  const auto dataset = Load();
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_THAT(dataset->inputs.shape, ElementsAre(3, 8, 16));
  EXPECT_THAT(dataset->inputs.Sample<uint8_t>(0), testing::Each(AllOf(testing::Ge(98), testing::Le(102))));
}

TEST_F(Images, WhatIsHiddenIsPassedOver) {
  Write("dog/1.png", Plain(1, 1, 9));
  Write("dog/._1.png", "of a file system");
  Write(".cache/1.png", Plain(1, 1, 9));
  const auto dataset = Load();
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_EQ(dataset->classes, 1u);
  EXPECT_EQ(dataset->size(), 1u);
}

TEST_F(Images, ADirectoryWithoutImagesIsNoClass) {
  Write("cat/1.png", Plain(1, 1, 9));
  Write("notes/1.txt", "no image");
  EXPECT_THAT(Problem(), AllOf(HasSubstr("/notes"), HasSubstr("no class")));
}

TEST_F(Images, DirectoriesBelowAClassAreToldOf) {
  Write("cat/1.png", Plain(1, 1, 9));
  Write("cat/old/2.png", Plain(1, 1, 9));
  const CapturedLog log;
  EXPECT_EQ(Load()->size(), 1u);
  EXPECT_THAT(log.Text(), HasSubstr("/cat: passes over 1 directories"));
  Write("dog/left/1.png", Plain(1, 1, 9));
  Write("dog/right/1.png", Plain(1, 1, 9));
  EXPECT_THAT(Problem(), AllOf(HasSubstr("/dog"), HasSubstr("but 2 directories"), HasSubstr("data.path/CLASS/FILE"),
                               HasSubstr("set data.path to " + directory_.path() + "/dog")));
}

TEST_F(Images, ALinkToItselfIsNoDirectory) {
  Write("cat/1.png", Plain(1, 1, 9));
  std::filesystem::create_symlink("loop", directory_.path() + "/loop");
  EXPECT_EQ(Load()->classes, 1u);
}

}  // namespace
}  // namespace signvote
