// signvotectl watch: follows a run until it ends.
#include <csignal>

#include "common/status.h"
#include "server/ctl/command.h"
#include "server/ctl/follow.h"
#include "server/ctl/merge.h"
#include "server/ctl/render.h"
#include "server/ctl/terminal.h"
#include "server/ctl/watch_screen.h"

namespace signvote::ctl {
namespace {

// One line an update: where a round divisible by `every` was passed, for each phase but the two that come with every
// round, and for measurements that arrive after the last round.
class LineView {
 public:
  LineView(std::ostream* out, uint64_t every, bool json) : out_(out), every_(every), json_(json) {}
  void Show(const v1::RunStatus& status) {
    if (!IsNews(status)) return;
    shown_ = status;
    is_first_ = false;
    *out_ << (json_ ? TextOf(ToJson(status)) : RenderWatchLine(status)) << std::endl;
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

absl::Status WatchInLines(const Context& context, Shards& shards, uint64_t every) {
  LineView view(&context.out, every, context.json);
  Follower follower(&shards, [&](const std::vector<v1::RunStatus>& each) { view.Show(MergeStatus(each)); });
  return follower.Run();
}

absl::Status Watch(const Context& context, uint64_t every) {
  ASSIGN_OR_RETURN(Shards shards, context.Connect());
  if (context.json || !Terminal::IsThere()) return WatchInLines(context, shards, every);
  ASSIGN_OR_RETURN(const Watched watched, WatchOnScreen(&shards));
  if (!watched.last.empty()) context.out << RenderWatchLine(MergeStatus(watched.last)) << std::endl;
  if (watched.signal != 0) raise(watched.signal);  // as whoever sent it expects
  return absl::OkStatus();
}

}  // namespace

void AddWatchCommand(CLI::App* app, Context* context) {
  auto every = std::make_shared<uint64_t>(1);
  CLI::App* command = AddCommand(app, {"watch", "Follow the run until it ends: on the whole terminal, else in lines",
                                       "signvotectl watch\nsignvotectl watch --every 10 | tee run.log"});
  command->add_option("--every", *every, "Without a terminal: a line every so many rounds")->check(CLI::PositiveNumber);
  command->callback([context, every] { context->run = [context, every] { return Watch(*context, *every); }; });
}

}  // namespace signvote::ctl
