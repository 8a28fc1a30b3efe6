#include "server/ctl/completion.h"

#include <gmock/gmock.h>

namespace signvote::ctl {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

class CompletionTest : public testing::Test {
 protected:
  CompletionTest() {
    app_.fallthrough();
    app_.add_option("--server", text_, "Address")->type_name("HOST:PORT");
    app_.add_option("--context", text_)->type_name("CONTEXT");
    app_.add_flag("--json", flag_, "As JSON");
    CLI::App* evict = app_.add_subcommand("evict", "Shut out\nof the run");
    evict->add_option("NAME", text_)->type_name("CLIENT");
    app_.add_subcommand("events", "What happened")->add_flag("--follow", flag_, "And what will");
    CLI::App* level = app_.add_subcommand("logs")->add_subcommand("level");
    level->add_option("LEVEL", text_)->check(CLI::IsMember({"info", "error", "debug"}));
    app_.add_subcommand("plot")->add_option("DIR", texts_)->type_name("DIRECTORY");
    app_.add_subcommand("hidden")->group("");
  }
  std::vector<std::string> Words(const std::vector<std::string>& line) {
    std::vector<std::string> words;
    for (const Candidate& candidate : Complete(app_, line).candidates) words.push_back(candidate.word);
    return words;
  }

  CLI::App app_;
  std::string text_;
  std::vector<std::string> texts_;
  bool flag_ = false;
};

TEST_F(CompletionTest, OffersCommandsThatBeginSoButNoHiddenOnes) {
  EXPECT_THAT(Words({""}), ElementsAre("evict", "events", "logs", "plot"));
  EXPECT_THAT(Words({"ev"}), ElementsAre("evict", "events"));
  EXPECT_THAT(Words({"x"}), IsEmpty());
  EXPECT_THAT(Words({}), ElementsAre("evict", "events", "logs", "plot"));
}

TEST_F(CompletionTest, SaysOneLineOfEach) {
  EXPECT_THAT(Complete(app_, {"evi"}).candidates, ElementsAre(Candidate{"evict", "Shut out"}));
}

TEST_F(CompletionTest, OffersOptionsOfTheCommandAndOfThoseAbove) {
  EXPECT_THAT(Words({"events", "--"}), ElementsAre("--help", "--follow", "--help", "--server", "--context", "--json"));
  EXPECT_THAT(Words({"events", "--fo"}), ElementsAre("--follow"));
}

TEST_F(CompletionTest, GoesIntoCommandsOfCommands) {
  EXPECT_THAT(Words({"logs", ""}), ElementsAre("level"));
  EXPECT_THAT(Words({"--json", "logs", "level", ""}), ElementsAre("info", "error", "debug"));
  EXPECT_THAT(Words({"logs", "level", "info", ""}), IsEmpty()) << "it takes one";
}

TEST_F(CompletionTest, TellsWhatKindOfValueIsWanted) {
  EXPECT_EQ(Complete(app_, {"evict", "a"}).wants, "CLIENT");
  EXPECT_EQ(Complete(app_, {"evict", "a", ""}).wants, "");
  EXPECT_EQ(Complete(app_, {"--context", ""}).wants, "CONTEXT");
  EXPECT_EQ(Complete(app_, {"plot", "a", "b", ""}).wants, "DIRECTORY") << "as many as one likes";
}

TEST_F(CompletionTest, AnOptionTakesItsValueNotACommand) {
  EXPECT_THAT(Words({"--server", "evict", "ev"}), ElementsAre("evict", "events"));
  EXPECT_THAT(Complete(app_, {"--server", "h:1", "--context=lab", "--json", "evict", ""}).options,
              ElementsAre(Pair("context", "lab"), Pair("json", ""), Pair("server", "h:1")));
}

}  // namespace
}  // namespace signvote::ctl
