#include "server/store/checkpoint.h"

#include <algorithm>
#include <cstring>

#include "common/fingerprint.h"
#include "common/status.h"
#include "common/xxhash.h"
#include "server/store/layout.h"

namespace signvote {
namespace {

constexpr uint64_t kStateMagic = 0x3230746174737673;  // "svstat02": the last two say which version of what is learnt
constexpr uint64_t kMagicOfAnyVersion = 0x0000ffffffffffff;

struct StateHeader {
  uint64_t magic = kStateMagic;
  uint64_t length = 0;    // of the head
  uint64_t checksum = 0;  // of the head, seeded by its length
};

template <typename T>
std::string_view BytesOf(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

absl::Status WriteFiles(Disk& disk, const std::string& path, const v1::RunRecord& run,
                        std::span<const TensorShape> tensors, const Checkpoint& checkpoint) {
  const Fingerprint fingerprint = FingerprintOf(checkpoint.parameters);
  const std::string safetensors = SafetensorsHeader(
      tensors, {{"run", run.run()}, {"round", std::to_string(checkpoint.round)}, {"fingerprint", fingerprint.Hex()}});
  const std::string_view values{reinterpret_cast<const char*>(checkpoint.parameters.data()),
                                checkpoint.parameters.size() * sizeof(float)};
  const std::string_view parameter_parts[] = {safetensors, values};
  RETURN_IF_ERROR(WriteWhole(disk, path + "/" + kParametersFile, parameter_parts));

  v1::CheckpointRecord record;
  *record.mutable_run() = run;
  record.set_round(checkpoint.round);
  *record.mutable_fingerprint() = ToProto(fingerprint);
  record.set_step_size(checkpoint.step_size);
  record.set_clients(checkpoint.clients);
  record.set_header_xxh3(XXH3_64bits(safetensors.data(), safetensors.size()));
  record.set_learnt_bytes(checkpoint.learnt.size());
  record.set_learnt_xxh3(XXH3_64bits(checkpoint.learnt.data(), checkpoint.learnt.size()));
  const std::string head = record.SerializeAsString();
  const StateHeader header{.length = head.size(),
                           .checksum = XXH3_64bits_withSeed(head.data(), head.size(), head.size())};
  const std::string_view state_parts[] = {BytesOf(header), head, checkpoint.learnt};
  RETURN_IF_ERROR(WriteWhole(disk, path + "/" + kStateFile, state_parts));
  return disk.SyncDirectory(path);
}

absl::Status MoveIntoPlace(Disk& disk, const std::string& directory, const std::string& path) {
  const std::string replaced = path + kReplaced;
  ASSIGN_OR_RETURN(const std::vector<std::string> names, disk.List(CheckpointsDirectory(directory)));
  const bool is_there = std::find(names.begin(), names.end(), path.substr(path.rfind('/') + 1)) != names.end();
  if (is_there) RETURN_IF_ERROR(disk.Rename(path, replaced));
  if (absl::Status status = disk.Rename(path + kTemporary, path); !status.ok()) {
    if (is_there) disk.Rename(replaced, path).IgnoreError();  // TidyUp does it otherwise
    return status;
  }
  RETURN_IF_ERROR(disk.SyncDirectory(CheckpointsDirectory(directory)));
  if (is_there) RemoveTree(disk, replaced).IgnoreError();  // TidyUp does it otherwise
  return absl::OkStatus();
}

absl::Status Damaged(const std::string& path, std::string_view what) {
  return Error(absl::StatusCode::kDataLoss, "{} {}", path, what);
}

// A file that is missing is damage; that it cannot be read now is not.
absl::StatusOr<std::string> ReadPart(Disk& disk, const std::string& path) {
  absl::StatusOr<std::string> bytes = ReadWhole(disk, path);
  if (absl::IsNotFound(bytes.status())) return Damaged(path, "is missing");
  return bytes;
}

absl::Status LoadState(const std::string& path, std::string bytes, v1::CheckpointRecord* record, std::string* learnt) {
  StateHeader header;
  if (bytes.size() < sizeof(header)) return Damaged(path, "is cut short within its header");
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (header.magic != kStateMagic && ((header.magic ^ kStateMagic) & kMagicOfAnyVersion) == 0) {
    return Damaged(path, "was written by another version of signvote: go on with that one, or in a new directory");
  }
  if (header.magic != kStateMagic) return Damaged(path, "does not begin as a checkpoint's state does");
  if (header.length > bytes.size() - sizeof(header)) return Damaged(path, "is cut short within its head");
  const std::string_view head = std::string_view(bytes).substr(sizeof(header), header.length);
  if (XXH3_64bits_withSeed(head.data(), head.size(), head.size()) != header.checksum ||
      !record->ParseFromArray(head.data(), static_cast<int>(head.size()))) {
    return Damaged(path, "is damaged: the checksum of its head differs");
  }
  bytes.erase(0, sizeof(header) + header.length);
  if (bytes.size() != record->learnt_bytes()) {
    return Damaged(path,
                   fmt::format("has {} bytes of learnt state, expected {}", bytes.size(), record->learnt_bytes()));
  }
  if (XXH3_64bits(bytes.data(), bytes.size()) != record->learnt_xxh3()) {
    return Damaged(path, "is damaged: the checksum of its learnt state differs");
  }
  *learnt = std::move(bytes);
  return absl::OkStatus();
}

}  // namespace

std::vector<TensorShape> TensorsOf(std::span<const TensorShape> tensors, const BlockRange& range) {
  std::vector<TensorShape> result;
  const uint64_t first = range.FirstCoordinate(), last = first + range.Coordinates();
  uint64_t begin = 0;
  for (const TensorShape& tensor : tensors) {
    const uint64_t end = begin + tensor.Coordinates();
    const uint64_t from = std::max(begin, first), to = std::min(end, last);
    if (from == begin && to == end) {
      result.push_back(tensor);
    } else if (from < to) {
      result.push_back({fmt::format("{}[{}:{}]", tensor.name, from - begin, to - begin), {to - from}});
    }
    begin = end;
  }
  return result;
}

BlockRange RangeOf(const v1::RunRecord& run) { return {run.parameters(), run.first_block(), run.blocks()}; }

absl::Status SaveCheckpoint(Disk& disk, const std::string& directory, const v1::RunRecord& run,
                            std::span<const TensorShape> tensors, const Checkpoint& checkpoint) {
  const std::string path = CheckpointPath(directory, checkpoint.round), temporary = path + kTemporary;
  RETURN_IF_ERROR(disk.MakeDirectories(temporary));
  absl::Status status = WriteFiles(disk, temporary, run, tensors, checkpoint);
  if (status.ok()) status = MoveIntoPlace(disk, directory, path);
  if (!status.ok()) RemoveTree(disk, temporary).IgnoreError();
  return status;
}

absl::StatusOr<LoadedCheckpoint> LoadCheckpoint(Disk& disk, const std::string& directory, uint64_t round) {
  const std::string path = CheckpointPath(directory, round);
  const std::string state = path + "/" + kStateFile, parameters = path + "/" + kParametersFile;
  LoadedCheckpoint loaded;
  v1::CheckpointRecord record;
  ASSIGN_OR_RETURN(std::string state_bytes, ReadPart(disk, state));
  RETURN_IF_ERROR(LoadState(state, std::move(state_bytes), &record, &loaded.checkpoint.learnt));
  if (record.round() != round) return Damaged(state, fmt::format("is of round {}, expected {}", record.round(), round));

  ASSIGN_OR_RETURN(const std::string parameter_bytes, ReadPart(disk, parameters));
  absl::StatusOr<Tensors> tensors = ParseSafetensors(parameter_bytes);
  if (!tensors.ok()) return Damaged(parameters, fmt::format("is damaged: {}", Message(tensors.status())));
  const Fingerprint fingerprint = FingerprintOf(tensors->values);
  if (fingerprint != FromProto(record.fingerprint())) {
    return Damaged(parameters, fmt::format("is damaged: its parameters have fingerprint {}, expected {}",
                                           fingerprint.Hex(), FromProto(record.fingerprint()).Hex()));
  }
  const size_t header_bytes = parameter_bytes.size() - tensors->values.size() * sizeof(float);
  if (XXH3_64bits(parameter_bytes.data(), header_bytes) != record.header_xxh3()) {
    return Damaged(parameters, "is damaged: the checksum of its header differs");
  }
  if (tensors->values.size() != RangeOf(record.run()).Coordinates()) {
    return Damaged(parameters, fmt::format("has {} parameters, expected {}", tensors->values.size(),
                                           RangeOf(record.run()).Coordinates()));
  }
  loaded.run = std::move(*record.mutable_run());
  loaded.checkpoint.round = round;
  loaded.checkpoint.parameters = std::move(tensors->values);
  loaded.checkpoint.clients = std::move(*record.mutable_clients());
  loaded.checkpoint.step_size = record.step_size();
  loaded.tensors = std::move(tensors->tensors);
  return loaded;
}

absl::Status Prune(Disk& disk, const std::string& directory, uint32_t keep) {
  ASSIGN_OR_RETURN(Layout layout, ReadLayout(disk, directory));
  const size_t surplus = layout.checkpoints.size() - std::min<size_t>(keep, layout.checkpoints.size());
  for (size_t i = 0; i < surplus; ++i) {
    // Without its name it is no checkpoint, so that a crash leaves no half of one.
    const std::string path = CheckpointPath(directory, layout.checkpoints[i]);
    RETURN_IF_ERROR(disk.Rename(path, path + kTemporary));
    RETURN_IF_ERROR(RemoveTree(disk, path + kTemporary));
  }
  if (surplus > 0) RETURN_IF_ERROR(disk.SyncDirectory(CheckpointsDirectory(directory)));
  if (surplus == layout.checkpoints.size()) return absl::OkStatus();
  const size_t covering = CoveringSegment(layout, layout.checkpoints[surplus]);
  if (covering == 0 || covering == layout.segments.size()) return absl::OkStatus();
  for (size_t i = 0; i < covering; ++i) RETURN_IF_ERROR(disk.Remove(SegmentPath(directory, layout.segments[i])));
  return disk.SyncDirectory(JournalDirectory(directory));
}

}  // namespace signvote
