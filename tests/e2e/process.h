// Real processes for end-to-end tests: started, watched, ended by id, with their output in a file.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace signvote {

class Process {
 public:
  // Starts `arguments[0]` with standard output and error into `log` (appended).
  Process(const std::vector<std::string>& arguments, std::string log);
  // Kills what is still running.
  ~Process();
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;

  // The exit code, or 128 + signal; nothing when it still runs after `limit`.
  std::optional<int> Wait(std::chrono::seconds limit);
  void Signal(int signal);
  // SIGKILL, and waits for the end.
  void Kill();
  bool IsRunning();

  pid_t id() const { return id_; }
  std::string Output() const;

 private:
  pid_t id_ = -1;
  std::optional<int> exit_;
  std::string log_;
};

// Waits until `condition` holds, looking every few milliseconds; false after `limit`.
template <typename Condition>
bool Eventually(Condition condition, std::chrono::seconds limit);

std::string Program(const std::string& name);  // path of a built program

void PauseBriefly();

template <typename Condition>
bool Eventually(Condition condition, std::chrono::seconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    PauseBriefly();
  }
  return true;
}

}  // namespace signvote
