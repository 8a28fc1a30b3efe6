// What lies on disk: a damaged run is refused, or recovered to what it was after one of its rounds, and the same again
// when it is opened again; records whose checksums fit but whose content is arbitrary are refused in words.
#include <spdlog/spdlog.h>

#include "common/status.h"
#include "server/store/journal_format.h"
#include "server/store/layout.h"
#include "server/store/segment_reader.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/server/store/live_run.h"
#include "tests/server/store/memory_disk.h"

using namespace signvote;

namespace {

constexpr char kRun[] = "run";
constexpr char kSegment[] = "run/journal/round-00000000.log";
constexpr int kRounds = 3;

LiveOptions Small() {
  LiveOptions options;
  options.parameters = 100;
  options.voters = 3;
  options.has_events = false;
  return options;
}

// A run of a few rounds with a checkpoint after the second.
struct Recorded {
  MemoryDisk disk;
  std::vector<Image> images;

  Recorded() {
    LiveRun live(disk, kRun, Small());
    images.push_back(live.Now());
    for (int round = 1; round <= kRounds; ++round) {
      FUZZ_CHECK(live.Round().ok());
      if (round == 2) FUZZ_CHECK(live.Checkpoint().ok());
      images.push_back(live.Now());
    }
  }
};

const Recorded& TheRun() {
  static const Recorded recorded;
  return recorded;
}

absl::StatusOr<OpenedRun> Open(MemoryDisk& disk) {
  return OpenRun(disk, kRun, SetupOf(Small()), InitialParameters(Small()), Serially);
}

// Overwrites, inserts or removes a few bytes.
void Damage(FuzzInput& input, std::string* bytes) {
  for (int edits = 1 + static_cast<int>(input.Below(4)); edits > 0 && !bytes->empty(); --edits) {
    const size_t at = input.Number<uint32_t>() % bytes->size();
    const std::string_view text = input.Text();
    switch (input.Below(3)) {
      case 0:
        bytes->replace(at, std::min(text.size(), bytes->size() - at), text);
        break;
      case 1:
        bytes->insert(at, text);
        break;
      default:
        bytes->resize(at);
    }
  }
}

// Gives every record that has a magic a checksum that fits, so that damage reaches what is behind the checksums.
void FixChecksums(std::string* bytes) {
  journal::SegmentHeader segment;
  if (bytes->size() < sizeof(segment)) return;
  std::memcpy(&segment, bytes->data(), sizeof(segment));
  segment.checksum = journal::ChecksumOf(segment);
  std::memcpy(bytes->data(), &segment, sizeof(segment));
  for (uint64_t offset = sizeof(segment); offset + sizeof(journal::RecordHeader) <= bytes->size();) {
    journal::RecordHeader record;
    std::memcpy(&record, bytes->data() + offset, sizeof(record));
    const uint64_t length = journal::RecordBytes(offset, record.length, record.place);
    if (record.magic != journal::kRecordMagic || record.length > bytes->size() || offset + length > bytes->size()) {
      offset += journal::kAlignment;
      continue;
    }
    record.checksum = journal::ChecksumOf(std::string_view(*bytes).substr(offset, length), segment.salt, offset);
    std::memcpy(bytes->data() + offset, &record, sizeof(record));
    offset += length;
  }
}

void CheckDamagedRun(FuzzInput& input) {
  const char* const files[] = {kSegment, "run/journal/round-00000002.log", "run/checkpoints/round-00000000/state.bin",
                               "run/checkpoints/round-00000002/state.bin",
                               "run/checkpoints/round-00000002/params.safetensors"};
  MemoryDisk disk = TheRun().disk;
  const bool is_fixed = input.Bool();
  const std::string path = files[input.Below(std::size(files))];
  if (!disk.Exists(path)) return;
  std::string bytes = disk.Bytes(path);
  Damage(input, &bytes);
  if (is_fixed && path.ends_with(".log")) FixChecksums(&bytes);
  disk.SetBytes(path, bytes);

  absl::StatusOr<OpenedRun> run = Open(disk);
  if (!run.ok()) {
    FUZZ_CHECK(absl::IsDataLoss(run.status()) || absl::IsFailedPrecondition(run.status()) ||
                   absl::IsInvalidArgument(run.status()),
               Message(run.status()));
    return;
  }
  const Image image = LiveRun(*std::move(run), Small()).Now();
  FUZZ_CHECK(image.round <= kRounds || is_fixed);
  if (!is_fixed) FUZZ_CHECK(image == TheRun().images[image.round], "recovered to what the run never was");
  absl::StatusOr<OpenedRun> again = Open(disk);
  FUZZ_CHECK(again.ok(), Message(again.status()));
  FUZZ_CHECK(LiveRun(*std::move(again), Small()).Now() == image);
}

// Arbitrary bytes where a segment is expected.
void CheckSegment(FuzzInput& input) {
  MemoryDisk disk = TheRun().disk;
  std::string bytes = disk.Bytes(kSegment);
  bytes.resize(input.Number<uint16_t>() % (bytes.size() + 1));
  bytes += input.Rest();
  FixChecksums(&bytes);
  disk.SetBytes(kSegment, bytes);
  auto reader = SegmentReader::Open(disk, kSegment, 0);
  if (!reader.ok()) {
    FUZZ_CHECK(absl::IsDataLoss(reader.status()), Message(reader.status()));
    return;
  }
  uint64_t end = (*reader)->position().end;
  while (true) {
    auto bodies = (*reader)->Next();
    if (!bodies.ok()) {
      FUZZ_CHECK(absl::IsDataLoss(bodies.status()), Message(bodies.status()));
      return;
    }
    if (!*bodies) break;
    FUZZ_CHECK((*reader)->append_begins() == end && (*reader)->position().end > end);
    end = (*reader)->position().end;
    FUZZ_CHECK(end <= bytes.size());
    size_t total = 0;
    for (std::string_view body : **bodies) total += body.size();
    FUZZ_CHECK(total <= bytes.size());
  }
  FUZZ_CHECK((end == bytes.size()) == (*reader)->torn().empty());
}

// What a checkpoint says of evidence, reliability and clients: accepted, it is saved as it was.
void CheckLearnt(FuzzInput& input) {
  const Image& image = TheRun().images.back();
  const bool is_registry = input.Bool();
  std::string bytes = is_registry ? image.clients : image.learnt;
  input.Bool() ? Damage(input, &bytes) : void(bytes = input.Rest());
  std::string saved;
  if (is_registry) {
    Registry registry;
    const absl::Status status = registry.Restore(bytes);
    if (!status.ok()) return;
    registry.Save(&saved);
    Registry again;
    FUZZ_CHECK(again.Restore(saved).ok());
    std::string resaved;
    again.Save(&resaved);
    FUZZ_CHECK(saved == resaved);
    return;
  }
  Tally tally(SetupOf(Small()).vote, BlockRange::All(Small().parameters), {});
  const absl::Status status = tally.Restore(kRounds, InitialParameters(Small()), bytes);
  if (!status.ok()) {
    FUZZ_CHECK(absl::IsInvalidArgument(status), Message(status));
    return;
  }
  tally.Save(&saved);
  FUZZ_CHECK(saved == bytes);
  std::vector<std::vector<Ballot>> nobody(1);
  tally.Decode(nobody, Serially);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  spdlog::set_level(spdlog::level::off);
  FuzzInput input(data, size);
  switch (input.Below(4)) {
    case 0:
    case 1:
      CheckDamagedRun(input);
      break;
    case 2:
      CheckSegment(input);
      break;
    default:
      CheckLearnt(input);
  }
  return 0;
}
