// signvotectl checkpoint: every server writes one to its own disk, all of the same round; and, with --out, the
// parameters of all blocks come here as one file.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <thread>

#include "common/blocks.h"
#include "common/fingerprint.h"
#include "common/safetensors.h"
#include "server/ctl/command.h"

namespace signvote::ctl {
namespace {

constexpr auto kLook = std::chrono::milliseconds(50);
constexpr auto kBarrierLimit = std::chrono::minutes(2);
constexpr auto kWriteLimit = std::chrono::minutes(10);  // large models on slow disks

bool Rests(v1::Phase phase) { return phase == v1::PAUSED || phase == v1::FINISHED_RUN; }

// Keeps all shards after the same round for as long as it lives: pauses all, and lets those behind close the round that
// the first has closed. Shards are never more than a round apart, and its ballots are under way.
class Barrier {
 public:
  explicit Barrier(Shards* shards) : shards_(shards) {}
  ~Barrier() {
    for (const size_t i : paused_) {
      v1::RunStatus status;
      const absl::Status resumed = shards_->at(i).Call(&v1::Admin::Stub::Resume, v1::ResumeRequest(), &status);
      if (!resumed.ok()) fmt::print(stderr, "signvotectl: not resumed: {}\n", Message(resumed));
    }
  }
  Barrier(const Barrier&) = delete;

  // FAILED_PRECONDITION: one of them does not get there; says which, and why.
  absl::Status Reach() {
    ASSIGN_OR_RETURN(const std::vector<v1::RunStatus> before, shards_->Status());
    for (size_t i = 0; i < before.size(); ++i) {
      if (Rests(before[i].phase())) continue;
      RETURN_IF_ERROR(Pause(i, 0));
      paused_.push_back(i);
    }
    const auto limit = std::chrono::steady_clock::now() + kBarrierLimit;
    uint64_t target = 0;
    while (true) {
      ASSIGN_OR_RETURN(const std::vector<v1::RunStatus> now, shards_->Status());
      uint64_t highest = 0;
      for (const v1::RunStatus& status : now) highest = std::max(highest, status.round());
      const auto waits = std::find_if(now.begin(), now.end(), [&](const v1::RunStatus& status) {
        return !Rests(status.phase()) || status.round() < highest;
      });
      if (waits == now.end()) return absl::OkStatus();
      for (size_t i = 0; i < now.size() && highest != target; ++i) {
        if (now[i].round() < highest) RETURN_IF_ERROR(Pause(i, highest));
      }
      target = highest;
      if (std::chrono::steady_clock::now() > limit) {
        return Error(absl::StatusCode::kFailedPrecondition,
                     "{} stays after round {} while another shard is after round {}: {}",
                     shards_->at(static_cast<size_t>(waits - now.begin())).server(), waits->round(), highest,
                     waits->problem().empty() ? "its round does not close" : waits->problem());
      }
      std::this_thread::sleep_for(kLook);
    }
  }

 private:
  absl::Status Pause(size_t shard, uint64_t after_round) {
    v1::PauseRequest request;
    request.set_after_round(after_round);
    v1::RunStatus status;
    return shards_->at(shard).Call(&v1::Admin::Stub::Pause, request, &status);
  }

  Shards* const shards_;
  std::vector<size_t> paused_;  // by this
};

struct Whole {
  v1::ExportHeader header;  // of the first shard
  std::vector<std::string> runs;
  std::vector<float> parameters;  // of all blocks
};

// Adds what one server holds. DATA_LOSS: it sends other than it announces. FAILED_PRECONDITION: it is of another round.
absl::Status Fetch(Connection& server, Whole* whole) {
  grpc::ClientContext call;
  const auto stream = server.stub().Export(&call, v1::ExportRequest());
  v1::ExportPart part;
  v1::ExportHeader header;
  BlockRange range;
  uint64_t received = 0;
  const auto torn = [&](std::string_view what) {
    call.TryCancel();
    return Error(absl::StatusCode::kDataLoss, "{} sends {}", server.server(), what);
  };
  while (stream->Read(&part)) {
    if (part.has_header()) {
      header = part.header();
      range = {header.config().parameters(), header.config().first_block(), header.config().blocks()};
      if (whole->parameters.empty()) {
        whole->header = header;
        whole->parameters.resize(range.parameters);
      }
      if (header.round() != whole->header.round() || range.parameters != whole->parameters.size() ||
          header.config().terms() != whole->header.config().terms()) {
        call.TryCancel();
        return Error(absl::StatusCode::kFailedPrecondition,
                     "{} is after round {} of another run or round than the first shard (round {})", server.server(),
                     header.round(), whole->header.round());
      }
      whole->runs.push_back(header.run());
      continue;
    }
    const std::string& data = part.parameters().data();
    const uint64_t count = data.size() / sizeof(float);
    if (part.parameters().offset() != range.FirstCoordinate() + received || count > range.Coordinates() - received) {
      return torn("parameters out of order");
    }
    std::memcpy(&whole->parameters[part.parameters().offset()], data.data(), count * sizeof(float));
    received += count;
  }
  RETURN_IF_ERROR(FromGrpc(stream->Finish(), server.server()));
  if (received == 0 || received != range.Coordinates()) return torn("fewer parameters than it holds");
  const auto own = std::span<const float>(whole->parameters).subspan(range.FirstCoordinate(), received);
  if (FingerprintOf(own) != FromProto(header.fingerprint())) return torn("parameters of another fingerprint");
  return absl::OkStatus();
}

absl::Status Write(const Whole& whole, const std::string& path, const Fingerprint& fingerprint) {
  std::vector<TensorShape> tensors;
  for (const v1::Tensor& tensor : whole.header.tensors()) {
    tensors.push_back({tensor.name(), {tensor.shape().begin(), tensor.shape().end()}});
  }
  return WriteSafetensors(path, tensors, whole.parameters,
                          {{"run", fmt::format("{}", fmt::join(whole.runs, " "))},
                           {"round", std::to_string(whole.header.round())},
                           {"fingerprint", fingerprint.Hex()}});
}

absl::Status Checkpoint(const Context& context, const std::string& out) {
  ASSIGN_OR_RETURN(Shards shards, context.Connect());
  Barrier barrier(&shards);
  if (shards.count() > 1) RETURN_IF_ERROR(barrier.Reach());
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
  if (!out.empty()) {
    Whole whole;
    for (size_t i = 0; i < shards.count(); ++i) RETURN_IF_ERROR(Fetch(shards.at(i), &whole));
    const Fingerprint fingerprint = FingerprintOf(whole.parameters);
    RETURN_IF_ERROR(Write(whole, out, fingerprint));
    text += fmt::format("parameters of round {} in {}, fingerprint {}\n", whole.header.round(), out, fingerprint.Hex());
    json["out"] = {{"file", out}, {"round", whole.header.round()}, {"fingerprint", fingerprint.Hex()}};
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
  auto out = std::make_shared<std::string>();
  auto* command = app->add_subcommand(
      "checkpoint", "Write a checkpoint of the last closed round on every server, of the same round on all");
  command->add_option("--out", *out, "Also fetch the parameters of all blocks into this safetensors file")
      ->type_name("FILE");
  command->callback([context, out] { context->run = [context, out] { return Checkpoint(*context, *out); }; });
}

}  // namespace signvote::ctl
