#include "server/ctl/watch_screen.h"

#include <absl/time/clock.h>

#include <set>
#include <thread>

#include "common/mutex.h"
#include "server/ctl/follow.h"
#include "server/ctl/merge.h"
#include "server/ctl/terminal.h"

namespace signvote::ctl {
namespace {

constexpr absl::Duration kInterval = absl::Seconds(1);
constexpr auto kPatience = std::chrono::seconds(2);  // for clients and events
constexpr size_t kEvents = 100;

class Watching {
 public:
  Watching(Shards* shards, Terminal* terminal)
      : shards_(shards), terminal_(terminal), follower_(shards, [this](const auto& each) { Show(each); }) {
    for (size_t i = 0; i < shards->count(); ++i) scene_.servers.push_back(shards->at(i).server());
    told_.resize(shards->count());
    threads_.emplace_back([this] { Follow(); });
    threads_.emplace_back([this] { Ask(); });
  }

  ~Watching() {
    {
      MutexLock lock(mu_);
      is_ending_ = true;
    }
    ended_.NotifyAll();
    follower_.Cancel();
    for (std::thread& thread : threads_) thread.join();
  }

  // Draws and obeys; returns what ended it.
  int Run() {
    while (true) {
      Draw();
      const Terminal::Input input = terminal_->Wait();
      if (input.signal != 0 || input.key == Terminal::Key::kQuit) return input.signal;
      MutexLock lock(mu_);
      if (is_over_) return 0;
      Scroll(input.key);
    }
  }

  std::vector<v1::RunStatus> last() {
    MutexLock lock(mu_);
    return scene_.shards;
  }

 private:
  void Draw() {
    std::vector<ScreenLine> lines;
    {
      MutexLock lock(mu_);
      lines = RenderScreen(scene_, terminal_->size(), absl::Now(), absl::LocalTimeZone());
    }
    terminal_->Draw(lines);
  }

  void Scroll(Terminal::Key key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    using Key = Terminal::Key;
    const size_t page = std::max<size_t>(terminal_->size().rows / 2, 1);
    const size_t end = static_cast<size_t>(scene_.clients.clients_size());
    const size_t up = key == Key::kUp ? 1 : key == Key::kPageUp ? page : key == Key::kHome ? end : 0;
    const size_t down = key == Key::kDown ? 1 : key == Key::kPageDown ? page : 0;
    scene_.scroll = std::min(scene_.scroll - std::min(scene_.scroll, up) + down, end);
  }

  // False when it is time to end.
  bool Pause() {
    MutexLock lock(mu_);
    const absl::Time until = absl::Now() + kInterval;
    while (!is_ending_ && absl::Now() < until) ended_.WaitUntil(mu_, until);
    return !is_ending_;
  }

  void Show(const std::vector<v1::RunStatus>& each) {
    {
      MutexLock lock(mu_);
      scene_.shards = each;
      scene_.problem.clear();
    }
    terminal_->Wake();
  }

  void Follow() {
    do {
      const absl::Status status = follower_.Run();
      {
        MutexLock lock(mu_);
        is_over_ = status.ok();
        scene_.problem = status.ok() || absl::IsCancelled(status) ? "" : Message(status);
      }
      terminal_->Wake();
      if (status.ok()) return;
    } while (Pause());
  }

  // Clients and events, which come in no stream of all shards.
  void Ask() {
    do {
      AskClients();
      for (size_t i = 0; i < shards_->count(); ++i) AskEvents(i);
      terminal_->Wake();
    } while (Pause());
  }

  void AskClients() {
    std::vector<uint64_t> coordinates;
    {
      MutexLock lock(mu_);
      for (const v1::RunStatus& shard : scene_.shards) coordinates.push_back(CoordinatesOf(shard));
    }
    if (coordinates.empty()) coordinates.assign(shards_->count(), 1);
    const auto each = shards_->Call(&v1::Admin::Stub::ListClients, v1::ListClientsRequest(), kPatience);
    if (!each.ok()) return;  // the status says so
    MutexLock lock(mu_);
    scene_.clients = MergeClients(*each, coordinates);
  }

  void AskEvents(size_t shard) {
    v1::ListEventsRequest request;
    request.set_after(told_[shard]);
    request.set_last(kEvents);
    const auto events = shards_->at(shard).Collect(&v1::Admin::Stub::ListEvents, request, kPatience);
    if (!events.ok() || events->empty()) return;
    told_[shard] = events->back().id();
    MutexLock lock(mu_);
    std::vector<v1::Event>& all = scene_.events;
    std::set<uint64_t> replaced;
    for (const v1::Event& event : *events) replaced.insert(event.replaces());
    std::erase_if(all, [&](const v1::Event& event) { return replaced.contains(event.id()); });
    all.insert(all.end(), events->begin(), events->end());
    std::stable_sort(all.begin(), all.end(),
                     [](const v1::Event& a, const v1::Event& b) { return a.unix_seconds() < b.unix_seconds(); });
    if (all.size() > kEvents) all.erase(all.begin(), all.end() - kEvents);
  }

  Shards* const shards_;
  Terminal* const terminal_;
  Follower follower_;
  std::vector<uint64_t> told_;  // the last event of each shard; of the asking thread
  Mutex mu_;
  CondVar ended_;
  Scene scene_ ABSL_GUARDED_BY(mu_);
  bool is_over_ ABSL_GUARDED_BY(mu_) = false;    // the run has ended
  bool is_ending_ ABSL_GUARDED_BY(mu_) = false;  // this view ends
  std::vector<std::thread> threads_;
};

}  // namespace

absl::StatusOr<Watched> WatchOnScreen(Shards* shards) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Terminal> terminal, Terminal::Take());
  Watching watching(shards, terminal.get());
  Watched watched;
  watched.signal = watching.Run();
  watched.last = watching.last();
  return watched;
}

}  // namespace signvote::ctl
