// A run on a file system of its own that becomes full.
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include "tests/e2e/chaos_fixture.h"

namespace signvote {
namespace {

using testing::HasSubstr;

class DiskE2e : public ChaosFixture {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: it mounts a small tmpfs";
    ChaosFixture::SetUp();
    std::filesystem::create_directory(Path("disk"));
    if (mount("signvote", Path("disk").c_str(), "tmpfs", 0, "size=24m") != 0) {
      GTEST_SKIP() << "cannot mount a tmpfs here";
    }
    is_mounted_ = true;
  }

  void TearDown() override {
    clients_.clear();
    server_.reset();
    if (is_mounted_) umount2(Path("disk").c_str(), MNT_DETACH);
    if (!directory_.empty()) ChaosFixture::TearDown();
  }

  // Fills what is left of it.
  void Fill() {
    std::ofstream ballast(Path("disk/ballast"), std::ios::binary);
    const std::string page(4096, 'x');
    while (ballast.write(page.data(), static_cast<std::streamsize>(page.size())).flush()) {
    }
  }

  bool is_mounted_ = false;
};

TEST_F(DiskE2e, AFullDiskPausesTheRunAndLosesNothing) {
  // Ten bytes a parameter and checkpoint, and the ballots since the oldest of them: well below the size of the disk.
  std::vector<std::string> settings = ServerSettings(1'000'000, 10);
  settings.push_back("checkpoint.keep=1");
  StartServer("disk/run", settings);
  StartVoters();
  ASSERT_TRUE(Eventually([&] { return Round() >= 15; }, Seconds(60)));
  Fill();
  ASSERT_TRUE(Eventually([&] { return Status()["phase"] == "STALLED"; }, Seconds(60)));
  const nlohmann::json stalled = Status();
  EXPECT_THAT(stalled["problem"].get<std::string>(), HasSubstr("No space left on device"));
  EXPECT_THAT(stalled["problem"].get<std::string>(), HasSubstr(Path("disk/run/journal")));
  // The server tries again each second.
  EXPECT_FALSE(Eventually([&] { return !server_->IsRunning() || Status()["round"] != stalled["round"]; }, Seconds(4)));

  std::filesystem::remove(Path("disk/ballast"));
  const uint64_t full = stalled["round"];
  ASSERT_TRUE(Eventually([&] { return Round() >= full + 20; }, Seconds(60))) << server_->Output();
  const std::string log = server_->Output();
  EXPECT_EQ(Count(log, "waits for the disk"), 1u) << log;
  EXPECT_EQ(Count(log, "the journal can be written again"), 1u) << log;
  EXPECT_LE(Count(log, "No space left on device"), 4u) << log;

  server_->Signal(SIGTERM);
  EXPECT_EQ(server_->Wait(Seconds(30)), 0) << server_->Output();
  ExpectVerifiedAndReplayed("disk/run");
}

}  // namespace
}  // namespace signvote
