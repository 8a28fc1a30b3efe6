#include "client/export.h"

#include <gmock/gmock.h>
#include <torch/script.h>

#include "client/init_model.h"
#include "common/status.h"
#include "tests/client/temporary_directory.h"

namespace signvote {
namespace {

// What export says of a model with this buffer.
std::string Warning(const std::string& buffer) {
  const TemporaryDirectory directory;
  torch::jit::Module module("user");
  module.register_parameter("weight", torch::zeros({1, 2}).set_requires_grad(true), false);
  module.register_buffer(buffer, torch::zeros({2}));
  module.define("def forward(self, x):\n    return torch.linear(x, self.weight)\n");
  module.save(directory / "user.pt");
  EXPECT_EQ(InitModel({.torchscript = directory / "user.pt", .out = directory / "model"}), absl::OkStatus());
  testing::internal::CaptureStderr();
  EXPECT_EQ(Export({directory / "model", directory / "model/params.safetensors", directory / "trained.pt"}),
            absl::OkStatus());
  return testing::internal::GetCapturedStderr();
}

TEST(Export, RunningStatisticsAreNotTrainedAndItSaysSo) {
  EXPECT_THAT(Warning("running_mean"), testing::AllOf(testing::HasSubstr("trained.pt has batch normalisation"),
                                                      testing::HasSubstr("update_bn")));
  EXPECT_EQ(Warning("positions"), "");
}

}  // namespace
}  // namespace signvote
