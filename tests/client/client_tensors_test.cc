#include <gmock/gmock.h>
#include <torch/script.h>

#include "tests/client/data_source.h"
#include "tests/client/temporary_directory.h"

namespace signvote {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class TensorFiles : public testing::Test {
 protected:
  absl::StatusOr<Dataset> Load(const c10::IValue& value) {
    const std::vector<char> bytes = torch::jit::pickle_save(value);
    return LoadFile(directory_.Write("t.pt", {bytes.begin(), bytes.end()}));
  }
  absl::StatusOr<Dataset> LoadFile(const std::string& path) {
    return LoadData("{format: tensors, path: " + path + "}");
  }
  static c10::IValue Pair(const torch::Tensor& inputs, const torch::Tensor& targets) {
    return c10::ivalue::Tuple::create(inputs, targets);
  }
  TemporaryDirectory directory_;
};

TEST_F(TensorFiles, ReadsAPair) {
  const torch::Tensor inputs = torch::arange(6, torch::kFloat64).view({3, 2}).t().contiguous();
  const auto dataset = Load(Pair(inputs, torch::tensor({2, 0}, torch::kInt64)));
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_THAT(dataset->inputs.shape, ElementsAre(3));
  EXPECT_THAT(ValuesOf<float>(dataset->inputs), ElementsAre(0, 2, 4, 1, 3, 5));
  EXPECT_THAT(ValuesOf<int32_t>(dataset->targets), ElementsAre(2, 0));
  EXPECT_EQ(dataset->classes, 3u);
}

TEST_F(TensorFiles, ReadsADictionaryAndAModule) {
  c10::Dict<std::string, torch::Tensor> dictionary;
  dictionary.insert("inputs", torch::full({1, 2, 2}, 200, torch::kUInt8));
  dictionary.insert("targets", torch::tensor({0.5f}));
  const auto pickled = Load(dictionary);
  ASSERT_TRUE(pickled.ok()) << pickled.status();
  EXPECT_THAT(ValuesOf<uint8_t>(pickled->inputs), ElementsAre(200, 200, 200, 200));
  EXPECT_THAT(ValuesOf<float>(pickled->targets), ElementsAre(0.5f));

  torch::jit::Module module("data");
  module.register_buffer("inputs", torch::zeros({2, 1}));
  module.register_buffer("targets", torch::ones({2, 1}, torch::kInt32));
  module.save(directory_.path() + "/m.pt");
  const auto saved = LoadFile(directory_.path() + "/m.pt");
  ASSERT_TRUE(saved.ok()) << saved.status();
  EXPECT_EQ(saved->Class(1), 1);
}

TEST_F(TensorFiles, WhatIsSomethingElseIsNamed) {
  EXPECT_THAT(Message(Load(c10::IValue(torch::zeros({2}))).status()),
              AllOf(HasSubstr("t.pt"), HasSubstr("torch.save((inputs, targets))")));
  c10::Dict<std::string, torch::Tensor> misnamed;
  misnamed.insert("x", torch::zeros({1}));
  misnamed.insert("y", torch::zeros({1}));
  EXPECT_THAT(Message(Load(misnamed).status()), HasSubstr("it holds a dict of x, y"));
  EXPECT_EQ(LoadFile(directory_.Write("t.pt", "")).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(LoadFile(directory_.Write("t.pt", "hello")).status()),
              HasSubstr("torch.save((inputs, targets))"));
  EXPECT_THAT(Message(Load(Pair(torch::zeros({2, 1}), torch::zeros({3}))).status()),
              HasSubstr("2 samples of inputs but 3"));
  EXPECT_THAT(Message(Load(Pair(torch::zeros({}), torch::zeros({3}))).status()), HasSubstr("a single number"));
  EXPECT_THAT(Message(Load(Pair(torch::zeros({1, 2}, torch::kComplexFloat), torch::zeros({1}))).status()),
              HasSubstr("expected numbers"));
}

TEST_F(TensorFiles, TruthValuesAreZeroAndOne) {
  const torch::Tensor values = torch::tensor({0, 1, 1}).to(torch::kBool);
  const auto dataset = Load(Pair(values, values));
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_THAT(ValuesOf<float>(dataset->inputs), ElementsAre(0, 1, 1));
  EXPECT_THAT(ValuesOf<int32_t>(dataset->targets), ElementsAre(0, 1, 1));
}

// One number in the file, and far more than any memory holds when it is written out.
TEST_F(TensorFiles, AViewThatIsTooLargeIsAnError) {
  const torch::Tensor view = torch::zeros({1}).expand({10000000, 10000000});
  const absl::Status status = Load(Pair(view, torch::zeros({10000000}))).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(status), AllOf(HasSubstr("t.pt: inputs has 100000000000000 numbers"), HasSubstr("at most")));
}

}  // namespace
}  // namespace signvote
