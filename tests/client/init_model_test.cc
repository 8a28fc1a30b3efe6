#include "client/init_model.h"

#include <gmock/gmock.h>

#include "common/status.h"
#include "tests/client/temporary_directory.h"

namespace signvote {
namespace {

TEST(InitModel, ADamagedFileIsNoMistakeOfTheCommandLine) {
  const TemporaryDirectory directory;
  InitModelOptions options{.torchscript = directory.Write("empty.pt", ""), .out = directory.path() + "/model"};
  const absl::Status damaged = InitModel(options);
  EXPECT_EQ(ExitCodeOf(damaged), kExitData);
  EXPECT_THAT(Message(damaged), testing::HasSubstr("empty.pt is not a TorchScript module"));
  options.torchscript = directory.path() + "/none.pt";
  EXPECT_EQ(ExitCodeOf(InitModel(options)), kExitData);
  options.model = "mlp";
  EXPECT_EQ(ExitCodeOf(InitModel(options)), kExitUsage) << "one of them";
}

}  // namespace
}  // namespace signvote
