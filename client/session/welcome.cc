#include "client/session/welcome.h"

#include "common/files.h"
#include "common/random.h"
#include "common/status.h"

namespace signvote {
namespace {

absl::StatusOr<std::vector<TensorShape>> TensorsOf(const v1::Welcome& welcome) {
  std::vector<TensorShape> tensors;
  uint64_t total = 0;
  for (const v1::Tensor& tensor : welcome.tensors()) {
    uint64_t coordinates = 1;
    bool overflow = false;
    for (const uint64_t size : tensor.shape()) {
      overflow |= __builtin_mul_overflow(coordinates, size, &coordinates);
    }
    overflow |= __builtin_add_overflow(total, coordinates, &total);
    if (overflow) return InvalidArgument("the server's tensor {} is impossibly large", tensor.name());
    tensors.push_back({tensor.name(), {tensor.shape().begin(), tensor.shape().end()}});
  }
  if (total == 0 || total != welcome.config().parameters()) {
    return InvalidArgument("the server speaks of {} parameters, its tensors have {}", welcome.config().parameters(),
                           total);
  }
  return tensors;
}

absl::StatusOr<BlockRange> RangeOf(const v1::RunConfig& config) {
  const BlockRange all = BlockRange::All(config.parameters());
  const BlockRange range{config.parameters(), config.first_block(), config.blocks()};
  if (range.count == 0 || range.count > all.count || range.first > all.count - range.count) {
    return InvalidArgument("the server holds blocks {} to {}, the model has {}", range.first, range.first + range.count,
                           all.count);
  }
  return range;
}

}  // namespace

absl::StatusOr<RunOutline> ReadWelcome(const v1::Welcome& welcome, const std::string& name) {
  RunOutline run;
  ASSIGN_OR_RETURN(run.tensors, TensorsOf(welcome));
  ASSIGN_OR_RETURN(run.range, RangeOf(welcome.config()));
  if (welcome.client_id() != ClientId(name)) {
    return InvalidArgument("the server calls {} client {:016x}, expected {:016x}: its version differs", name,
                           welcome.client_id(), ClientId(name));
  }
  return run;
}

std::string OtherRunText(const v1::Welcome& before, const v1::Welcome& now, const std::string& name) {
  if (now.model_sha256() == before.model_sha256()) {
    return fmt::format("the server holds run {} now, not {}: it begins anew, with the same model.pt", now.run(),
                       before.run());
  }
  return fmt::format(
      "the server holds run {} now, not {}, with another model: model.pt has SHA-256 {} and {} parameters instead of "
      "{}; if it does not fit the data of {}, give it a configuration of its own",
      now.run(), before.run(), Hex(now.model_sha256()), now.config().parameters(), before.config().parameters(), name);
}

}  // namespace signvote
