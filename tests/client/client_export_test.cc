// Running statistics, and what an observer exports, of a module with batch normalisation.
#include <gmock/gmock.h>
#include <torch/script.h>

#include <cmath>
#include <numeric>

#include "client/data/npy_file.h"
#include "client/model/export.h"
#include "client/model/gradient.h"
#include "client/model/running_statistics.h"
#include "client/model/threads.h"
#include "common/files.h"
#include "common/random.h"
#include "common/status.h"
#include "tests/client/temporary_directory.h"

namespace signvote {
namespace {

using testing::ElementsAre;

constexpr char kSource[] = R"(
def forward(self, x):
    x = torch.batch_norm(x, None, None, self.running_mean, self.running_var, self.training, 0.3, 1e-5, False)
    return torch.linear(x, self.weight)
)";

class BatchNorm : public testing::Test {
 protected:
  BatchNorm() {
    StartTorch(1);
    torch::jit::Module user("user");
    user.register_attribute("training", c10::BoolType::get(), true);
    user.register_parameter("weight", torch::zeros({1, 2}), false);
    user.register_buffer("running_mean", torch::zeros({2}));
    user.register_buffer("running_var", torch::ones({2}));
    user.define(kSource);
    std::ostringstream bytes;
    user.save(bytes);
    auto loaded = Module::Load(bytes.str(), tensors_, parameters_, {"cpu", 250, "mse"});
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    module_ = *std::move(loaded);

    Random random(7);
    std::vector<float> inputs;
    for (int i = 0; i < 1000; ++i) {
      inputs.push_back(static_cast<float>(5 + 2 * random.Normal()));
      inputs.push_back(static_cast<float>(-1 + 0.5 * random.Normal()));
    }
    dataset_.inputs = {{2}, inputs};
    dataset_.targets = {{}, std::vector<float>(1000)};
  }
  std::vector<float> Export() {
    const absl::Status status = ExportModel(*module_, directory_ / "out", {{"round", "3"}});
    EXPECT_TRUE(status.ok()) << status;
    const auto read = ReadSafetensors(directory_ / "out/params.safetensors");
    EXPECT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->metadata.at("round"), "3");
    return read->values;
  }

  std::vector<TensorShape> tensors_ = {{"weight", {1, 2}}};
  std::vector<float> parameters_ = {3, -4};
  std::unique_ptr<Module> module_;
  Dataset dataset_;
  TemporaryDirectory directory_;
};

TEST_F(BatchNorm, StatisticsAreThoseOfTheData) {
  EXPECT_TRUE(HasRunningStatistics(*module_));
  const absl::Status status = Recalibrate(*module_, dataset_, 4000);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_THAT(Export(), ElementsAre(3, -4, testing::FloatNear(5, 0.15f), testing::FloatNear(-1, 0.04f),
                                    testing::FloatNear(4, 0.4f), testing::FloatNear(0.25f, 0.03f)));
}

TEST_F(BatchNorm, StatisticsAreOfAsManySamplesAsWereAskedFor) {
  constexpr uint32_t kSamples = 499;  // a pass takes 250
  std::vector<uint32_t> all(1000);
  std::iota(all.begin(), all.end(), 0);
  double sum = 0;
  for (const uint32_t sample : Minibatch({}, all, kSamples)) sum += dataset_.inputs.Sample<float>(sample)[0];
  ASSERT_TRUE(Recalibrate(*module_, dataset_, kSamples).ok());
  EXPECT_NEAR(Export()[2], sum / kSamples, 1e-4);
}

TEST_F(BatchNorm, LargeStatisticsAreAsExact) {
  Random random(8);
  std::vector<float> inputs;
  double sum = 0, squares = 0;
  for (int i = 0; i < 1000; ++i) {
    inputs.push_back(static_cast<float>(3e5 + 1e5 * random.Normal()));
    inputs.push_back(0);
    sum += inputs[inputs.size() - 2];
    squares += (inputs[inputs.size() - 2] - 3e5) * (inputs[inputs.size() - 2] - 3e5);
  }
  dataset_.inputs.values = inputs;
  ASSERT_TRUE(Recalibrate(*module_, dataset_, 4000).ok());
  const std::vector<float> values = Export();
  EXPECT_NEAR(values[2], sum / 1000, 0.02 * 3e5);
  EXPECT_EQ(values[3], 0);
  EXPECT_NEAR(values[4], squares / 1000, 0.1 * 1e10);
  EXPECT_EQ(values[5], 0);
}

TEST_F(BatchNorm, StatisticsDoNotDependOnWhatTheyWereBefore) {
  ASSERT_TRUE(Recalibrate(*module_, dataset_, 1000).ok());
  const std::vector<float> first = Export();
  std::vector<float> gradient(2);
  Batch batch;
  MakeBatch(dataset_, std::vector<uint32_t>{1, 2, 3}, &batch);
  ASSERT_TRUE(MeanGradient(*module_, batch, 0, gradient).ok());
  EXPECT_NE(Export(), first) << "a voter's training moves its own";
  ASSERT_TRUE(Recalibrate(*module_, dataset_, 1000).ok());
  const std::vector<float> again = Export();
  for (size_t i = 0; i < first.size(); ++i) EXPECT_NEAR(again[i], first[i], 1e-5) << i;
}

