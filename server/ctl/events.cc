// signvotectl events: what happened, and what happens.
#include <absl/time/time.h>
#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "common/mutex.h"
#include "server/ctl/command.h"
#include "server/ctl/render.h"

namespace signvote::ctl {
namespace {

struct Wanted {
  uint32_t last = 20;
  bool follow = false;
};

class Printer {
 public:
  Printer(const Context& context, bool is_many) : context_(context), is_many_(is_many) {}

  // From any thread.
  void Print(const v1::Event& event, const std::string& server) {
    MutexLock lock(mu_);
    if (context_.json) {
      Json json = is_many_ ? Json{{"server", server}} : Json::object();
      json.update(ToJson(event));
      context_.out << TextOf(json) << std::endl;
    } else {
      context_.out << RenderEvent(event, absl::LocalTimeZone()) << (is_many_ ? "  (" + server + ")" : "") << std::endl;
    }
  }

 private:
  const Context& context_;
  const bool is_many_;
  Mutex mu_;
};

absl::Status Past(Shards& shards, const v1::ListEventsRequest& request, Printer& printer) {
  std::vector<std::pair<v1::Event, std::string>> all;
  for (size_t i = 0; i < shards.count(); ++i) {
    ASSIGN_OR_RETURN(const std::vector<v1::Event> events, shards.at(i).Collect(&v1::Admin::Stub::ListEvents, request));
    for (const v1::Event& event : events) all.emplace_back(event, shards.at(i).server());
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.first.unix_seconds() < b.first.unix_seconds(); });
  for (const auto& [event, server] : all) printer.Print(event, server);
  return absl::OkStatus();
}

// A thread a shard, until all of them end; the first that fails ends the others.
absl::Status Follow(Shards& shards, const v1::ListEventsRequest& request, Printer& printer) {
  Mutex mu;
  absl::Status problem;  // guarded by mu
  std::vector<grpc::ClientContext> calls(shards.count());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < shards.count(); ++i) {
    threads.emplace_back([&, i] {
      const auto stream = shards.at(i).stub().ListEvents(&calls[i], request);
      v1::Event event;
      while (stream->Read(&event)) printer.Print(event, shards.at(i).server());
      const grpc::Status end = stream->Finish();
      // A server that ends with its run may take the connection down before the stream's own end.
      if (end.ok() || event.kind() == v1::RUN_ENDED) return;
      MutexLock lock(mu);
      if (!problem.ok()) return;
      problem = shards.at(i).Explain(end);
      for (grpc::ClientContext& call : calls) call.TryCancel();
    });
  }
  for (std::thread& thread : threads) thread.join();
  return problem;
}

absl::Status Events(const Context& context, const Wanted& wanted) {
  ASSIGN_OR_RETURN(Shards shards, context.Connect());
  v1::ListEventsRequest request;
  request.set_last(wanted.last);
  request.set_follow(wanted.follow);
  Printer printer(context, shards.count() > 1);
  return wanted.follow ? Follow(shards, request, printer) : Past(shards, request, printer);
}

}  // namespace

void AddEventsCommand(CLI::App* app, Context* context) {
  auto wanted = std::make_shared<Wanted>();
  CLI::App* command = AddCommand(
      app, {"events", "What happened: who joined, left, was late, is suspected; what was changed, and by whom",
            "signvotectl events\n"
            "signvotectl events --follow\n"
            "signvotectl events --last 0 --json | jq -r 'select(.kind == \"SUSPECTED\") | .detail'"});
  command->add_option("--last", wanted->last, "At most so many of each server; 0: all that are kept (1024)")
      ->capture_default_str();
  command->add_flag("--follow", wanted->follow, "Then those to come, until the run ends");
  command->callback([context, wanted] { context->run = [context, wanted] { return Events(*context, *wanted); }; });
}

}  // namespace signvote::ctl
