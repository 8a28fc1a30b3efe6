#include "client/model/builtin.h"

#include <cmath>
#include <map>
#include <sstream>

#include "client/model/module_impl.h"
#include "common/files.h"
#include "common/random.h"

namespace signvote {
namespace {

ModelPlan Mlp(int64_t hidden) {
  ModelPlan plan;
  plan.AddLinear("fc1", 784, hidden);
  plan.AddLinear("fc2", hidden, 10);
  plan.source = R"(
def forward(self, x):
    x = torch.relu(torch.linear(torch.flatten(x, 1), self.fc1_weight, self.fc1_bias))
    return torch.linear(x, self.fc2_weight, self.fc2_bias)
)";
  return plan;
}

ModelPlan MnistCnn() {
  ModelPlan plan;
  plan.AddConvolution("conv1", 1, 32, 5, true);
  plan.AddConvolution("conv2", 32, 64, 5, true);
  plan.AddLinear("fc1", 1024, 512);
  plan.AddLinear("fc2", 512, 10);
  plan.source = R"(
def forward(self, x):
    x = torch.max_pool2d(torch.relu(torch.conv2d(x, self.conv1_weight, self.conv1_bias)), [2, 2])
    x = torch.max_pool2d(torch.relu(torch.conv2d(x, self.conv2_weight, self.conv2_bias)), [2, 2])
    x = torch.relu(torch.linear(torch.flatten(x, 1), self.fc1_weight, self.fc1_bias))
    return torch.linear(x, self.fc2_weight, self.fc2_bias)
)";
  return plan;
}

ModelPlan CifarCnn() {
  ModelPlan plan;
  plan.AddConvolution("conv1", 3, 32, 3, true);
  plan.AddConvolution("conv2", 32, 64, 3, true);
  plan.AddConvolution("conv3", 64, 64, 3, true);
  plan.AddLinear("fc1", 1024, 128);
  plan.AddLinear("fc2", 128, 10);
  plan.source = R"(
def forward(self, x):
    x = torch.max_pool2d(torch.relu(torch.conv2d(x, self.conv1_weight, self.conv1_bias, [1, 1], [1, 1])), [2, 2])
    x = torch.max_pool2d(torch.relu(torch.conv2d(x, self.conv2_weight, self.conv2_bias, [1, 1], [1, 1])), [2, 2])
    x = torch.max_pool2d(torch.relu(torch.conv2d(x, self.conv3_weight, self.conv3_bias, [1, 1], [1, 1])), [2, 2])
    x = torch.relu(torch.linear(torch.flatten(x, 1), self.fc1_weight, self.fc1_bias))
    return torch.linear(x, self.fc2_weight, self.fc2_bias)
)";
  return plan;
}

using MakePlan = ModelPlan (*)();
const std::map<std::string, MakePlan>& Plans() {
  static const std::map<std::string, MakePlan> plans = {
      {"mlp", [] { return Mlp(128); }},        //
      {"mlp_wide", [] { return Mlp(2048); }},  //
      {"mnist_cnn", MnistCnn},                 //
      {"cifar_cnn", CifarCnn},                 //
      {"resnet20", [] { return ResNet(3); }},  //
      {"resnet56", [] { return ResNet(9); }},  //
  };
  return plans;
}

// Parameter `index` of the model.
torch::Tensor Start(const ModelPlan::Parameter& parameter, uint64_t seed, uint64_t index) {
  using Kind = ModelPlan::Parameter::Start;
  if (parameter.start == Kind::kOne) return torch::ones(parameter.shape);
  torch::Tensor tensor = torch::zeros(parameter.shape);
  if (parameter.start == Kind::kZero) return tensor;
  Random random(Key(seed, Purpose::kInit, index));
  const double bound = 1 / std::sqrt(static_cast<double>(parameter.fan_in));
  float* values = tensor.data_ptr<float>();
  for (int64_t i = 0; i < tensor.numel(); ++i) values[i] = static_cast<float>(bound * (2 * random.Unit() - 1));
  return tensor;
}

void AppendTo(Tensors* out, const std::string& name, const torch::Tensor& tensor) {
  out->tensors.push_back({name, {tensor.sizes().begin(), tensor.sizes().end()}});
  const float* values = tensor.data_ptr<float>();
  out->values.insert(out->values.end(), values, values + tensor.numel());
}

}  // namespace

void ModelPlan::AddLinear(const std::string& name, int64_t from, int64_t to) {
  parameters.push_back({name + "_weight", {to, from}, Parameter::Start::kUniform, from});
  parameters.push_back({name + "_bias", {to}, Parameter::Start::kUniform, from});
}

void ModelPlan::AddConvolution(const std::string& name, int64_t from, int64_t to, int64_t kernel, bool bias) {
  const int64_t fan_in = from * kernel * kernel;
  parameters.push_back({name + "_weight", {to, from, kernel, kernel}, Parameter::Start::kUniform, fan_in});
  if (bias) parameters.push_back({name + "_bias", {to}, Parameter::Start::kUniform, fan_in});
}

std::vector<std::string> BuiltinNames() {
  std::vector<std::string> names;
  for (const auto& [name, make] : Plans()) names.push_back(name);
  return names;
}

absl::StatusOr<ModelBundle> MakeBuiltin(const std::string& name, uint64_t seed) {
  const auto found = Plans().find(name);
  if (found == Plans().end()) {
    return InvalidArgument("there is no model \"{}\", expected one of: {}", name, fmt::join(BuiltinNames(), ", "));
  }
  return CatchTorch("the built-in model cannot be made", [&]() -> absl::StatusOr<ModelBundle> {
    const ModelPlan plan = found->second();
    torch::jit::Module module(name);
    ModelBundle bundle;
    for (size_t i = 0; i < plan.parameters.size(); ++i) {
      const torch::Tensor tensor = Start(plan.parameters[i], seed, i);
      AppendTo(&bundle.parameters, plan.parameters[i].name, tensor);
      module.register_parameter(plan.parameters[i].name, tensor.set_requires_grad(true), /*is_buffer=*/false);
    }
    module.define(plan.source);
    std::ostringstream stream;
    module.save(stream);
    bundle.module = stream.str();
    bundle.module_sha256 = Sha256(bundle.module);
    return bundle;
  });
}

}  // namespace signvote
