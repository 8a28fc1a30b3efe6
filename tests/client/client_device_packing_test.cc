// Packing by LibTorch's operations, on the CPU, against the packing of sign_packing.h. With a GPU, there too.
#include <gmock/gmock.h>
#include <torch/script.h>

#include <cmath>

#include "client/model/device_packing.h"
#include "client/model/module_impl.h"
#include "client/model/threads.h"
#include "common/random.h"

namespace signvote {
namespace {

// Sizes that straddle words in every way, and one beyond the piece that is drawn in one go.
const std::vector<TensorShape> kTensors = {{"a", {5}}, {"b", {300, 7}}, {"c", {64}},
                                           {"d", {1}}, {"zero", {130}}, {"large", {(uint64_t{1} << 22) + 77}},
                                           {"f", {33}}};

struct Loaded {
  explicit Loaded(const std::string& device) {
    StartTorch(1);
    torch::jit::Module user("m");
    size_t total = 0;
    for (const TensorShape& tensor : kTensors) {
      const std::vector<int64_t> sizes(tensor.shape.begin(), tensor.shape.end());
      user.register_parameter(tensor.name, torch::zeros(sizes), false);
      total += tensor.Coordinates();
    }
    user.define("def forward(self, x):\n    return x\n");
    std::ostringstream bytes;
    user.save(bytes);
    parameters.resize(total);
    auto loaded = Module::Load(bytes.str(), kTensors, parameters, {device, 1, "mse"});
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    module = *std::move(loaded);
  }
  std::vector<float> parameters;
  std::unique_ptr<Module> module;
};

std::vector<float> RandomGradient(uint64_t seed) {
  Random random(Mix(seed));
  std::vector<float> gradient;
  for (const TensorShape& tensor : kTensors) {
    const double scale = tensor.name == "zero" ? 0 : std::exp(5 * random.Normal());
    for (uint64_t i = 0; i < tensor.Coordinates(); ++i) {
      gradient.push_back(random.Below(10) == 0 ? 0.0f : static_cast<float>(scale * (random.Unit() - 0.5)));
    }
  }
  return gradient;
}

class DevicePacking : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (GetParam() != std::string("cpu") && !at::globalContext().hasCUDA()) GTEST_SKIP() << "no " << GetParam();
    loaded_ = std::make_unique<Loaded>(GetParam());
  }
  absl::StatusOr<SignPacker> Pack(std::vector<float> gradient, const Dither& dither) {
    auto count = static_cast<int64_t>(gradient.size());
    loaded_->module->impl().flat_gradient.copy_(torch::from_blob(gradient.data(), {count}));
    return PackOnDevice(*loaded_->module, kTensors, dither);
  }
  std::unique_ptr<Loaded> loaded_;
};

TEST_P(DevicePacking, GivesTheBitsOfTheOtherPacking) {
  const std::vector<float> gradient = RandomGradient(1);
  for (const Dither& dither : {Dither{0, 5}, Dither{2, 5}, Dither{1.5f, ~uint64_t{0}, 3.0f}}) {
    const auto expected = SignPacker::Make(kTensors, gradient, dither);
    const auto packed = Pack(gradient, dither);
    ASSERT_TRUE(packed.ok()) << packed.status();
    EXPECT_FLOAT_EQ(packed->magnitude(), expected->magnitude());
    SignVector one, other;
    for (const uint64_t begin : {uint64_t{0}, uint64_t{640}, uint64_t{1} << 20}) {
      expected->Pack(begin, gradient.size() - begin, &one);
      packed->Pack(begin, gradient.size() - begin, &other);
      EXPECT_TRUE(one == other) << "dither " << dither.amount << " from " << begin;
    }
  }
}

TEST_P(DevicePacking, AValueThatIsNotFiniteNamesItsTensor) {
  std::vector<float> gradient = RandomGradient(2);
  gradient[5 + 17] = std::nanf("");
  const absl::Status status = Pack(gradient, {2, 1}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("tensor b is nan at coordinate 17"));
}

TEST_P(DevicePacking, AFailureOfLibTorchIsNoGradientThatIsNotFinite) {
  const std::vector<TensorShape> more_than_there_are = {{"a", {1 << 30}}};
  const absl::Status status = PackOnDevice(*loaded_->module, more_than_there_are, {2, 1}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("the signs cannot be packed: "));
}

INSTANTIATE_TEST_SUITE_P(Devices, DevicePacking, testing::Values("cpu", "cuda"));

TEST(Device, OneThatIsNotThereIsNamed) {
  std::vector<float> none;
  const absl::Status status = Module::Load("", {}, none, {"gpu", 1, ""}).status();
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("device is \"gpu\", expected cpu, or cuda"));
}

TEST(Device, IsCheckedBeforeThereIsAModel) {
  EXPECT_TRUE(CheckDevice("cpu").ok());
  EXPECT_EQ(CheckDevice("cuda").ok(), at::globalContext().hasCUDA());
  EXPECT_EQ(CheckDevice("cuda:0").ok(), at::globalContext().hasCUDA());
  const absl::Status status = CheckDevice("cuda:99");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("device is \"cuda:99\", expected cpu, or cuda"));
}

}  // namespace
}  // namespace signvote
