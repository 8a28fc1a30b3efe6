// signvotectl watch on a real terminal: it shows the run, follows its size, and gives the terminal back however it
// ends.
#include <gmock/gmock.h>

#include "tests/server/ctl/ctl_fixture.h"
#include "tests/server/ctl/pty.h"

namespace signvote {
namespace {

using testing::HasSubstr;
using testing::Not;

class CtlWatch : public CtlFixture {
 protected:
  std::vector<std::string> Watch() const { return {Program("signvotectl"), "--server", admin_, "watch"}; }
};

constexpr char kLeave[] = "\x1b[?1049l";

TEST_F(CtlWatch, ShowsTheRunUntilItIsQuit) {
  StartRun();
  StartVoters(3);
  PtyProcess watch(Watch(), 30, 100);
  EXPECT_TRUE(watch.Shows("\x1b[?1049h")) << "the alternate screen";
  EXPECT_TRUE(watch.Shows(admin_));
  EXPECT_TRUE(watch.Shows("3 voters and 0 observers connected"));
  EXPECT_TRUE(watch.Shows("voter-2"));
  EXPECT_TRUE(watch.Shows("joined"));
  EXPECT_FALSE(watch.IsRestored()) << "keys come as they are pressed";
  watch.Resize(12, 40);
  EXPECT_TRUE(watch.Shows(std::string(" signvote  ") + admin_));
  watch.Type("q");
  EXPECT_EQ(watch.Wait(), 0);
  EXPECT_TRUE(watch.IsRestored());
  EXPECT_THAT(watch.shown(), HasSubstr(kLeave));
}

TEST_F(CtlWatch, GivesTheTerminalBackBeforeASignalEndsIt) {
  StartRun();
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    PtyProcess watch(Watch(), 24, 80);
    ASSERT_TRUE(watch.Shows("q quits"));
    watch.Signal(signal);
    EXPECT_EQ(watch.Wait(), 128 + signal);
    EXPECT_TRUE(watch.IsRestored()) << signal;
    EXPECT_THAT(watch.shown(), HasSubstr(kLeave)) << signal;
  }
}

TEST_F(CtlWatch, CtrlCIsASignalToo) {
  StartRun();
  PtyProcess watch(Watch(), 24, 80);
  ASSERT_TRUE(watch.Shows("q quits"));
  watch.Type("\x03");
  EXPECT_EQ(watch.Wait(), 128 + SIGINT);
  EXPECT_TRUE(watch.IsRestored());
}

TEST_F(CtlWatch, WaitsForAServerThatWentAway) {
  StartRun();
  PtyProcess watch(Watch(), 24, 80);
  ASSERT_TRUE(watch.Shows("waiting"));
  server_->Kill();
  EXPECT_TRUE(watch.Shows("no answer from " + admin_));
  StartServer("run", {"rounds.total=1000000", "rounds.quorum=2", "durability=decisions", "admin.listen=" + admin_});
  EXPECT_EQ(Control({"pause"}).first, 0);
  EXPECT_TRUE(watch.Shows("paused")) << "it asks again";
  EXPECT_EQ(Control({"stop"}).first, 0);
  EXPECT_EQ(watch.Wait(), 0) << "the run's end is the end";
  EXPECT_TRUE(watch.IsRestored());
}

TEST_F(CtlWatch, PrintsLinesWhereThereIsNoTerminal) {
  StartRun();
  Process watch(Watch(), Path("watch.log"));
  EXPECT_TRUE(
      Eventually([&] { return watch.Output().find("round 0/1000000  waiting") != std::string::npos; }, Seconds(30)));
  EXPECT_THAT(watch.Output(), Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace signvote
