// What only a whole process shows.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include "common/status.h"
#include "tests/client/temporary_directory.h"
#include "tests/e2e/process.h"

namespace signvote {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

TEST(ClientProcess, ASecondSignalEndsItWhereverItIs) {
  const TemporaryDirectory directory;
  const std::string data = directory / "endless.csv";
  ASSERT_EQ(::mkfifo(data.c_str(), 0600), 0);
  Process client({Program("signvote-client"), "--config",
                  directory.Write("client.yaml", "server: 127.0.0.1:1\nname: ada\ndata: {format: csv, path: " + data +
                                                     ", targets: [y]}\n")},
                 directory / "log");
  const int writer = ::open(data.c_str(), O_WRONLY);  // once the client reads, for ever
  client.Signal(SIGTERM);
  EXPECT_TRUE(Eventually([&] { return client.Output().find("stops") != std::string::npos; }, seconds(60)));
  EXPECT_TRUE(client.IsRunning());
  client.Signal(SIGTERM);
  EXPECT_EQ(client.Wait(seconds(60)), 128 + SIGTERM);
  ::close(writer);
}

TEST(ClientProcess, ItsConfigurationMayComeByAPipe) {
  const TemporaryDirectory directory;
  Process client({"/bin/sh", "-c",
                  "printf 'server: 127.0.0.1:1\\nname: ada\\nthreads: 2\\nconnect: {give_up: 10ms}\\ndata: {format: "
                  "digits}\\n' | " +
                      Program("signvote-client") + " --config /dev/stdin"},
                 directory / "log");
  EXPECT_EQ(client.Wait(seconds(60)), kExitUnavailable) << client.Output();
}

}  // namespace
}  // namespace signvote
