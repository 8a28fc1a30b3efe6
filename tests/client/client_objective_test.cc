// Losses and metrics of modules by other authors, against values computed by hand.
#include <gmock/gmock.h>
#include <torch/script.h>

#include <cmath>
#include <numeric>

#include "client/model/gradient.h"
#include "client/model/module_impl.h"
#include "client/model/threads.h"
#include "common/status.h"

namespace signvote {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

// Two inputs and as many outputs as there are weights / 2; `source` adds methods.
class Objective : public testing::Test {
 protected:
  absl::Status Load(std::vector<int64_t> shape, std::vector<float> weights, const std::string& loss,
                    const std::string& source = "def forward(self, x):\n    return torch.linear(x, self.weight)\n",
                    uint32_t micro_batch = 2) {
    StartTorch(1);
    torch::jit::Module module("user");
    const torch::Tensor zeros = torch::zeros(shape);
    module.register_parameter("weight", zeros, false);
    module.attr("weight").toTensor().set_requires_grad(true);
    module.define(source);
    std::ostringstream bytes;
    module.save(bytes);
    parameters_ = std::move(weights);
    gradient_.resize(parameters_.size());
    tensors_ = {{"weight", {shape.begin(), shape.end()}}};
    ASSIGN_OR_RETURN(module_, Module::Load(bytes.str(), tensors_, parameters_, {"cpu", micro_batch, loss}));
    return absl::OkStatus();
  }

  // Three samples of two numbers.
  static Dataset Numbers(std::vector<float> targets, std::vector<uint64_t> shape = {}) {
    Dataset dataset;
    dataset.inputs.shape = {2};
    dataset.inputs.values = std::vector<float>{1, 0, 0, 1, 1, 1};
    dataset.targets.shape = std::move(shape);
    dataset.targets.values = std::move(targets);
    return dataset;
  }
  static Dataset Labels(std::vector<int32_t> targets) {
    Dataset dataset = Numbers({});
    dataset.targets.values = std::move(targets);
    dataset.classes = 3;
    return dataset;
  }

  absl::StatusOr<double> Gradient(const Dataset& dataset) {
    std::vector<uint32_t> all(dataset.size());
    std::iota(all.begin(), all.end(), 0);
    Batch batch;
    MakeBatch(dataset, all, &batch);
    return MeanGradient(*module_, batch, 0, gradient_);
  }
  absl::StatusOr<Score> Evaluated(const Dataset& dataset, const std::vector<std::string>& metrics = {}) {
    return Evaluate(*module_, dataset, metrics, [] { return false; });
  }
  std::string Problem(const Dataset& dataset) { return Message(Gradient(dataset).status()); }

