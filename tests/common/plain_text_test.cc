#include "common/plain_text.h"

#include <gtest/gtest.h>

namespace signvote {
namespace {

TEST(PlainText, KeepsPrintableAscii) { EXPECT_EQ(PlainText("a.csv:3: \"x\" ~ 100 %", 200), "a.csv:3: \"x\" ~ 100 %"); }

TEST(PlainText, LeavesNothingThatMovesATerminal) {
  EXPECT_EQ(PlainText("a\nb\tc\x1b[2J\x7f", 200), "a b c [2J ");
  EXPECT_EQ(PlainText("\xc2\x9b"
                      "2J M\xc3\xbcller",
                      200),
            "??2J M??ller");
  EXPECT_EQ(PlainText(std::string_view("a\0b", 3), 200), "a b");
}

TEST(PlainText, CutsWhatIsTooLong) {
  EXPECT_EQ(PlainText(std::string(201, 'x'), 200), std::string(197, 'x') + "...");
  EXPECT_EQ(PlainText(std::string(200, 'x'), 200), std::string(200, 'x'));
  EXPECT_EQ(PlainText("abcd", 2), "ab") << "no room to say so";
  EXPECT_EQ(PlainText("", 200), "");
}

}  // namespace
}  // namespace signvote
