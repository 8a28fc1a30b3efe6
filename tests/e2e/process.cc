#include "tests/e2e/process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>

extern char** environ;

namespace signvote {

Process::Process(const std::vector<std::string>& arguments, std::string log) : log_(std::move(log)) {
  std::vector<char*> argv;
  // A test that is killed takes its processes with it.
  for (const char* argument : {"setpriv", "--pdeathsig", "KILL", "--"}) argv.push_back(const_cast<char*>(argument));
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, log_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  const int error = posix_spawnp(&id_, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error("cannot start " + arguments[0]);
}

Process::Process(Process&& other) noexcept
    : id_(std::exchange(other.id_, -1)), exit_(other.exit_), log_(std::move(other.log_)) {}

Process& Process::operator=(Process&& other) noexcept {
  std::swap(id_, other.id_);
  std::swap(exit_, other.exit_);
  std::swap(log_, other.log_);
  return *this;
}

Process::~Process() { Kill(); }

bool Process::IsRunning() {
  if (id_ < 0 || exit_) return false;
  int status = 0;
  if (waitpid(id_, &status, WNOHANG) != id_) return true;
  exit_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return false;
}

std::optional<int> Process::Wait(std::chrono::seconds limit) {
  Eventually([this] { return !IsRunning(); }, limit);
  return exit_;
}

void Process::Signal(int signal) {
  if (IsRunning()) kill(id_, signal);
}

void Process::Kill() {
  Signal(SIGKILL);
  Wait(std::chrono::seconds(10));
}

std::string Process::Output() const {
  std::ifstream file(log_);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string Program(const std::string& name) { return std::string(SIGNVOTE_BIN_DIR) + "/" + name; }

void PauseBriefly() { std::this_thread::sleep_for(std::chrono::milliseconds(10)); }

}  // namespace signvote