  std::unique_ptr<Module> module_;
  std::vector<TensorShape> tensors_;
  std::vector<float> parameters_, gradient_;
};

TEST_F(Objective, MseOfARegression) {
  ASSERT_TRUE(Load({1, 2}, {2, -1}, "mse").ok());
  const Dataset dataset = Numbers({1, 1, 1});  // outputs 2, -1, 1: differences 1, -2, 0
  const auto loss = Gradient(dataset);
  ASSERT_TRUE(loss.ok()) << loss.status();
  EXPECT_NEAR(*loss, 5 / 3.0, 1e-6);
  EXPECT_NEAR(gradient_[0], 2 * 1 / 3.0, 1e-6);
  EXPECT_NEAR(gradient_[1], 2 * -2 / 3.0, 1e-6);
  const auto score = Evaluated(dataset);
  ASSERT_TRUE(score.ok()) << score.status();
  EXPECT_NEAR(score->loss, 5 / 3.0, 1e-6);
  EXPECT_THAT(score->metrics,
              ElementsAre(Pair("mse", testing::DoubleNear(5 / 3.0, 1e-6)), Pair("mae", testing::DoubleNear(1, 1e-6))));
  EXPECT_FALSE(score->accuracy.has_value());
  EXPECT_EQ(score->Text(), "loss 1.6667, mse 1.6667, mae 1.0000");
}

TEST_F(Objective, BceTakesLogits) {
  ASSERT_TRUE(Load({1, 2}, {2, -1}, "bce").ok());
  const auto score = Evaluated(Labels({1, 0, 0}));  // logits 2, -1, 1
  ASSERT_TRUE(score.ok()) << score.status();
  EXPECT_NEAR(score->loss, (std::log(1 + std::exp(-2)) + std::log(1 + std::exp(-1)) + std::log(1 + std::exp(1))) / 3,
              1e-6);
  EXPECT_NEAR(*score->accuracy, 2 / 3.0, 1e-9);
  EXPECT_THAT(Problem(Numbers({0.5, 2, 1})), AllOf(HasSubstr("loss bce"), HasSubstr("a target is 2")));
}

TEST_F(Objective, CrossEntropyOfClasses) {
  ASSERT_TRUE(Load({3, 2}, {1, 0, 0, 2, 0, 0}, "").ok());
  const auto score = Evaluated(Labels({0, 1, 0}), {"accuracy", "perplexity"});  // outputs (1 0 0) (0 2 0) (1 2 0)
  ASSERT_TRUE(score.ok()) << score.status();
  const double e = std::exp(1), e2 = std::exp(2);
  const double loss = (std::log(e + 2) - 1 + std::log(e2 + 2) - 2 + std::log(e + e2 + 1) - 1) / 3;
  EXPECT_NEAR(score->loss, loss, 1e-6);
  EXPECT_THAT(score->metrics, ElementsAre(Pair("accuracy", testing::DoubleNear(2 / 3.0, 1e-9)),
                                          Pair("perplexity", testing::DoubleNear(std::exp(loss), 1e-5))));
}

TEST_F(Objective, NextTokensAreOneClassAPlace) {
  ASSERT_TRUE(Load({3, 3}, {5, 0, 0, 0, 5, 0, 0, 0, 5}, "cross_entropy",
                   "def forward(self, x):\n    return torch.embedding(self.weight, x)\n")
                  .ok());
  Dataset dataset;  // the module says: the same token again
  dataset.next_token = true;
  dataset.inputs = {{4}, std::vector<int32_t>{0, 0, 1, 1, 2, 2, 2}, 3};
  const auto score = Evaluated(dataset);
  ASSERT_TRUE(score.ok()) << score.status();
  EXPECT_EQ(score->samples, 2u);  // 0 0 1 1 and 1 2 2 2: four of six repeat
  EXPECT_NEAR(*score->accuracy, 4 / 6.0, 1e-9);
  EXPECT_NEAR(score->loss, std::log(std::exp(5) + 2) - 5 * 4 / 6.0, 1e-5);
  EXPECT_EQ(score->metrics.back().first, "perplexity");
  EXPECT_NEAR(score->metrics.back().second, std::exp(score->loss), 1e-9);
  dataset.inputs.values = std::vector<int32_t>{0, 0, 1, 7};
  EXPECT_THAT(Problem(dataset), AllOf(HasSubstr("a target is 7"), HasSubstr("0 to 2")));
  dataset.inputs.values = std::vector<int32_t>{0, 9, 1, 1};
  EXPECT_THAT(Problem(dataset), AllOf(HasSubstr("(1, 3) Long with values 0 to 9: index out of range"),
                                      HasSubstr("less than the module's embedding has rows")));
}

constexpr char kOwnLoss[] = R"(
def forward(self, x):
    return torch.linear(x, self.weight)
def loss(self, batch: Tuple[Tensor, Tensor]):
    x, y = batch
    return torch.mean(torch.abs(torch.flatten(torch.linear(x, self.weight)) - y))
)";

