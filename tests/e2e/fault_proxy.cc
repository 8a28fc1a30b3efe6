#include "tests/e2e/fault_proxy.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <tuple>
#include <vector>

namespace signvote {
namespace {

constexpr size_t kBuffer = 256 * 1024;  // bytes a direction holds before it stops reading
constexpr size_t kLong = 1000;          // bytes of which the middle is signs or parameters, not what frames them

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void Prepare(int fd) {
  const int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

int Connect(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(port);
  if (port != 0 && connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    Prepare(fd);
    return fd;
  }
  close(fd);
  return -1;
}

}  // namespace

FaultProxy::FaultProxy() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof address;
  if (bind(listener_, reinterpret_cast<const sockaddr*>(&address), size) != 0 || listen(listener_, 64) != 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      pipe2(wake_, O_CLOEXEC | O_NONBLOCK) != 0) {
    throw std::runtime_error("the proxy cannot listen");
  }
  address_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  thread_ = std::thread([this] { Run(); });
}

FaultProxy::~FaultProxy() {
  stopping_ = true;
  Wake();
  thread_.join();
  for (const Link& link : links_) Close(link);
  for (const int fd : {listener_, wake_[0], wake_[1]}) close(fd);
}

void FaultProxy::Wake() {
  const char byte = 0;
  [[maybe_unused]] const ssize_t written = write(wake_[1], &byte, 1);
}

void FaultProxy::SetTarget(const std::string& address) {
  MutexLock lock(mu_);
  target_ = static_cast<uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
}

void FaultProxy::Delay(std::chrono::milliseconds delay) {
  MutexLock lock(mu_);
  delay_ = delay;
}

void FaultProxy::Reset() {
  MutexLock lock(mu_);
  for (Link& link : links_) {
    link.is_reset = true;
    Close(link);
  }
  links_.clear();
  Wake();
}

void FaultProxy::CutAfter(uint64_t bytes) {
  MutexLock lock(mu_);
  left_ = bytes;
}

void FaultProxy::Flip() {
  MutexLock lock(mu_);
  flips_ = true;
}

void FaultProxy::BlackHole() {
  MutexLock lock(mu_);
  swallows_ = true;
  for (Link& link : links_) link.is_swallowed = true;
}

void FaultProxy::Pass() {
  MutexLock lock(mu_);
  swallows_ = flips_ = false;
  left_ = std::numeric_limits<uint64_t>::max();
  delay_ = std::chrono::milliseconds(0);
}

void FaultProxy::Run() {
  while (!stopping_) {
    std::vector<pollfd> waits{{listener_, POLLIN, 0}, {wake_[0], POLLIN, 0}};
    int timeout = -1;
    {
      MutexLock lock(mu_);
      for (const Link& link : links_) {
        for (const auto& [fd, in, out] :
             {std::tuple(link.client, &link.up, &link.down), std::tuple(link.server, &link.down, &link.up)}) {
          const bool has_due = !out->parts.empty() && out->parts.front().due <= Clock::now();
          const int events = (in->waiting < kBuffer && !in->is_ended ? POLLIN : 0) | (has_due ? POLLOUT : 0);
          if (fd >= 0 && events != 0) waits.push_back({fd, static_cast<short>(events), 0});
          if (!has_due && !out->parts.empty()) timeout = 1;
        }
      }
    }
    poll(waits.data(), waits.size(), timeout);
    char drop[64];
    while (read(wake_[0], drop, sizeof drop) > 0) {
    }
    MutexLock lock(mu_);
    Accept();
    links_.remove_if([this](Link& link) {
      mu_.AssertHeld();
      if (Carry(link)) return false;
      Close(link);
      return true;
    });
  }
}

void FaultProxy::Accept() {
  for (int fd; (fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
    Prepare(fd);
    ++connections_;
    Link& link = links_.emplace_back();
    link.client = fd;
    link.is_swallowed = swallows_;
    if (!swallows_) link.server = Connect(target_);
  }
}

bool FaultProxy::Carry(Link& link) {
  link.is_reset = !link.is_swallowed && link.server < 0;
  if (link.is_reset) return false;
  const bool reads = Read(link, link.client, link.up) && Read(link, link.server, link.down);
  if (link.is_swallowed) return true;  // nobody learns that the other side is gone
  link.is_reset = !reads || !Write(link.server, link.up) || !Write(link.client, link.down);
  return !link.is_reset && !(link.up.is_ended && link.up.parts.empty()) &&
         !(link.down.is_ended && link.down.parts.empty());
}

bool FaultProxy::Read(const Link& link, int from, Flow& flow) {
  char bytes[64 * 1024];
  while (from >= 0 && !flow.is_ended && flow.waiting < kBuffer) {
    const ssize_t got = recv(from, bytes, sizeof bytes, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (got <= 0) flow.is_ended = true;
    if (got < 0) return false;
    if (got == 0 || link.is_swallowed) continue;
    if (flips_ && from == link.server && got >= static_cast<ssize_t>(kLong)) {
      flips_ = false;
      bytes[got / 2] ^= 0x10;
    }
    flow.parts.push_back({Clock::now() + delay_, std::string(bytes, static_cast<size_t>(got))});
    flow.waiting += static_cast<size_t>(got);
  }
  return true;
}

bool FaultProxy::Write(int to, Flow& flow) {
  while (!flow.parts.empty() && flow.parts.front().due <= Clock::now()) {
    std::string& bytes = flow.parts.front().bytes;
    const size_t allowed = static_cast<size_t>(std::min<uint64_t>(bytes.size(), left_));
    const ssize_t sent = allowed == 0 ? 0 : send(to, bytes.data(), allowed, MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN || errno == EINTR;
    flow.waiting -= static_cast<size_t>(sent);
    left_ -= static_cast<uint64_t>(sent);
    if (left_ == 0) {
      left_ = std::numeric_limits<uint64_t>::max();
      return false;
    }
    bytes.erase(0, static_cast<size_t>(sent));
    if (!bytes.empty()) return true;
    flow.parts.pop_front();
  }
  return true;
}

void FaultProxy::Close(const Link& link) {
  const linger now{link.is_reset, 0};
  for (const int fd : {link.client, link.server}) {
    if (fd < 0) continue;
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
  }
}

}  // namespace signvote
