// The whole terminal for a while: its alternate screen, no cursor, keys as they are pressed. What was there before
// comes back when this object ends, while the process is stopped (Ctrl-Z), and when it dies of a fault.
//
// One at a time, as signals are the process's. Used by one thread; Wake alone may be called from any.
#pragma once

#include <absl/status/statusor.h>
#include <termios.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/ctl/screen.h"

namespace signvote::ctl {

class Terminal {
 public:
  // Standard input and output are a terminal that knows its escape codes (TERM).
  static bool IsThere();

  // UNAVAILABLE: the terminal does not let itself be set.
  static absl::StatusOr<std::unique_ptr<Terminal>> Take();
  ~Terminal();
  Terminal(const Terminal&) = delete;

  ScreenSize size() const;
  void Draw(const std::vector<ScreenLine>& lines);

  enum class Key { kNone, kQuit, kUp, kDown, kPageUp, kPageDown, kHome };
  // Takes the first key off what was typed, kNone for one that means nothing here. Nothing while it may be cut off:
  // empty, or the beginning of an escape sequence, such as the escape key alone.
  static std::optional<Key> TakeKey(std::string* typed);
  struct Input {
    Key key = Key::kNone;
    int signal = 0;  // that asks the process to end: SIGINT, SIGTERM, SIGHUP or SIGQUIT
  };
  // Waits for a key, a signal, another size or Wake.
  Input Wait();
  void Wake();

 private:
  Terminal() = default;
  void Enter();
  void Leave();
  Input Take(int signal);

  bool has_colours_ = true;
  std::string typed_;  // and not taken yet
};

}  // namespace signvote::ctl