TEST_F(Objective, APlaceWithTargetMinus100DoesNotCountUnderCrossEntropy) {
  Dataset dataset;  // of six places three count; the middle sample has none of them
  dataset.inputs = {{2}, std::vector<int32_t>{0, 1, 0, 2, 1, 1}};
  dataset.targets = {{2}, std::vector<int32_t>{0, 1, -100, -100, 2, -100}};
  const double all = std::exp(5) + 2, right = std::log(all) - 5, wrong = std::log(all);
  for (const uint32_t micro_batch : {1, 2, 3}) {
    ASSERT_TRUE(Load({3, 3}, {5, 0, 0, 0, 5, 0, 0, 0, 5}, "cross_entropy",
                     "def forward(self, x):\n    return torch.embedding(self.weight, x)\n", micro_batch)
                    .ok());
    const auto loss = Gradient(dataset);
    ASSERT_TRUE(loss.ok()) << loss.status();
    EXPECT_NEAR(*loss, (2 * right + wrong) / 3, 1e-5) << micro_batch;
    EXPECT_NEAR(gradient_[0], (std::exp(5) / all - 1) / 3, 1e-6);  // of token 0: right once
    EXPECT_NEAR(gradient_[5], (1 / all + 1 / all - 1) / 3, 1e-6);  // of token 1: right once, and once it should be 2
    EXPECT_EQ(gradient_[8], 0);
    const auto score = Evaluated(dataset);
    ASSERT_TRUE(score.ok()) << score.status();
    EXPECT_NEAR(score->loss, (2 * right + wrong) / 3, 1e-5);
    EXPECT_NEAR(*score->accuracy, 2 / 3.0, 1e-9);
  }
  dataset.targets.values = std::vector<int32_t>(6, -100);
  EXPECT_EQ(*Gradient(dataset), 0);
  EXPECT_EQ(gradient_, std::vector<float>(9));
  EXPECT_EQ(Evaluated(dataset)->loss, 0);
  dataset.targets.values = std::vector<int32_t>{0, 1, -100, -3, 2, 0};
  EXPECT_THAT(Problem(dataset), HasSubstr("a target is -3, expected 0 to 2"));
}

TEST_F(Objective, AModulesOwnLossIsCalledWhereThereIsOne) {
  ASSERT_TRUE(Load({1, 2}, {2, -1}, "", kOwnLoss).ok());
  const auto loss = Gradient(Numbers({1, 1, 0}));  // differences 1, -2, 1
  ASSERT_TRUE(loss.ok()) << loss.status();
  EXPECT_NEAR(*loss, 4 / 3.0, 1e-6);
  EXPECT_NEAR(gradient_[0], 2 / 3.0, 1e-6);
  const auto score = Evaluated(Numbers({1, 1, 0}), {"mse"});
  ASSERT_TRUE(score.ok()) << score.status();
  EXPECT_NEAR(score->loss, 4 / 3.0, 1e-6);
  EXPECT_NEAR(score->metrics[0].second, 2, 1e-6);
  EXPECT_TRUE(Evaluated(Numbers({1, 1, 0}))->metrics.empty());
}

TEST_F(Objective, AModulesOwnLossMayHaveTheInputsAsTargets) {
  ASSERT_TRUE(Load({2, 2}, {1, 0, 0, 0}, "module",
                   "def forward(self, x):\n    return torch.linear(x, self.weight)\n"
                   "def loss(self, batch: Tuple[Tensor, Tensor]):\n    x, y = batch\n"
                   "    return torch.mean(torch.pow(self.forward(x) - y, 2))\n")
                  .ok());
  Dataset dataset = Numbers({});
  dataset.targets_are_inputs = true;
  ASSERT_TRUE(ValidateDataset(dataset).ok());
  EXPECT_TRUE(CheckFit(*module_, dataset, {"mse"}).ok());
  EXPECT_NEAR(*Gradient(dataset), 2 / 6.0, 1e-6) << "the second of two numbers is lost, and is 1 in two samples";
  EXPECT_NEAR(Evaluated(dataset, {"mae"})->metrics[0].second, 2 / 6.0, 1e-6);
}