TEST_F(BatchNorm, TheExportedModelGivesTheExportedPredictions) {
  ASSERT_TRUE(Recalibrate(*module_, dataset_, 1000).ok());
  const std::vector<float> values = Export();
  const std::string file = directory_ / "out/predictions.npy";
  ASSERT_TRUE(ExportPredictions(*module_, dataset_, file, [] { return false; }).ok());
  const auto bytes = ReadFile(file);
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  const auto predictions = ParseNpy(file, *bytes);
  ASSERT_TRUE(predictions.ok()) << predictions.status();
  EXPECT_THAT(predictions->shape, ElementsAre(1000, 1));
  torch::jit::Module exported = torch::jit::load(directory_ / "out/model.pt");
  for (size_t i : {size_t{0}, size_t{999}}) {
    const auto x = dataset_.inputs.Sample<float>(i);
    const double by_hand = values[0] * (x[0] - values[2]) / std::sqrt(values[4] + 1e-5) +
                           values[1] * (x[1] - values[3]) / std::sqrt(values[5] + 1e-5);
    const float found = std::get<std::vector<float>>(predictions->values)[i];
    EXPECT_NEAR(found, by_hand, 1e-4);
    const auto input = torch::tensor({{x[0], x[1]}});
    EXPECT_NEAR(exported.forward({input}).toTensor().item<float>(), found, 1e-5);
  }
}

// As nn.LSTM and nn.GRU do.
TEST(ExportModel, AParameterThatIsInAListTooIsTheSameThere) {
  StartTorch(1);
  torch::jit::Module user("user");
  const torch::Tensor first = torch::zeros({2, 2}), second = torch::zeros({2, 2});
  user.register_parameter("first", first, false);
  user.register_parameter("second", second, false);
  user.register_attribute("both", c10::ListType::ofTensors(), c10::List<torch::Tensor>({first, second}));
  user.define("def forward(self, x):\n    return torch.linear(torch.linear(x, self.both[0]), self.both[1])\n");
  std::ostringstream bytes;
  user.save(bytes);
  std::vector<float> values = {1, 2, 3, 4, 5, 6, 7, 8};
  const std::vector<TensorShape> tensors = {{"first", {2, 2}}, {"second", {2, 2}}};
  const auto module = Module::Load(bytes.str(), tensors, values, {"cpu", 250, "mse"});
  ASSERT_TRUE(module.ok()) << module.status();
  const TemporaryDirectory directory;
  for (int export_again = 0; export_again < 2; ++export_again) {
    values[7] += 1;  // the module still reads these
    ASSERT_TRUE(ExportModel(**module, directory / "out", {}).ok());
    torch::jit::Module loaded = torch::jit::load(directory / "out/model.pt");
    const torch::Tensor outputs = loaded.forward({torch::tensor({{1.0f, 1.0f}})}).toTensor();
    EXPECT_EQ(outputs[0][0].item<float>(), 5 * 3 + 6 * 7);
    EXPECT_EQ(outputs[0][1].item<float>(), 7 * 3 + values[7] * 7);
  }
}

TEST(ExportModel, IsLoadedAgainWithEveryParameterItsOwn) {
  StartTorch(1);
  torch::jit::Module layer("layer"), user("user");
  layer.register_parameter("weight", torch::zeros({3, 2}), false);
  layer.register_parameter("bias", torch::zeros({3}), false);
  layer.define("def forward(self, x):\n    return torch.linear(x, self.weight, self.bias)\n");
  user.register_module("layer", layer);
  user.register_parameter("out", torch::zeros({1, 3}), false);
  user.define("def forward(self, x):\n    return torch.linear(torch.tanh(self.layer.forward(x)), self.out)\n");
  std::ostringstream bytes;
  user.save(bytes);
  std::vector<TensorShape> tensors;
  for (const auto& parameter : user.named_parameters()) {
    tensors.push_back({parameter.name, {parameter.value.sizes().begin(), parameter.value.sizes().end()}});
  }
  std::vector<float> values(12);
  for (size_t i = 0; i < values.size(); ++i) values[i] = 0.1f * static_cast<float>(i + 1);
  const auto module = Module::Load(bytes.str(), tensors, values, {"cpu", 250, "mse"});
  ASSERT_TRUE(module.ok()) << module.status();
  const TemporaryDirectory directory;
  ASSERT_TRUE(ExportModel(**module, directory / "out", {}).ok());

  torch::jit::Module loaded = torch::jit::load(directory / "out/model.pt");
  size_t next = 0;
  for (const auto& parameter : loaded.named_parameters()) {
    const torch::Tensor flat = parameter.value.flatten();
    for (int64_t i = 0; i < flat.numel(); ++i) EXPECT_EQ(flat[i].item<float>(), values[next++]) << parameter.name;
  }
  EXPECT_EQ(next, values.size());
  EXPECT_EQ(loaded.forward({torch::ones({1, 2})}).toTensor().numel(), 1);
}

}  // namespace
}  // namespace signvote
