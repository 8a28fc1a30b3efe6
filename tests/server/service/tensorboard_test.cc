// The file is read back here by its grammar; the check values are those of RFC 3720.
#include "server/service/tensorboard.h"

#include <gmock/gmock.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/common/scratch.h"

namespace signvote {
namespace {

TEST(TensorBoard, ChecksumsAreCastagnolis) {
  EXPECT_EQ(Crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8A9136AAu);
}

TEST(TensorBoard, TheFirstRecordNamesTheVersion) {
  v1::TensorBoardEvent event;
  event.set_file_version("brain.Event:2");
  const std::string record = TensorBoardRecord(event);
  ASSERT_EQ(record.size(), 8u + 4 + 15 + 4);
  EXPECT_EQ(record.substr(12, 15), std::string("\x1a\x0d") + "brain.Event:2");
}

std::vector<v1::TensorBoardEvent> Read(const std::string& path) {
  std::stringstream stream;
  stream << std::ifstream(path, std::ios::binary).rdbuf();
  const std::string bytes = stream.str();
  std::vector<v1::TensorBoardEvent> events;
  for (size_t at = 0; at < bytes.size();) {
    uint64_t length = 0;
    std::memcpy(&length, bytes.data() + at, 8);
    auto check = [&](size_t begin, size_t size) {
      uint32_t stored = 0;
      std::memcpy(&stored, bytes.data() + begin + size, 4);
      const uint32_t unmasked = stored - 0xA282EAD8;
      EXPECT_EQ(unmasked >> 17 | unmasked << 15, Crc32c(bytes.substr(begin, size)));
    };
    check(at, 8);
    check(at + 12, length);
    EXPECT_TRUE(events.emplace_back().ParseFromString(bytes.substr(at + 12, length)));
    at += 12 + length + 4;
  }
  return events;
}

TEST(TensorBoard, WritesScalarsByRound) {
  const Scratch scratch;
  const absl::Time start = absl::FromUnixSeconds(1'000'000);
  auto board = TensorBoard::Open(scratch / "board/run", start);
  ASSERT_TRUE(board.ok()) << board.status();
  (*board)->Add(start, RoundRow{.round = 1, .trust = 0.5});
  (*board)->Add(start + absl::Milliseconds(250), RoundRow{.round = 2, .trust = 0.75});
  v1::Evaluation evaluation;
  evaluation.set_round(2);
  evaluation.set_accuracy(0.875);
  (*board)->Add(start, evaluation);
  std::string path;
  for (const auto& entry : std::filesystem::directory_iterator(scratch / "board/run")) path = entry.path();
  EXPECT_THAT(path, testing::HasSubstr("events.out.tfevents."));
  const std::vector<v1::TensorBoardEvent> events = Read(path);
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events[0].file_version(), "brain.Event:2");
  std::map<std::string, float> scalars;
  for (const auto& event : events) {
    for (const auto& value : event.summary().value()) scalars[value.tag()] = value.simple_value();
  }
  EXPECT_EQ(events[2].step(), 2);
  EXPECT_DOUBLE_EQ(events[2].wall_time(), 1'000'000.25);
  EXPECT_FLOAT_EQ(scalars["round/trust"], 0.75f);
  EXPECT_FLOAT_EQ(scalars["round/rounds_per_second"], 4);
  EXPECT_FLOAT_EQ(scalars["evaluation/accuracy"], 0.875f);
}

}  // namespace
}  // namespace signvote