// As a contrastive loss does: each sample against the mean of all.
constexpr char kComparingLoss[] = R"(
def loss(self, batch: Tuple[Tensor, Tensor]):
    x, y = batch
    outputs = torch.flatten(torch.linear(x, self.weight))
    return torch.mean(torch.pow(outputs - torch.mean(outputs), 2))
)";

TEST_F(Objective, AModulesOwnLossSeesItsBatchWholeUnlessMicroBatchIsSet) {
  Dataset dataset = Numbers(std::vector<float>(300));
  std::vector<float> inputs(600);
  for (size_t i = 0; i < 300; ++i) inputs[2 * i] = i < 150 ? 1.0f : -1.0f;
  dataset.inputs.values = inputs;
  ASSERT_TRUE(Load({1, 2}, {3, 0}, "", kComparingLoss, 0).ok());
  EXPECT_NEAR(*Gradient(dataset), 9, 1e-5) << "outputs 3 and -3 around a mean of 0";
  ASSERT_TRUE(Load({1, 2}, {3, 0}, "", kComparingLoss, 150).ok());
  EXPECT_NEAR(*Gradient(dataset), 0, 1e-5) << "each half is all alike";
}

TEST_F(Objective, AModulesOwnLossHasNoMetricsUnlessAskedFor) {
  ASSERT_TRUE(Load({1, 2}, {2, -1}, "", kOwnLoss).ok());
  const auto score = Evaluated(Labels({2, 1, 0}));  // outputs 2, -1, 1: no classes
  ASSERT_TRUE(score.ok()) << score.status();
  EXPECT_NEAR(score->loss, 1, 1e-6);
  EXPECT_TRUE(score->metrics.empty());
}

TEST_F(Objective, AMetricOfAnotherLossIsRefused) {
  ASSERT_TRUE(Load({1, 2}, {2, -1}, "mse").ok());
  EXPECT_THAT(Message(Evaluated(Numbers({1, 1, 1}), {"perplexity"}).status()),
              HasSubstr("perplexity is not for loss mse"));
  EXPECT_THAT(Message(Evaluated(Numbers({1, 1, 1}), {"accuracy"}).status()), HasSubstr("accuracy is not for loss mse"));
  ASSERT_TRUE(Load({1, 2}, {2, -1}, "bce").ok());
  EXPECT_THAT(Message(Evaluated(Labels({1, 0, 0}), {"perplexity"}).status()), HasSubstr("not for loss bce"));
}

TEST_F(Objective, ABatchMadePieceByPieceGivesTheSameGradient) {
  ASSERT_TRUE(Load({1, 2}, {2, -1}, "mse").ok());
  const Dataset dataset = Numbers({1, 1, 1});
  const auto whole = Gradient(dataset);
  const std::vector<float> expected = gradient_;
  Batch piece;
  std::vector<size_t> sizes;
  const auto part = [&](size_t begin, size_t count) -> const Batch& {
    std::vector<uint32_t> samples(count);
    std::iota(samples.begin(), samples.end(), static_cast<uint32_t>(begin));
    MakeBatch(dataset, samples, &piece);
    sizes.push_back(count);
    return piece;
  };
  EXPECT_EQ(*MeanGradient(*module_, {dataset.size(), part}, 0, gradient_), *whole);
  EXPECT_EQ(gradient_, expected);
  EXPECT_THAT(sizes, ElementsAre(1, 2)) << "none above micro_batch";
}

TEST_F(Objective, AMissingMethodIsNamed) {
  EXPECT_THAT(Message(Load({1, 2}, {2, -1}, "module")),
              AllOf(HasSubstr("no method loss"), HasSubstr("@torch.jit.export")));
  EXPECT_THAT(Message(Load({1, 2}, {2, -1}, "mse", "def other(self, x):\n    return x\n")),
              HasSubstr("no method forward"));
}

