#include "client/trainer.h"

#include <gmock/gmock.h>

#include <bit>

#include "client/model/builtin.h"
#include "client/model/threads.h"
#include "common/status.h"
#include "tests/client/captured_log.h"
#include "tests/client/data_source.h"

namespace signvote {
namespace {

class TrainerTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { StartTorch(1); }

  void Make(uint32_t batch, const Augmentation& augmentation = {}) {
    ClientOptions options;
    options.data.augmentation = augmentation;
    options.module.micro_batch = 8;
    options.data.source = *ParseSource("{format: digits}");
    options.data.partition.kind = "all";
    options.session.batch = batch;
    auto trainer = Trainer::Make(options);
    ASSERT_TRUE(trainer.ok()) << trainer.status();
    trainer_ = *std::move(trainer);
    const auto bundle = MakeBuiltin("mlp", 1);
    ASSERT_TRUE(bundle.ok()) << bundle.status();
    tensors_ = bundle->parameters.tensors;
    start_ = bundle->parameters.values;
    parameters_ = start_;
    ASSERT_TRUE(trainer_->LoadModel(bundle->module, tensors_, parameters_).ok());
  }

  // The undithered signs of round 1's gradient.
  SignVector Signs(const Trainer::LocalWork& work) {
    const absl::Status status = trainer_->ComputeGradient(7, 1, work);
    EXPECT_TRUE(status.ok()) << status;
    const auto packer = trainer_->MakePacker({.client_id = 7, .round = 1});
    EXPECT_TRUE(packer.ok()) << packer.status();
    SignVector signs;
    packer->Pack(0, parameters_.size(), &signs);
    return signs;
  }

  static double Agreement(const SignVector& a, const SignVector& b) {
    uint64_t same = 0;
    for (size_t w = 0; w < a.signs.size(); ++w) same += std::popcount(~(a.signs[w] ^ b.signs[w]));
    return static_cast<double>(same) / static_cast<double>(64 * a.signs.size());
  }

  std::unique_ptr<Trainer> trainer_;
  std::vector<TensorShape> tensors_;
  std::vector<float> start_, parameters_;
};

TEST_F(TrainerTest, LocalStepsThatStandStillAreOneLargeMinibatch) {
  Make(8);
  const SignVector standing = Signs({.steps = 4, .step_size = 0});
  Make(32);
  EXPECT_GT(Agreement(standing, Signs({})), 0.9999) << "but for rounding where the sum is all but 0";
}

TEST_F(TrainerTest, EverySampleOfEveryLocalStepIsCutByADrawOfItsOwn) {
  const Augmentation augmentation{.crop = 8, .flip = true};
  Make(8, augmentation);
  const SignVector standing = Signs({.steps = 4, .step_size = 0});
  Make(32, augmentation);
  EXPECT_GT(Agreement(standing, Signs({})), 0.9999) << "as of one large minibatch, whose samples all differ";
}

TEST_F(TrainerTest, LocalStepsMoveAndThenGoBack) {
  Make(8);
  const SignVector standing = Signs({.steps = 4, .step_size = 0});
  const SignVector moving = Signs({.steps = 4, .step_size = 0.5f});
  EXPECT_LT(Agreement(standing, moving), 0.99);
  EXPECT_EQ(parameters_, start_);
  EXPECT_EQ(moving, Signs({.steps = 4, .step_size = 0.5f})) << "a restarted client votes the same";
}

TEST_F(TrainerTest, ABatchLargerThanTheShareIsTold) {
  const auto said = [this](uint32_t batch) {
    const CapturedLog log;
    Make(batch);
    return log.Text();
  };
  Make(1);
  const auto share = static_cast<uint32_t>(trainer_->dataset().size());
  EXPECT_THAT(said(share + 1), testing::HasSubstr(fmt::format("info: draws {} samples a round of {}, with repetition",
                                                              share + 1, share)));
  EXPECT_THAT(said(share), testing::Not(testing::HasSubstr("draws")));
}

TEST_F(TrainerTest, AModelThatDoesNotFitTheDataIsAnError) {
  Make(8);
  const ModelBundle other = *MakeBuiltin("cifar_cnn", 0);
  parameters_ = other.parameters.values;
  ASSERT_TRUE(trainer_->LoadModel(other.module, other.parameters.tensors, parameters_).ok());
  const absl::Status status = trainer_->ComputeGradient(7, 1, {});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(status), testing::HasSubstr("the data do not fit the model"));
}

}  // namespace
}  // namespace signvote
