#include "server/ctl/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "common/status.h"

namespace signvote::ctl {
namespace {

constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l\x1b[?7l";  // alternate screen, no cursor, no wrapping
constexpr std::string_view kLeave = "\x1b[?7h\x1b[?25h\x1b[?1049l";
constexpr int kEscapeMilliseconds = 25;  // what belongs to an escape sequence arrives together
constexpr std::array kHandled = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP};
constexpr std::array kFaults = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};

// What signal handlers need. Set by Take before they are installed.
int pipe_ends[2] = {-1, -1};
termios before;
std::array<struct sigaction, kHandled.size() + kFaults.size()> actions_before;

void Put(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // it is gone: SIGHUP is on its way
    text.remove_prefix(static_cast<size_t>(written));
  }
}

void OnSignal(int signal) {
  const int error = errno;
  const auto byte = static_cast<unsigned char>(signal);
  [[maybe_unused]] const ssize_t written = write(pipe_ends[1], &byte, 1);  // full: it will look anyway
  errno = error;
}

void OnFault(int signal) {
  Put(kLeave);
  tcsetattr(STDIN_FILENO, TCSANOW, &before);
  std::signal(signal, SIG_DFL);
  raise(signal);
}

void Install() {
  for (size_t i = 0; i < actions_before.size(); ++i) {
    struct sigaction action = {};
    const bool is_fault = i >= kHandled.size();
    action.sa_handler = is_fault ? OnFault : OnSignal;
    action.sa_flags = SA_RESTART;
    sigaction(is_fault ? kFaults[i - kHandled.size()] : kHandled[i], &action, &actions_before[i]);
  }
}

void Uninstall() {
  for (size_t i = 0; i < actions_before.size(); ++i) {
    sigaction(i >= kHandled.size() ? kFaults[i - kHandled.size()] : kHandled[i], &actions_before[i], nullptr);
  }
}

// Bytes of the first key, 0 while its end is missing: ESC [ ... and a letter or ~, ESC O and a letter, else one byte.
size_t LengthOfKey(std::string_view typed) {
  if (typed.empty() || typed[0] != '\x1b') return std::min<size_t>(typed.size(), 1);
  if (typed.size() == 1) return 0;
  if (typed[1] == 'O') return typed.size() < 3 ? 0 : 3;
  if (typed[1] != '[') return 1;
  const auto end = std::find_if(typed.begin() + 2, typed.end(), [](char c) { return c >= '@' && c <= '~'; });
  return end == typed.end() ? 0 : static_cast<size_t>(end - typed.begin()) + 1;
}

Terminal::Key KeyOf(std::string_view typed) {
  using Key = Terminal::Key;
  if (typed == "q" || typed == "Q" || typed == "\x1b") return Key::kQuit;
  if (typed == "k" || typed == "\x1b[A" || typed == "\x1bOA") return Key::kUp;
  if (typed == "j" || typed == "\x1b[B" || typed == "\x1bOB") return Key::kDown;
  if (typed == "\x1b[5~" || typed == "b") return Key::kPageUp;
  if (typed == "\x1b[6~" || typed == " ") return Key::kPageDown;
  if (typed == "g" || typed == "\x1b[H") return Key::kHome;
  return Key::kNone;
}

std::string_view CodeOf(Style style) {
  switch (style) {
    case Style::kTitle:
      return "\x1b[7m";
    case Style::kHeading:
      return "\x1b[1m";
    case Style::kQuiet:
      return "\x1b[2m";
    case Style::kWarning:
      return "\x1b[33m";
    case Style::kBad:
      return "\x1b[31m";
    default:
      return "";
  }
}

bool IsColour(Style style) { return style == Style::kWarning || style == Style::kBad; }

}  // namespace

bool Terminal::IsThere() {
  const char* type = std::getenv("TERM");
  return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && type != nullptr && std::strcmp(type, "dumb") != 0;
}

absl::StatusOr<std::unique_ptr<Terminal>> Terminal::Take() {
  if (tcgetattr(STDIN_FILENO, &before) != 0 || pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK) != 0) {
    return Error(absl::StatusCode::kUnavailable, "cannot take the terminal: {}; signvotectl watch | cat prints lines",
                 strerror(errno));
  }
  std::unique_ptr<Terminal> terminal(new Terminal);
  const char* no_colour = std::getenv("NO_COLOR");
  terminal->has_colours_ = no_colour == nullptr || *no_colour == '\0';
  Install();
  terminal->Enter();
  return terminal;
}

Terminal::~Terminal() {
  Leave();
  Uninstall();
  for (int& end : pipe_ends) close(std::exchange(end, -1));
}

void Terminal::Enter() {
  termios raw = before;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);  // Ctrl-C and Ctrl-Z stay signals
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  Put(kEnter);
}

void Terminal::Leave() {
  Put(kLeave);
  tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

ScreenSize Terminal::size() const {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {24, 80};
  return {size.ws_row, size.ws_col};
}

void Terminal::Draw(const std::vector<ScreenLine>& lines) {
  std::string text = "\x1b[H";
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string_view code = has_colours_ || !IsColour(lines[i].style) ? CodeOf(lines[i].style) : "\x1b[1m";
    text += code;
    text += lines[i].text;
    text += code.empty() ? "\x1b[K" : "\x1b[0m\x1b[K";
    if (i + 1 < lines.size()) text += "\r\n";
  }
  Put(text + "\x1b[J");
}

void Terminal::Wake() { OnSignal(0); }

Terminal::Input Terminal::Take(int signal) {
  if (signal == SIGTSTP) {
    Leave();
    raise(SIGSTOP);
    Enter();
    return {};
  }
  return {Key::kNone, signal == SIGWINCH ? 0 : signal};
}

std::optional<Terminal::Key> Terminal::TakeKey(std::string* typed) {
  const size_t length = LengthOfKey(*typed);
  if (length == 0) return std::nullopt;
  const Key key = KeyOf(std::string_view(*typed).substr(0, length));
  typed->erase(0, length);
  return key;
}

Terminal::Input Terminal::Wait() {
  if (const std::optional<Key> key = TakeKey(&typed_)) return {*key, 0};
  std::array<pollfd, 2> looked = {pollfd{pipe_ends[0], POLLIN, 0}, pollfd{STDIN_FILENO, POLLIN, 0}};
  const int ready = poll(looked.data(), looked.size(), typed_ == "\x1b" ? kEscapeMilliseconds : -1);
  if (ready < 0) return {};  // EINTR: the pipe says why
  if (ready == 0) {
    typed_.clear();
    return {Key::kQuit, 0};  // the escape key
  }
  if (looked[0].revents != 0) {
    Input input;
    unsigned char signal = 0;
    while (input.signal == 0 && read(pipe_ends[0], &signal, 1) == 1) input = Take(signal);
    return input;
  }
  std::array<char, 64> typed;
  const ssize_t length = read(STDIN_FILENO, typed.data(), typed.size());
  if (length <= 0) return {Key::kNone, SIGHUP};
  typed_.append(typed.data(), static_cast<size_t>(length));
  return {TakeKey(&typed_).value_or(Key::kNone), 0};
}

}  // namespace signvote::ctl