TEST_F(Objective, AMethodOfAnotherSignatureIsNotSaidToBeMissing) {
  for (const char* loss : {"", "module"}) {
    EXPECT_THAT(Message(Load({1, 2}, {2, -1}, loss, "def loss(self, x, y):\n    return torch.mean(x - y)\n")),
                AllOf(HasSubstr("method loss takes (Tensor x, Tensor y), expected loss(self, batch: Tuple["),
                      testing::Not(HasSubstr("loss is"))));
  }
  EXPECT_THAT(Message(Load({1, 2}, {2, -1}, "mse", "def forward(self, x, mask):\n    return x * mask\n")),
              HasSubstr("method forward takes (Tensor x, Tensor mask), expected forward(self, inputs: Tensor)"));
  EXPECT_TRUE(Load({1, 2}, {2, -1}, "mse", "def forward(self, x, scale: float = 2.0):\n    return x * scale\n").ok());
}

TEST_F(Objective, OutputsCutOffFromTheParametersAreExplained) {
  ASSERT_TRUE(
      Load({1, 2}, {2, -1}, "mse", "def forward(self, x):\n    return torch.linear(x, self.weight).detach()\n").ok());
  EXPECT_THAT(Problem(Numbers({1, 1, 1})),
              AllOf(HasSubstr("does not depend on any parameter"), HasSubstr("torch.no_grad()")));
}

TEST_F(Objective, OneBadTargetOrTokenOfManyIsFoundAtOnce) {
  ASSERT_TRUE(Load({3, 2}, {1, 0, 0, 2, 0, 0}, "cross_entropy").ok());
  Dataset many = Labels(std::vector<int32_t>(1000, 1));
  many.source = "labels.npy";
  many.inputs.values = std::vector<float>(2000, 1.0f);
  EXPECT_TRUE(CheckFit(*module_, many, {}).ok());
  std::get<std::vector<int32_t>>(many.targets.values)[777] = 3;
  EXPECT_THAT(Message(CheckFit(*module_, many, {})),
              AllOf(HasSubstr("labels.npy: the data do not fit the model: sample 777 (from 0): "),
                    HasSubstr("a target is 3, expected 0 to 2; to predict numbers, set loss: mse")));
  std::vector<uint32_t> later(500);
  std::iota(later.begin(), later.end(), 500);
  EXPECT_THAT(Message(CheckFit(*module_, Subset(many, later), {})), HasSubstr("sample 777 (from 0)"))
      << "as in the file";

  ASSERT_TRUE(Load({3, 3}, {5, 0, 0, 0, 5, 0, 0, 0, 5}, "cross_entropy",
                   "def forward(self, x):\n    return torch.embedding(self.weight, x)\n")
                  .ok());
  Dataset tokens;
  tokens.source = "text.bin";
  tokens.next_token = true;
  tokens.inputs = {{4}, std::vector<int32_t>(1000, 2), 3};
  std::get<std::vector<int32_t>>(tokens.inputs.values).back() = 9;
  EXPECT_THAT(Message(CheckFit(*module_, tokens, {})),
              AllOf(HasSubstr("sample 332 (from 0)"), testing::EndsWith("a target is 9, expected 0 to 2")));
  std::get<std::vector<int32_t>>(tokens.inputs.values)[500] = 77;
  EXPECT_THAT(Message(CheckFit(*module_, tokens, {})), AllOf(HasSubstr("text.bin"), HasSubstr("sample 166 (from 0)"),
                                                             HasSubstr("values 2 to 77: index out of range")));
  std::get<std::vector<int32_t>>(tokens.inputs.values) = {0, 1, 2, 0, 9, 9};
  EXPECT_TRUE(CheckFit(*module_, tokens, {}).ok()) << "what belongs to no whole sample is not read";
}

