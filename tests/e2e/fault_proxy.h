// A TCP proxy on loopback that treats its connections as bad networks do: late, cut, altered, or swallowed without a
// word.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <list>
#include <string>
#include <thread>

#include "common/mutex.h"

namespace signvote {

// Thread-safe; a thread of its own carries the bytes.
class FaultProxy {
 public:
  FaultProxy();  // listens on a port of its own; until there is a target, connections are refused by a reset
  ~FaultProxy();
  FaultProxy(const FaultProxy&) = delete;

  const std::string& address() const { return address_; }  // HOST:PORT
  void SetTarget(const std::string& address);              // 127.0.0.1:PORT, of connections from now on

  // What is read from now on arrives this much later, in both directions.
  void Delay(std::chrono::milliseconds delay);
  // Every connection is reset, on both sides.
  void Reset();
  // The connection that carries the byte after the next `bytes` is reset in its place.
  void CutAfter(uint64_t bytes);
  // Flips a bit in the middle of the next long piece of bytes that goes to a client.
  void Flip();
  // Connections stay open, and what comes in disappears: those there are for ever, new ones until Pass.
  void BlackHole();
  void Pass();

  int connections() const { return connections_; }  // accepted so far

 private:
  using Clock = std::chrono::steady_clock;
  // One direction of a connection.
  struct Flow {
    struct Part {
      Clock::time_point due;
      std::string bytes;
    };
    std::list<Part> parts;
    size_t waiting = 0;  // bytes
    bool is_ended = false;
  };
  struct Link {
    int client = -1, server = -1;
    bool is_swallowed = false;
    bool is_reset = true;  // when it is closed; else it ends in good order
    Flow up, down;
  };

  void Run();
  void Accept() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // False when the connection is over.
  bool Carry(Link& link) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool Read(const Link& link, int from, Flow& flow) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool Write(int to, Flow& flow) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Close(const Link& link);
  void Wake();

  int listener_ = -1;
  int wake_[2] = {-1, -1};
  std::string address_;
  std::atomic<int> connections_ = 0;
  std::atomic<bool> stopping_ = false;

  Mutex mu_;
  uint16_t target_ ABSL_GUARDED_BY(mu_) = 0;
  std::chrono::milliseconds delay_ ABSL_GUARDED_BY(mu_){0};
  uint64_t left_ ABSL_GUARDED_BY(mu_) = std::numeric_limits<uint64_t>::max();  // bytes before the cut
  bool flips_ ABSL_GUARDED_BY(mu_) = false;
  bool swallows_ ABSL_GUARDED_BY(mu_) = false;
  std::list<Link> links_ ABSL_GUARDED_BY(mu_);

  std::thread thread_;
};

}  // namespace signvote
