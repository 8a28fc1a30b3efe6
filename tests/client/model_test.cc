#include <gmock/gmock.h>

#include <cmath>
#include <numeric>

#include "client/model/builtin.h"
#include "client/model/gradient.h"
#include "client/model/module.h"
#include "client/model/threads.h"
#include "common/files.h"
#include "common/random.h"
#include "common/status.h"
#include "tests/client/data_source.h"
#include "tests/client/temporary_directory.h"

namespace signvote {
namespace {

using testing::AllOf;
using testing::HasSubstr;

ModelBundle Builtin(const std::string& name, uint64_t seed = 0) {
  StartTorch(1);
  auto bundle = MakeBuiltin(name, seed);
  EXPECT_TRUE(bundle.ok()) << bundle.status();
  return *std::move(bundle);
}

using Shape = std::vector<uint64_t>;

Batch RandomBatch(const Shape& shape, size_t size) {
  Random random(Mix(size));
  Batch batch;
  std::vector<float> images(size * shape[0] * shape[1] * shape[2]);
  std::vector<int64_t> labels(size);
  for (float& value : images) value = static_cast<float>(random.Normal());
  for (int64_t& label : labels) label = static_cast<int64_t>(random.Below(10));
  batch.size = size;
  batch.inputs = {shape, std::move(images)};
  batch.targets = {{}, std::move(labels)};
  return batch;
}
const Shape kMnist{1, 28, 28};
const Shape kCifar{3, 32, 32};

struct Loaded {
  explicit Loaded(const ModelBundle& bundle, uint32_t micro_batch = 1000) : parameters(bundle.parameters.values) {
    auto loaded = Module::Load(bundle.module, bundle.parameters.tensors, parameters, {"cpu", micro_batch, ""});
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    module = *std::move(loaded);
    gradient.resize(parameters.size());
  }
  double Loss(const Batch& batch) {
    const auto loss = MeanGradient(*module, batch, 0, gradient);
    EXPECT_TRUE(loss.ok()) << loss.status();
    return *loss;
  }
  std::vector<float> parameters;
  std::unique_ptr<Module> module;
  std::vector<float> gradient;
};

TEST(Builtin, HaveTheirPublishedNumbersOfParameters) {
  EXPECT_EQ(Builtin("mnist_cnn").parameters.values.size(), 582026u);
  EXPECT_EQ(Builtin("mlp").parameters.values.size(), 784u * 128 + 128 + 1280 + 10);
  EXPECT_GT(Builtin("mlp_wide").parameters.values.size(), 1u << 20) << "the smallest that can be shared by two servers";
  EXPECT_EQ(Builtin("resnet20").parameters.values.size(), 269722u);
  EXPECT_EQ(Builtin("resnet56").parameters.values.size(), 853018u);
}

TEST(Builtin, AnUnknownOneListsThoseThatExist) {
  EXPECT_THAT(Message(MakeBuiltin("vgg", 0).status()), AllOf(HasSubstr("vgg"), HasSubstr("mnist_cnn, resnet20")));
}

TEST(Builtin, TheSeedDecidesTheParameters) {
  EXPECT_EQ(Builtin("mlp", 3).parameters.values, Builtin("mlp", 3).parameters.values);
  EXPECT_NE(Builtin("mlp", 3).parameters.values, Builtin("mlp", 4).parameters.values);
}

TEST(Builtin, ParametersAreUniformWithinOneOverTheRootOfTheFanIn) {
  const Tensors tensors = Builtin("mnist_cnn").parameters;
  size_t at = 0;
  for (const TensorShape& tensor : tensors.tensors) {
    const double fan_in = tensor.name.starts_with("conv1")   ? 25
                          : tensor.name.starts_with("conv2") ? 800
                          : tensor.name.starts_with("fc1")   ? 1024
                                                             : 512;
    double most = 0;
    double squares = 0;
    for (uint64_t i = 0; i < tensor.Coordinates(); ++i, ++at) {
      most = std::max(most, std::fabs(static_cast<double>(tensors.values[at])));
      squares += tensors.values[at] * tensors.values[at];
    }
    EXPECT_LE(most, 1 / std::sqrt(fan_in) + 1e-9) << tensor.name;
    if (tensor.Coordinates() < 500) continue;
    EXPECT_NEAR(squares / static_cast<double>(tensor.Coordinates()), 1 / fan_in / 3, 0.1 / fan_in) << tensor.name;
  }
}

TEST(Bundle, IsReadAsItWasWritten) {
  const ModelBundle bundle = Builtin("mlp");
  TemporaryDirectory directory;
  ASSERT_TRUE(WriteBundle(directory.path() + "/bundle", bundle).ok());
  const auto read = ReadBundle(directory.path() + "/bundle");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->module, bundle.module);
  EXPECT_EQ(read->module_sha256, Sha256(bundle.module));
  EXPECT_EQ(read->parameters.tensors, bundle.parameters.tensors);
  EXPECT_EQ(read->parameters.values, bundle.parameters.values);
}

class EachBuiltin : public testing::TestWithParam<std::pair<const char*, Shape>> {};

// A step against the gradient must lower the loss by about step * |gradient|^2.
TEST_P(EachBuiltin, DescendsAlongItsGradient) {
  Loaded loaded(Builtin(GetParam().first));
  const Batch batch = RandomBatch(GetParam().second, 8);
  const double before = loaded.Loss(batch);
  EXPECT_NEAR(before, std::log(10.0), 0.7);
  double squares = 0;
  for (const float g : loaded.gradient) squares += static_cast<double>(g) * g;
  const double step = 1e-3 / squares;
  for (size_t i = 0; i < loaded.parameters.size(); ++i) {
    loaded.parameters[i] -= static_cast<float>(step) * loaded.gradient[i];
  }
  EXPECT_NEAR(before - loaded.Loss(batch), 1e-3, 2e-4);
}
INSTANTIATE_TEST_SUITE_P(Models, EachBuiltin,
                         testing::Values(std::pair{"mlp", kMnist}, std::pair{"mnist_cnn", kMnist},
                                         std::pair{"cifar_cnn", kCifar}, std::pair{"resnet20", kCifar}));

TEST(Gradient, MicroBatchesGiveTheGradientOfTheWholeBatch) {
  const ModelBundle bundle = Builtin("mnist_cnn");
  const Batch batch = RandomBatch(kMnist, 50);
  Loaded whole(bundle);
  Loaded cut(bundle, 7);
  EXPECT_NEAR(whole.Loss(batch), cut.Loss(batch), 1e-6);
  for (size_t i = 0; i < whole.gradient.size(); ++i) ASSERT_NEAR(whole.gradient[i], cut.gradient[i], 1e-6) << i;
}

TEST(Gradient, IsTheSameEachTime) {
  Loaded loaded(Builtin("mnist_cnn"));
  const Batch batch = RandomBatch(kMnist, 4);
  loaded.Loss(batch);
  const std::vector<float> first = loaded.gradient;
  loaded.Loss(RandomBatch(kMnist, 9));
  loaded.Loss(batch);
  EXPECT_EQ(first, loaded.gradient);
}

TEST(Gradient, ImagesOfTheWrongShapeAreAnError) {
  Loaded loaded(Builtin("mnist_cnn"));
  const absl::Status status = MeanGradient(*loaded.module, RandomBatch(kCifar, 2), 0, loaded.gradient).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(status), AllOf(HasSubstr("gradient cannot be computed"), testing::Not(HasSubstr("\n"))));
}

