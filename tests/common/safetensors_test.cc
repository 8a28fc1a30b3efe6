#include "common/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "common/files.h"
#include "common/status.h"
#include "tests/common/scratch.h"

namespace signvote {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A file of this header and so many bytes of data, 1.0f repeated.
std::string File(const std::string& header, size_t data_bytes) {
  const uint64_t length = header.size();
  std::string file(reinterpret_cast<const char*>(&length), sizeof(length));
  file += header;
  const float one = 1;
  for (size_t i = 0; i < data_bytes; ++i) file += reinterpret_cast<const char*>(&one)[i % sizeof(one)];
  return file;
}

absl::Status Parse(const std::string& file) { return ParseSafetensors(file).status(); }

std::string Refusal(const std::string& header, size_t data_bytes) {
  const absl::Status status = Parse(File(header, data_bytes));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << header;
  return Message(status);
}

TEST(Safetensors, WhatIsWrittenIsReadBack) {
  Scratch scratch;
  const std::vector<TensorShape> tensors = {{"b", {2, 3}}, {"a", {}}, {"empty", {0, 7}}};
  const std::vector<float> values = {1, 2, 3, 4, 5, 6, -0.0f};
  const std::map<std::string, std::string> metadata = {{"format", "pt"}, {"made by", "täst"}};
  ASSERT_TRUE(WriteSafetensors(scratch / "x", tensors, values, metadata).ok());
  const absl::StatusOr<Tensors> read = ReadSafetensors(scratch / "x");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->tensors, tensors);
  EXPECT_EQ(read->values, values);
  EXPECT_EQ(read->metadata, metadata);
}

TEST(Safetensors, TheHeaderIsAsTheFormatSays) {
  const std::string header = SafetensorsHeader(std::vector<TensorShape>{{"w", {2, 2}}, {"b", {2}}}, {{"k", "v"}});
  uint64_t length = 0;
  std::memcpy(&length, header.data(), 8);
  EXPECT_EQ(length, header.size() - 8);
  EXPECT_EQ(header.size() % 8, 0u);
  EXPECT_EQ(header[8], '{');
  EXPECT_EQ(nlohmann::json::parse(header.substr(8)), nlohmann::json::parse(R"({"__metadata__": {"k": "v"},
    "w": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]},
    "b": {"dtype": "F32", "shape": [2], "data_offsets": [16, 24]}})"));
}

TEST(Safetensors, OrderOfOffsetsIsTheOrderOfCoordinates) {
  const auto read = ParseSafetensors(File(R"({"late": {"dtype": "F32", "shape": [1], "data_offsets": [8, 12]},
    "early": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}})",
                                          12));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_THAT(read->tensors, ElementsAre(TensorShape{"early", {2}}, TensorShape{"late", {1}}));
  EXPECT_THAT(read->values, ElementsAre(1, 1, 1));
}

TEST(Safetensors, EveryTruncationIsRefused) {
  const std::string file = File(R"({"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}})", 16);
  ASSERT_TRUE(Parse(file).ok());
  for (size_t size = 0; size < file.size(); ++size)
    EXPECT_EQ(Parse(file.substr(0, size)).code(), absl::StatusCode::kInvalidArgument) << size << " bytes";
}

TEST(Safetensors, BytesLeftOverAreRefused) {
  EXPECT_THAT(Refusal(R"({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}})", 5),
              HasSubstr("take 4 bytes, the data has 5"));
}

TEST(Safetensors, AHeaderLongerThanTheFileIsRefused) {
  std::string file = File("{}", 0);
  std::memset(file.data(), 0xff, 8);
  EXPECT_THAT(Message(Parse(file)), HasSubstr("18446744073709551615 bytes is announced"));
}

TEST(Safetensors, AHeaderThatIsNotAJsonObjectIsRefused) {
  Refusal("", 0);
  Refusal("{", 0);
  Refusal("[]", 0);
  Refusal("12", 0);
  Refusal("{} x", 0);
  Refusal("{\"\xff\": 1}", 0);
  Refusal(R"({"w": 1})", 0);
}

TEST(Safetensors, ADeeplyNestedHeaderIsRefused) {
  EXPECT_THAT(Refusal("{\"w\": " + std::string(100000, '['), 0), HasSubstr("nested too deeply"));
}

TEST(Safetensors, ANameThatAppearsTwiceIsRefused) {
  EXPECT_THAT(Refusal(R"({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
    "w": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}})",
                      8),
              HasSubstr("\"w\" appears twice"));
}

TEST(Safetensors, OtherTypesThanF32AreRefusedByName) {
  EXPECT_THAT(Refusal(R"({"w": {"dtype": "F16", "shape": [2], "data_offsets": [0, 4]}})", 4),
              HasSubstr("tensor w: dtype is F16: expected F32"));
}

TEST(Safetensors, GapsAndOverlapsAreRefused) {
  EXPECT_THAT(Refusal(R"({"w": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}})", 8), HasSubstr("expected 0"));
  EXPECT_THAT(Refusal(R"({"v": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
    "w": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}})",
                      12),
              HasSubstr("expected 8"));
}

TEST(Safetensors, ShapesThatLieAboutTheirSizeAreRefused) {
  const char* const lies[] = {
      R"({"w": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}})",
      R"({"w": {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]}})",
      R"({"w": {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}})",
      R"({"w": {"dtype": "F32", "shape": [2.0], "data_offsets": [0, 8]}})",
      R"({"w": {"dtype": "F32", "shape": "2", "data_offsets": [0, 8]}})",
      R"({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8, 8]}})",
      R"({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 99999999999999999999999]}})",
      R"({"w": {"dtype": "F32", "shape": [2]}})",
      R"({"w": {"shape": [2], "data_offsets": [0, 8]}})",
  };
  for (const char* lie : lies) Refusal(lie, 8);
}

TEST(Safetensors, AShapeWhoseProductOverflowsIsRefused) {
  EXPECT_THAT(Refusal(R"({"w": {"dtype": "F32", "shape": [4294967296, 4294967296, 2], "data_offsets": [0, 0]}})", 0),
              HasSubstr("2^64"));
  Refusal(R"({"w": {"dtype": "F32", "shape": [4611686018427387904], "data_offsets": [0, 0]}})", 0);
}

TEST(Safetensors, AHugeTensorWithoutDataIsRefusedBeforeAllocation) {
  Refusal(R"({"w": {"dtype": "F32", "shape": [1099511627776], "data_offsets": [0, 4398046511104]}})", 16);
}

TEST(Safetensors, MetadataHoldsStringsOnly) { Refusal(R"({"__metadata__": {"a": 1}})", 0); }

TEST(Safetensors, ErrorsNameTheFile) {
  Scratch scratch;
  ASSERT_TRUE(WriteFileAtomically(scratch / "bad", "short").ok());
  EXPECT_THAT(Message(ReadSafetensors(scratch / "bad").status()), HasSubstr(scratch / "bad: "));
  EXPECT_EQ(ReadSafetensors(scratch / "none").status().code(), absl::StatusCode::kNotFound);
}

TEST(Safetensors, WritingOtherValuesThanTheShapesHoldIsRefused) {
  Scratch scratch;
  EXPECT_FALSE(WriteSafetensors(scratch / "x", std::vector<TensorShape>{{"w", {2}}}, std::vector<float>{1}, {}).ok());
  EXPECT_EQ(scratch.Files(), 0u);
}

}  // namespace
}  // namespace signvote
