#include "common/bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "common/files.h"
#include "common/status.h"
#include "tests/common/scratch.h"

namespace signvote {
namespace {

using ::testing::HasSubstr;

ModelBundle Example() {
  ModelBundle bundle;
  bundle.module = std::string("PK\0torch", 8);
  bundle.parameters = {.tensors = {{"w", {2}}, {"b", {1}}}, .values = {1, 2, 3}, .metadata = {{"a", "b"}}};
  return bundle;
}

TEST(Bundle, WhatIsWrittenIsReadBack) {
  Scratch scratch;
  const ModelBundle bundle = Example();
  ASSERT_TRUE(WriteBundle(scratch / "new/model", bundle).ok());
  const absl::StatusOr<ModelBundle> read = ReadBundle(scratch / "new/model");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->module, bundle.module);
  EXPECT_EQ(read->module_sha256, Sha256(bundle.module));
  EXPECT_EQ(read->parameters.tensors, bundle.parameters.tensors);
  EXPECT_EQ(read->parameters.values, bundle.parameters.values);
  EXPECT_EQ(read->parameters.metadata, bundle.parameters.metadata);
}

TEST(Bundle, ItsShapesAreKnownByTheHeaderAlone) {
  Scratch scratch;
  ASSERT_TRUE(WriteBundle(scratch.path(), Example()).ok());
  EXPECT_EQ(*ReadBundleShapes(scratch.path()), Example().parameters.tensors);
  const std::string parameters = scratch / "params.safetensors";
  std::filesystem::resize_file(parameters, std::filesystem::file_size(parameters) - 4);
  EXPECT_EQ(ReadBundleShapes(scratch.path()).status().code(), absl::StatusCode::kDataLoss);
  std::filesystem::resize_file(parameters, 20);
  EXPECT_EQ(ReadBundleShapes(scratch.path()).status().code(), absl::StatusCode::kDataLoss);
  std::filesystem::remove(parameters);
  EXPECT_EQ(ReadBundleShapes(scratch.path()).status().code(), absl::StatusCode::kNotFound);
}

TEST(Bundle, AMissingFileIsNotFoundAndNamed) {
  Scratch scratch;
  const absl::Status status = ReadBundle(scratch.path()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(status), HasSubstr(scratch / "model.pt"));
}

TEST(Bundle, AParameterThatIsNotFiniteIsRefusedWithTensorAndIndex) {
  Scratch scratch;
  ModelBundle bundle = Example();
  bundle.parameters.values = {1, NAN, 3};
  ASSERT_TRUE(WriteBundle(scratch.path(), bundle).ok());
  const absl::Status status = ReadBundle(scratch.path()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(Message(status), HasSubstr("params.safetensors: tensor w is nan at index 1"));
}

TEST(Bundle, ABundleWithoutParametersIsRefused) {
  Scratch scratch;
  ModelBundle bundle = Example();
  bundle.parameters = {};
  ASSERT_TRUE(WriteBundle(scratch.path(), bundle).ok());
  EXPECT_THAT(Message(ReadBundle(scratch.path()).status()), HasSubstr("no parameters"));
}

}  // namespace
}  // namespace signvote
