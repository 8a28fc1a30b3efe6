// signvotectl export: the parameters of all blocks after one round, as one safetensors file.
#include <fmt/format.h>

#include <cstring>

#include "common/blocks.h"
#include "common/fingerprint.h"
#include "common/safetensors.h"
#include "server/ctl/barrier.h"
#include "server/ctl/command.h"

namespace signvote::ctl {
namespace {

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
    if (absl::Status status = Barrier::GoesOn(); !status.ok()) {
      call.TryCancel();
      return status;
    }
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
  RETURN_IF_ERROR(server.Explain(stream->Finish()));
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

absl::Status Export(const Context& context, const std::string& file) {
  ASSIGN_OR_RETURN(Shards shards, context.Connect());
  Whole whole;
  {
    Barrier barrier(&shards);
    RETURN_IF_ERROR(barrier.Reach());
    for (size_t i = 0; i < shards.count(); ++i) RETURN_IF_ERROR(Fetch(shards.at(i), &whole));
  }
  const Fingerprint fingerprint = FingerprintOf(whole.parameters);
  RETURN_IF_ERROR(Write(whole, file, fingerprint));
  if (context.json) {
    context.PrintJson(Json{{"file", file}, {"round", whole.header.round()}, {"fingerprint", fingerprint.Hex()}});
  } else {
    context.out << fmt::format("parameters of round {} in {}, fingerprint {}\n", whole.header.round(), file,
                               fingerprint.Hex())
                << std::flush;
  }
  return absl::OkStatus();
}

}  // namespace

void AddExportCommand(CLI::App* app, Context* context) {
  auto file = std::make_shared<std::string>();
  CLI::App* command = AddCommand(
      app, {"export",
            "Fetch the parameters after the last closed round, with names and shapes, into a safetensors file; "
            "signvote-client export makes TorchScript of it",
            "signvotectl export model.safetensors\n"
            "signvotectl --server a:7401,b:7401 export model.safetensors\n"
            "signvote-client export --model model --parameters model.safetensors --out trained.pt"});
  command->add_option("FILE", *file, "The file to write, FILE.safetensors")->required()->type_name("FILE");
  command->callback([context, file] { context->run = [context, file] { return Export(*context, *file); }; });
}

}  // namespace signvote::ctl
