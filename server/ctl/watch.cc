// signvotectl watch: follows a run until it ends.
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <mutex>
#include <thread>

#include "common/status.h"
#include "server/ctl/command.h"
#include "server/ctl/merge.h"
#include "server/ctl/render.h"

namespace signvote::ctl {
namespace {

bool Ends(v1::Phase phase) { return phase == v1::FINISHED_RUN || phase == v1::STOPPING_RUN; }

size_t TerminalWidth() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

// Where updates go.
class View {
 public:
  virtual ~View() = default;
  virtual void Show(const v1::RunStatus& status) = 0;
};

// Redraws the same lines of a terminal.
class TerminalView : public View {
 public:
  explicit TerminalView(std::ostream* out) : out_(out) {}
  void Show(const v1::RunStatus& status) override {
    std::string text = drawn_ > 0 ? fmt::format("\x1b[{}A\r\x1b[J", drawn_) : "";
    const auto lines = RenderWatch(status, TerminalWidth() - 1);
    for (const std::string& line : lines) text += line + "\n";
    drawn_ = lines.size();
    *out_ << text << std::flush;
  }

 private:
  std::ostream* out_;
  size_t drawn_ = 0;
};

// One line an update: where a round divisible by `every` was passed, for each phase but the two that come with every
// round, and for measurements that arrive after the last round.
class LineView : public View {
 public:
  LineView(std::ostream* out, uint64_t every, bool json) : out_(out), every_(every), json_(json) {}
  void Show(const v1::RunStatus& status) override {
    if (!IsNews(status)) return;
    shown_ = status;
    is_first_ = false;
    *out_ << (json_ ? ToJson(status).dump() : RenderWatchLine(status)) << std::endl;
  }

 private:
  bool IsNews(const v1::RunStatus& status) const {
    if (is_first_ || status.round() / every_ != shown_.round() / every_) return true;
    if (Ends(status.phase()) && MeasuredRound(status) != MeasuredRound(shown_)) return true;
    return status.phase() != shown_.phase() && status.phase() != v1::COLLECTING && status.phase() != v1::CLOSING;
  }
  static uint64_t MeasuredRound(const v1::RunStatus& status) {
    return status.evaluations().empty() ? 0 : status.evaluations().rbegin()->round();
  }

  std::ostream* out_;
  uint64_t every_;
  bool json_;
  bool is_first_ = true;
  v1::RunStatus shown_;
};

// Follows all shards, a thread each, until all of them end; `show` gets what they say together, one call at a time.
absl::Status Follow(Shards& shards, const std::function<void(const v1::RunStatus&)>& show) {
  std::mutex mu;
  std::vector<v1::RunStatus> latest(shards.count());  // guarded by mu
  std::vector<bool> is_known(shards.count(), false);  // guarded by mu
  absl::Status problem;                               // guarded by mu
  std::vector<grpc::ClientContext> calls(shards.count());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < shards.count(); ++i) {
    threads.emplace_back([&, i] {
      const auto stream = shards.at(i).stub().Watch(&calls[i], v1::WatchRequest());
      v1::RunStatus status;
      while (stream->Read(&status)) {
        const std::lock_guard lock(mu);
        latest[i] = status;
        is_known[i] = true;
        if (std::find(is_known.begin(), is_known.end(), false) == is_known.end()) show(MergeStatus(latest));
      }
      const grpc::Status end = stream->Finish();
      // A server that ends with its run may take the connection down before the stream's own end.
      if (end.ok() || Ends(status.phase())) return;
      const std::lock_guard lock(mu);
      if (!problem.ok()) return;
      problem = FromGrpc(end, shards.at(i).server());
      for (grpc::ClientContext& call : calls) call.TryCancel();
    });
  }
  for (std::thread& thread : threads) thread.join();
  return problem;
}

absl::Status Watch(const Context& context, uint64_t every) {
  std::unique_ptr<View> view;
  if (!context.json && isatty(STDOUT_FILENO)) {
    view = std::make_unique<TerminalView>(&context.out);
  } else {
    view = std::make_unique<LineView>(&context.out, every, context.json);
  }
  ASSIGN_OR_RETURN(Shards shards, context.Connect());
  return Follow(shards, [&](const v1::RunStatus& merged) { view->Show(merged); });
}

}  // namespace

void AddWatchCommand(CLI::App* app, Context* context) {
  auto every = std::make_shared<uint64_t>(1);
  auto* command =
      app->add_subcommand("watch", "Follow the run until it ends: redrawn in place on a terminal, else in lines");
  command->add_option("--every", *every, "Without a terminal: a line every so many rounds")->check(CLI::PositiveNumber);
  command->callback([context, every] { context->run = [context, every] { return Watch(*context, *every); }; });
}

}  // namespace signvote::ctl