TEST_F(Objective, WhereNoSampleFitsNoneIsNamed) {
  ASSERT_TRUE(Load({3, 2}, {1, 0, 0, 2, 0, 0}, "cross_entropy").ok());
  EXPECT_THAT(Message(CheckFit(*module_, Labels({30, 40, 50}), {})),
              AllOf(HasSubstr("a target is 50"), HasSubstr("set loss: mse"), testing::Not(HasSubstr("sample"))));
  EXPECT_THAT(Message(CheckFit(*module_, Numbers({0.5, 1, 2}), {})),
              HasSubstr("these are real numbers; to predict numbers, set loss: mse"));
}

TEST_F(Objective, FewerClassesThanOutputsAreAnErrorWhereTheClientNumbersThoseItFound) {
  ASSERT_TRUE(Load({3, 2}, {1, 0, 0, 2, 0, 0}, "cross_entropy").ok());
  Dataset dataset = Labels({0, 1, 0});
  dataset.source = "photos";
  dataset.classes = 2;
  EXPECT_TRUE(CheckFit(*module_, dataset, {}).ok()) << "the numbers are those of the file";
  dataset.class_numbers = ClassNumbers::kNamed;
  EXPECT_TRUE(CheckFit(*module_, dataset, {}).ok()) << "outputs are left over";
  dataset.class_numbers = ClassNumbers::kFound;
  const absl::Status status = CheckFit(*module_, dataset, {});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(status), AllOf(HasSubstr("photos: "), HasSubstr("2 classes were found"),
                                     HasSubstr("tell 3 apart"), HasSubstr("the same data.classes")));
  dataset.classes = 3;
  EXPECT_TRUE(CheckFit(*module_, dataset, {}).ok());

  ASSERT_TRUE(Load({1, 2}, {2, -1}, "bce").ok());
  dataset.classes = 2;
  EXPECT_TRUE(CheckFit(*module_, dataset, {}).ok());
  dataset.targets.values = std::vector<int32_t>{0, 0, 0};
  dataset.classes = 1;
  EXPECT_THAT(Message(CheckFit(*module_, dataset, {})), HasSubstr("1 classes were found"));
  ASSERT_TRUE(Load({1, 2}, {2, -1}, "", kOwnLoss).ok());
  EXPECT_TRUE(CheckFit(*module_, dataset, {}).ok()) << "what a module's own loss does is not known";
}

TEST_F(Objective, MoreNamesOfClassesThanOutputsAreAnError) {
  ASSERT_TRUE(Load({3, 2}, {1, 0, 0, 2, 0, 0}, "cross_entropy").ok());
  Dataset dataset = Labels({0, 1, 0});
  dataset.classes = 4;
  EXPECT_TRUE(CheckFit(*module_, dataset, {}).ok()) << "no such target is there";
  dataset.class_numbers = ClassNumbers::kNamed;
  EXPECT_THAT(Message(CheckFit(*module_, dataset, {})),
              AllOf(HasSubstr("data.classes names 4 classes"), HasSubstr("tell 3 apart")));
}

TEST_F(Objective, WhatAModuleTakesAndGivesIsExplained) {
  ASSERT_TRUE(Load({3, 2}, {1, 0, 0, 2, 0, 0}, "cross_entropy").ok());
  Dataset whole = Labels({0, 1, 2});
  whole.inputs.values = std::vector<int32_t>{1, 0, 0, 1, 1, 1};
  EXPECT_THAT(Problem(whole), AllOf(HasSubstr("Long with values"), HasSubstr("save measurements as float32")));
  ASSERT_TRUE(Load({3, 2}, {1, 0, 0, 2, 0, 0}, "cross_entropy",
                   "def forward(self, x):\n    return torch.linear(x, self.weight), x\n")
                  .ok());
  EXPECT_THAT(Problem(Labels({0, 1, 2})), AllOf(HasSubstr("gives a Tuple"), HasSubstr("expected one tensor")));
  ASSERT_TRUE(Load({3, 2}, {1, 0, 0, 2, 0, 0}, "cross_entropy",
                   "def forward(self, x):\n    assert x.size(0) > 1, 'Expected more than 1 value per channel'\n"
                   "    return torch.linear(x, self.weight)\n")
                  .ok());
  EXPECT_THAT(Problem(Labels({0, 1, 2})),
              AllOf(HasSubstr("batch normalisation needs two samples"), HasSubstr("raise batch or micro_batch")));
}