TEST(Evaluate, CountsWhatTheModelGetsRight) {
  const auto digits = LoadData("{format: digits}", Split::kTest);
  ASSERT_TRUE(digits.ok());
  ModelBundle bundle = Builtin("mlp");
  std::fill(bundle.parameters.values.begin(), bundle.parameters.values.end(), 0.0f);
  bundle.parameters.values[bundle.parameters.values.size() - 7] = 1;  // the bias of class 3
  Loaded loaded(bundle, 300);
  const auto score = Evaluate(*loaded.module, *digits, {}, [] { return false; });
  ASSERT_TRUE(score.ok()) << score.status();
  EXPECT_DOUBLE_EQ(score->accuracy.value_or(-1), 0.1);
  EXPECT_EQ(score->samples, 2000u);
  EXPECT_NEAR(score->loss, std::log(9 + std::exp(1.0)) - 0.1, 1e-5);
}

TEST(Module, ParametersThatAreNotTheModulesAreNamed) {
  const ModelBundle bundle = Builtin("mlp");
  std::vector<float> values = bundle.parameters.values;
  const auto problem = [&](const std::vector<TensorShape>& tensors) {
    return Message(Module::Load(bundle.module, tensors, values, {}).status());
  };
  auto tensors = bundle.parameters.tensors;
  tensors[1].name = "other";
  EXPECT_THAT(problem(tensors), HasSubstr("no parameter other"));
  tensors = bundle.parameters.tensors;
  tensors[0].shape = {784, 128};
  EXPECT_THAT(problem(tensors), AllOf(HasSubstr("fc1_weight"), HasSubstr("(128, 784)"), HasSubstr("(784, 128)")));
  tensors = bundle.parameters.tensors;
  tensors.pop_back();
  EXPECT_THAT(problem(tensors), HasSubstr("no tensor fc2_bias"));
  EXPECT_THAT(Message(Module::Load("garbage", tensors, values, {}).status()), HasSubstr("cannot be loaded"));
}

// The whole way without a federation: signSGD with dither on drawn digits.
TEST(Digits, AreLearntToNinetyFivePercent) {
  const auto train = LoadData("{format: digits}");
  const auto test = LoadData("{format: digits}", Split::kTest);
  ASSERT_TRUE(train.ok() && test.ok());
  Loaded loaded(Builtin("mlp"));
  std::vector<uint32_t> all(train->size());
  std::iota(all.begin(), all.end(), 0);
  Batch batch;
  for (uint64_t round = 1; round <= 300; ++round) {
    MakeBatch(*train, Minibatch({0, 0, round}, all, 128), &batch);
    loaded.Loss(batch);
    for (size_t i = 0; i < loaded.parameters.size(); ++i) {
      loaded.parameters[i] -= 1e-3f * static_cast<float>((loaded.gradient[i] > 0) - (loaded.gradient[i] < 0));
    }
  }
  const auto score = Evaluate(*loaded.module, *test, {}, [] { return false; });
  ASSERT_TRUE(score.ok()) << score.status();
  EXPECT_GT(score->accuracy.value_or(0), 0.95);
}

}  // namespace
}  // namespace signvote
