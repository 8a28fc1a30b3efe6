#include <fmt/format.h>

#include "client/model/builtin.h"

namespace signvote {
namespace {

// Running statistics (None, None) are neither kept nor used: the same in training and evaluation.
constexpr char kHelpers[] = R"(
def norm(self, x, weight, bias):
    return torch.batch_norm(x, weight, bias, None, None, True, 0.1, 1e-5, False)

def conv(self, x, weight, stride: int):
    return torch.conv2d(x, weight, None, [stride, stride], [1, 1])

def shortcut(self, x, channels: int):
    half = (channels - x.size(1)) // 2
    return torch.constant_pad_nd(x[:, :, ::2, ::2], [0, 0, 0, 0, half, half])

def forward(self, x):
)";

class Writer {
 public:
  explicit Writer(ModelPlan* plan) : plan_(*plan) { plan_.source = kHelpers; }

  // A convolution of 3x3 and its normalisation; returns the expression of its result.
  std::string ConvNorm(const std::string& name, const std::string& input, int64_t from, int64_t to, int stride) {
    using Start = ModelPlan::Parameter::Start;
    plan_.AddConvolution(name, from, to, 3, false);
    plan_.parameters.push_back({name + "_norm_weight", {to}, Start::kOne});
    plan_.parameters.push_back({name + "_norm_bias", {to}, Start::kZero});
    return fmt::format("self.norm(self.conv({1}, self.{0}_weight, {2}), self.{0}_norm_weight, self.{0}_norm_bias)",
                       name, input, stride);
  }

  void Line(const std::string& code) { plan_.source += "    " + code + "\n"; }

  void Block(const std::string& name, int64_t from, int64_t to) {
    const int stride = from == to ? 1 : 2;
    Line("y = torch.relu(" + ConvNorm(name + "_conv1", "x", from, to, stride) + ")");
    Line("y = " + ConvNorm(name + "_conv2", "y", to, to, 1));
    Line(fmt::format("x = torch.relu(y + {})", from == to ? "x" : fmt::format("self.shortcut(x, {})", to)));
  }

 private:
  ModelPlan& plan_;
};

}  // namespace

ModelPlan ResNet(int n) {
  ModelPlan plan;
  Writer writer(&plan);
  writer.Line("x = torch.relu(" + writer.ConvNorm("conv", "x", 3, 16, 1) + ")");
  int64_t channels = 16;
  for (int stage = 1; stage <= 3; ++stage) {
    const int64_t width = int64_t{8} << stage;
    for (int block = 1; block <= n; ++block) {
      writer.Block(fmt::format("stage{}_block{}", stage, block), channels, width);
      channels = width;
    }
  }
  plan.AddLinear("fc", channels, 10);
  writer.Line("return torch.linear(torch.mean(x, [2, 3]), self.fc_weight, self.fc_bias)");
  return plan;
}

}  // namespace signvote