TEST_F(Objective, AClassAtEachPlaceOfAnImageIsInTheLastDimension) {
  Dataset images;
  images.inputs = {{1, 2, 2}, std::vector<float>(2 * 4, 1)};
  images.targets = {{2, 2}, std::vector<int32_t>{0, 1, 2, 0, 1, 1, 1, 1}};
  const std::string second = "def forward(self, x):\n    return torch.cat([x, x * self.weight[0, 0], -x], 1)";
  ASSERT_TRUE(Load({1, 1}, {2}, "cross_entropy", second + "\n").ok());
  EXPECT_THAT(Problem(images), HasSubstr("the last: here outputs.movedim(1, -1)"));
  ASSERT_TRUE(Load({1, 1}, {2}, "cross_entropy", second + ".movedim(1, -1)\n").ok());
  EXPECT_TRUE(CheckFit(*module_, images, {}).ok()) << CheckFit(*module_, images, {});
}

TEST_F(Objective, OneHotTargetsAreExplained) {
  ASSERT_TRUE(Load({3, 2}, {1, 0, 0, 2, 0, 0}, "cross_entropy").ok());
  Dataset dataset = Labels({0, 1, 2});
  dataset.classes = 0;
  dataset.targets = {{3}, std::vector<float>{1, 0, 0, 0, 1, 0, 0, 0, 1}};
  EXPECT_THAT(Problem(dataset), HasSubstr("loss: bce"));
}

TEST_F(Objective, ShapesThatDoNotFitAreNamed) {
  ASSERT_TRUE(Load({3, 2}, {1, 0, 0, 2, 0, 0}, "mse").ok());
  EXPECT_THAT(Problem(Numbers({1, 1, 1})),
              AllOf(HasSubstr("gradient cannot be computed"), HasSubstr("inputs (1, 2) Float"),
                    HasSubstr("outputs (1, 3) Float"), HasSubstr("targets are (1) Float")))
      << "never broadcast";
  ASSERT_TRUE(Load({3, 2}, {1, 0, 0, 2, 0, 0}, "cross_entropy").ok());
  EXPECT_THAT(Problem(Numbers({1, 1, 1})), HasSubstr("needs classes as targets"));
  EXPECT_THAT(Problem(Labels({0, 3, 1})),
              AllOf(HasSubstr("3 classes"), HasSubstr("a target is 3"), HasSubstr("0 to 2")));
  ASSERT_TRUE(Load({3, 2}, {1, 0, 0, 2, 0, 0}, "module",
                   "def forward(self, x):\n    return torch.linear(x, self.weight)\n"
                   "def loss(self, batch: Tuple[Tensor, Tensor]):\n    return torch.mean(self.forward(batch[0]))\n")
                  .ok());
  EXPECT_THAT(Message(Evaluated(Labels({0, 1, 1}), {"mae"}).status()), HasSubstr("mae: inputs"));
}

TEST(CauseOf, IsTheLineThatSaysWhy) {
  const auto cause = [](const char* words) { return CauseOf(std::runtime_error(words)); };
  EXPECT_EQ(cause("\nUnknown builtin op: aten::new_one.\nCould not find any similar ops.\n"),
            "Unknown builtin op: aten::new_one.");
  EXPECT_EQ(cause("Traceback of TorchScript:\nRuntimeError: sizes differ\nException raised from here"), "sizes differ");
  EXPECT_EQ(cause("\n"), "");
}

}  // namespace
}  // namespace signvote
