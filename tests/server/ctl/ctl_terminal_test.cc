#include "server/ctl/terminal.h"

#include <gmock/gmock.h>

namespace signvote::ctl {
namespace {

using Key = Terminal::Key;
using testing::ElementsAre;

std::vector<Key> Keys(std::string* typed) {
  std::vector<Key> keys;
  while (const std::optional<Key> key = Terminal::TakeKey(typed)) keys.push_back(*key);
  return keys;
}

TEST(TerminalKeys, ThatArriveTogetherAllCount) {
  std::string typed = "\x1b[B\x1b[B\x1bOAj\x1b[6~qq";
  EXPECT_THAT(Keys(&typed),
              ElementsAre(Key::kDown, Key::kDown, Key::kUp, Key::kDown, Key::kPageDown, Key::kQuit, Key::kQuit));
}

TEST(TerminalKeys, ASequenceThatIsCutOffWaitsForItsRest) {
  std::string typed = "\x1b[A\x1b";
  EXPECT_THAT(Keys(&typed), ElementsAre(Key::kUp)) << "the escape key alone may be the beginning of another";
  typed += "[";
  EXPECT_THAT(Keys(&typed), ElementsAre());
  typed += "5";
  EXPECT_THAT(Keys(&typed), ElementsAre());
  typed += "~";
  EXPECT_THAT(Keys(&typed), ElementsAre(Key::kPageUp));
}

TEST(TerminalKeys, WhatMeansNothingHereIsPassedOverWhole) {
  std::string typed = "\x1b[1;5Cx\xc3\xabq";
  EXPECT_THAT(Keys(&typed), ElementsAre(Key::kNone, Key::kNone, Key::kNone, Key::kNone, Key::kQuit));
  typed = "\x1bj";
  EXPECT_THAT(Keys(&typed), ElementsAre(Key::kQuit, Key::kDown)) << "the escape key, then another";
}

}  // namespace
}  // namespace signvote::ctl
