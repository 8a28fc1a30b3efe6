#include "client/model/import.h"

#include <gmock/gmock.h>
#include <torch/script.h>

#include "client/model/builtin.h"
#include "client/model/gradient.h"
#include "common/status.h"
#include "tests/client/temporary_directory.h"

namespace signvote {
namespace {

using testing::HasSubstr;

class ImportTest : public testing::Test {
 protected:
  static torch::jit::Module Linear() {
    torch::jit::Module module("linear");
    module.register_parameter("weight", torch::arange(6, torch::kFloat32).view({3, 2}).t(), false);
    module.attr("weight").toTensor().set_requires_grad(true);
    module.define("def forward(self, x):\n    return torch.linear(x, self.weight)\n");
    return module;
  }
  absl::StatusOr<ModelBundle> Import(const torch::jit::Module& module) {
    const std::string path = directory_.path() + "/user.pt";
    module.save(path);
    return ImportTorchScript(path);
  }
  TemporaryDirectory directory_;
};

TEST_F(ImportTest, TakesParametersAsTheyAreInLogicalOrder) {
  const auto bundle = Import(Linear());
  ASSERT_TRUE(bundle.ok()) << bundle.status();
  EXPECT_EQ(bundle->parameters.tensors, (std::vector<TensorShape>{{"weight", {2, 3}}}));
  EXPECT_THAT(bundle->parameters.values, testing::ElementsAre(0, 2, 4, 1, 3, 5));
}

TEST_F(ImportTest, ABuiltinModelSavedAndImportedIsTheSame) {
  const auto builtin = MakeBuiltin("mnist_cnn", 5);
  ASSERT_TRUE(builtin.ok()) << builtin.status();
  const auto bundle = ImportTorchScript(directory_.Write("model.pt", builtin->module));
  ASSERT_TRUE(bundle.ok()) << bundle.status();
  EXPECT_EQ(bundle->parameters.tensors, builtin->parameters.tensors);
  EXPECT_EQ(bundle->parameters.values, builtin->parameters.values);
  EXPECT_EQ(bundle->module_sha256, builtin->module_sha256);
}

TEST_F(ImportTest, ABuiltinModelIsSavedWithOtherParameters) {
  const auto builtin = MakeBuiltin("mlp", 5);
  ASSERT_TRUE(builtin.ok()) << builtin.status();
  Tensors trained = builtin->parameters;
  for (size_t n = 0; n < trained.values.size(); ++n) trained.values[n] = static_cast<float>(n) * 0.5f;
  const auto module = WithParameters(builtin->module, &trained);
  ASSERT_TRUE(module.ok()) << module.status();
  const auto bundle = ImportTorchScript(directory_.Write("trained.pt", *module));
  ASSERT_TRUE(bundle.ok()) << bundle.status();
  EXPECT_EQ(bundle->parameters.tensors, trained.tensors);
  EXPECT_EQ(bundle->parameters.values, trained.values);
  EXPECT_LT(module->size(), builtin->module.size() * 11 / 10) << "each parameter is saved once";
}

TEST_F(ImportTest, AModuleIsSavedToBeUsedNotToBeTrained) {
  torch::jit::Module module = Linear();
  module.register_attribute("training", c10::BoolType::get(), true);
  auto bundle = Import(module);
  ASSERT_TRUE(bundle.ok()) << bundle.status();
  std::istringstream saved(*WithParameters(bundle->module, &bundle->parameters));
  EXPECT_FALSE(torch::jit::load(saved).is_training());
}

TEST_F(ImportTest, ParametersOfAnotherModelAreRefused) {
  const auto mlp = MakeBuiltin("mlp", 1), cnn = MakeBuiltin("mnist_cnn", 1);
  Tensors parameters = cnn->parameters;
  EXPECT_EQ(WithParameters(mlp->module, &parameters).status().code(), absl::StatusCode::kInvalidArgument);
}

// As in a language model whose head is its embedding.
TEST_F(ImportTest, TiedWeightsAreOneParameterAndTrainAsOne) {
  torch::jit::Module tied("tied");
  const torch::Tensor weight = torch::eye(3).set_requires_grad(true);
  tied.register_parameter("embedding", weight, false);
  tied.register_parameter("head", weight, false);
  tied.define("def forward(self, x):\n    return torch.linear(torch.embedding(self.embedding, x), self.head)\n");
  const auto bundle = Import(tied);
  ASSERT_TRUE(bundle.ok()) << bundle.status();
  EXPECT_EQ(bundle->parameters.tensors, (std::vector<TensorShape>{{"embedding", {3, 3}}}));

  std::vector<float> values = bundle->parameters.values;
  auto module = Module::Load(bundle->module, bundle->parameters.tensors, values, {"cpu", 8, "mse"});
  ASSERT_TRUE(module.ok()) << module.status();
  Batch batch{1, {{}, std::vector<int64_t>{0}}, {{3}, std::vector<float>{0, 0, 0}}};
  std::vector<float> gradient(values.size());
  // The mean over three outputs of (w_0 . w_i)^2.
  const auto loss = [&] { return *MeanGradient(**module, batch, 0, gradient); };
  EXPECT_NEAR(loss(), 1 / 3.0, 1e-6);
  EXPECT_NEAR(gradient[0], 4 / 3.0, 1e-6) << "2/3 as the embedding's and 2/3 as the head's";
  values[0] = 0.5f;
  EXPECT_NEAR(loss(), 0.0625 / 3, 1e-6) << "both have moved";

  Tensors trained = bundle->parameters;
  const auto saved = WithParameters(bundle->module, &trained);
  ASSERT_TRUE(saved.ok()) << saved.status();
  EXPECT_EQ(ImportTorchScript(directory_.Write("trained.pt", *saved))->parameters.tensors, trained.tensors);
}

TEST_F(ImportTest, BuffersAreNoParameters) {
  torch::jit::Module module = Linear();
  module.register_buffer("running_mean", torch::zeros({3}));
  const auto bundle = Import(module);
  ASSERT_TRUE(bundle.ok()) << bundle.status();
  EXPECT_EQ(bundle->parameters.tensors.size(), 1u);
}

TEST_F(ImportTest, FrozenAndHalfPrecisionParametersAreRefused) {
  torch::jit::Module frozen = Linear();
  frozen.register_parameter("bias", torch::zeros({2}), false);
  EXPECT_THAT(Message(Import(frozen).status()), HasSubstr("bias is frozen"));
  torch::jit::Module half = Linear();
  half.register_parameter("bias", torch::zeros({2}, torch::kHalf), false);
  EXPECT_THAT(Message(Import(half).status()), HasSubstr("bias is Half, expected float32"));
}

TEST_F(ImportTest, AFrozenModuleHasNothingToTrain) {
  torch::jit::Module module = Linear();
  module.eval();
  EXPECT_THAT(Message(Import(torch::jit::freeze(module)).status()), HasSubstr("saved after torch.jit.freeze"));
}

TEST_F(ImportTest, WhatNoClientCouldTrainIsRefused) {
  const auto problem = [&](const std::string& source) {
    torch::jit::Module module("user");
    module.register_parameter("weight", torch::zeros({2, 3}), false);
    module.attr("weight").toTensor().set_requires_grad(true);
    if (!source.empty()) module.define(source);
    return Message(Import(module).status());
  };
  EXPECT_THAT(problem(""), HasSubstr("user.pt: the module has neither a method forward"));
  EXPECT_THAT(
      problem("def forward(self, x, y):\n    return x + y\n"),
      HasSubstr("user.pt: the module's method forward takes (Tensor x, Tensor y), expected forward(self, inputs"));
  EXPECT_THAT(
      problem("def loss(self, x, y):\n    return torch.mean(x + y)\n"),
      HasSubstr("user.pt: the module's method loss takes (Tensor x, Tensor y), expected loss(self, batch: Tuple["));
  EXPECT_THAT(problem("def loss(self, batch):\n    return torch.mean(batch)\n"), HasSubstr("takes (Tensor batch)"));
  EXPECT_THAT(problem("def forward(self, x):\n    return x, x\n"),
              HasSubstr("forward gives a Tuple[Tensor, Tensor], expected one tensor"));
  EXPECT_EQ(problem("def forward(self, x):\n    return x\n"), "");
  EXPECT_EQ(problem("def loss(self, batch: Tuple[Tensor, Tensor]):\n    return torch.mean(batch[0])\n"), "");
}

TEST_F(ImportTest, WhatIsNotTorchScriptIsRefused) {
  EXPECT_THAT(Message(ImportTorchScript(directory_.Write("bad.pt", "hello")).status()),
              HasSubstr("bad.pt is not a TorchScript module"));
  EXPECT_EQ(ImportTorchScript(directory_.path() + "/none.pt").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace signvote
