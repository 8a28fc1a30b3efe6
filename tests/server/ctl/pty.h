// A program on a terminal of its own.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace signvote {

class PtyProcess {
 public:
  PtyProcess(const std::vector<std::string>& arguments, unsigned short rows, unsigned short columns) {
    const winsize size{rows, columns, 0, 0};
    std::vector<char*> argv;
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    id_ = forkpty(&master_, nullptr, nullptr, &size);
    if (id_ == 0) {
      setenv("TERM", "xterm", 1);
      execv(argv[0], argv.data());
      _exit(127);
    }
    tcgetattr(master_, &before_);
  }
  ~PtyProcess() {
    if (!exit_ && id_ > 0) {
      kill(id_, SIGKILL);
      waitpid(id_, nullptr, 0);
    }
    close(master_);
  }
  PtyProcess(const PtyProcess&) = delete;

  // Reads until `words` were shown, after what an earlier call found; false after 30 s or at the end.
  bool Shows(const std::string& words) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (true) {
      if (const size_t at = shown_.find(words, seen_); at != shown_.npos) {
        seen_ = at + words.size();
        return true;
      }
      if (!Read() || std::chrono::steady_clock::now() > end) return false;
    }
  }

  void Type(const std::string& keys) {
    [[maybe_unused]] const ssize_t written = write(master_, keys.data(), keys.size());
  }
  void Resize(unsigned short rows, unsigned short columns) {
    const winsize size{rows, columns, 0, 0};
    ioctl(master_, TIOCSWINSZ, &size);
  }
  void Signal(int signal) { kill(id_, signal); }

  // Reads to the end; the exit code, or 128 + signal.
  int Wait() {
    while (Read()) {
    }
    int status = 0;
    waitpid(id_, &status, 0);
    exit_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return *exit_;
  }

  // Keys echo and lines are edited as before the program ran. The terminal's settings outlive the program.
  bool IsRestored() const {
    termios now;
    return tcgetattr(master_, &now) == 0 && now.c_lflag == before_.c_lflag;
  }

  const std::string& shown() const { return shown_; }

 private:
  // False at the end of the output; waits for some at most a second.
  bool Read() {
    pollfd looked{master_, POLLIN, 0};
    if (poll(&looked, 1, 1000) == 0) return true;
    char bytes[4096];
    const ssize_t length = read(master_, bytes, sizeof bytes);
    if (length > 0) shown_.append(bytes, static_cast<size_t>(length));
    return length > 0;
  }

  int master_ = -1;
  pid_t id_ = -1;
  termios before_{};
  std::string shown_;
  size_t seen_ = 0;
  std::optional<int> exit_;
};

}  // namespace signvote
