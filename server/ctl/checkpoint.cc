// signvotectl checkpoint: every server writes one to its own disk, all of the same round.
#include <fmt/format.h>

#include "server/ctl/barrier.h"
#include "server/ctl/command.h"

namespace signvote::ctl {
namespace {

constexpr auto kWriteLimit = std::chrono::minutes(10);  // large models on slow disks

absl::Status Checkpoint(const Context& context) {
  ASSIGN_OR_RETURN(Shards shards, context.Connect());
  Barrier barrier(&shards);
  RETURN_IF_ERROR(barrier.Reach());
  ASSIGN_OR_RETURN(const std::vector<v1::CheckpointResponse> each,
                   shards.Call(&v1::Admin::Stub::Checkpoint, v1::CheckpointRequest(),
                               std::chrono::duration_cast<std::chrono::seconds>(kWriteLimit)));
  Json json = shards.count() == 1 ? ToJson(each[0]) : Json{{"round", each[0].round()}, {"shards", Json::array()}};
  std::string text;
  for (size_t i = 0; i < each.size(); ++i) {
    const std::string where = shards.count() == 1 ? "" : fmt::format(" of {}", shards.at(i).server());
    text += fmt::format("checkpoint of round {} in {}{}\n", each[i].round(), each[i].directory(), where);
    if (shards.count() > 1) {
      json["shards"].push_back({{"server", shards.at(i).server()}, {"directory", each[i].directory()}});
    }
  }
  if (context.json) {
    context.PrintJson(json);
  } else {
    context.out << text << std::flush;
  }
  return absl::OkStatus();
}

}  // namespace

void AddCheckpointCommand(CLI::App* app, Context* context) {
  AddCommand(app,
             {"checkpoint", "Write a checkpoint of the last closed round on every server, of the same round on all",
              "signvotectl checkpoint\nsignvotectl --server a:7401,b:7401 checkpoint --json"})
      ->callback([context] { context->run = [context] { return Checkpoint(*context); }; });
}

}  // namespace signvote::ctl
