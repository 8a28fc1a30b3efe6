#include "server/service/tensorboard.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "common/bytes.h"
#include "common/status.h"

namespace signvote {
namespace {

constexpr uint32_t kCastagnoli = 0x82F63B78;  // reflected

uint32_t Masked(uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xA282EAD8; }

v1::TensorBoardEvent EventAt(absl::Time now, uint64_t round) {
  v1::TensorBoardEvent event;
  event.set_wall_time(static_cast<double>(absl::ToUnixMicros(now)) / 1e6);
  event.set_step(static_cast<int64_t>(round));
  return event;
}

void AddScalar(const char* tag, double value, v1::TensorBoardEvent* event) {
  v1::TensorBoardScalar& scalar = *event->mutable_summary()->add_value();
  scalar.set_tag(tag);
  scalar.set_simple_value(static_cast<float>(value));
}

}  // namespace

uint32_t Crc32c(std::string_view bytes) {
  uint32_t crc = ~uint32_t{0};
  for (const char byte : bytes) {
    crc ^= static_cast<uint8_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kCastagnoli : 0);
  }
  return ~crc;
}

std::string TensorBoardRecord(const v1::TensorBoardEvent& event) {
  const std::string body = event.SerializeAsString();
  std::string record;
  PutRaw(&record, uint64_t{body.size()});
  PutRaw(&record, Masked(Crc32c(record)));
  record += body;
  PutRaw(&record, Masked(Crc32c(body)));
  return record;
}

absl::StatusOr<std::unique_ptr<TensorBoard>> TensorBoard::Open(const std::string& directory, absl::Time now) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  const std::string path = fmt::format("{}/events.out.tfevents.{}.{}", directory, absl::ToUnixMicros(now), host.data());
  std::FILE* file = std::fopen(path.c_str(), "wbx");
  if (file == nullptr) {
    return Error(absl::StatusCode::kUnavailable, "metrics.tensorboard: cannot write {}: {}", path,
                 std::strerror(errno));
  }
  std::unique_ptr<TensorBoard> board(new TensorBoard(path, file));
  v1::TensorBoardEvent first = EventAt(now, 0);
  first.set_file_version("brain.Event:2");
  MutexLock lock(board->mu_);
  board->Write(first);
  return board;
}

void TensorBoard::Write(const v1::TensorBoardEvent& event) {
  if (!file_) return;
  const std::string record = TensorBoardRecord(event);
  if (std::fwrite(record.data(), 1, record.size(), file_.get()) == record.size() && std::fflush(file_.get()) == 0)
    return;
  spdlog::warn("{}: {}; it is not written any more", path_, std::strerror(errno));
  file_.reset();
}

void TensorBoard::Add(absl::Time now, const RoundRow& row) {
  v1::TensorBoardEvent event = EventAt(now, row.round);
  AddScalar("round/ballots", row.ballots, &event);
  AddScalar("round/step", row.step, &event);
  AddScalar("round/trust", row.trust, &event);
  AddScalar("bytes/up", static_cast<double>(row.bytes_up), &event);
  AddScalar("bytes/down", static_cast<double>(row.bytes_down), &event);
  AddScalar("seconds/collect", row.collect_seconds, &event);
  AddScalar("seconds/decode", row.decode_seconds, &event);
  AddScalar("seconds/journal", row.journal_seconds, &event);
  MutexLock lock(mu_);
  if (now > last_ && last_ != absl::InfinitePast()) {
    AddScalar("round/rounds_per_second", 1 / absl::ToDoubleSeconds(now - last_), &event);
  }
  last_ = now;
  Write(event);
}

void TensorBoard::Add(absl::Time now, const v1::Evaluation& evaluation) {
  v1::TensorBoardEvent event = EventAt(now, evaluation.round());
  if (!std::isnan(evaluation.accuracy())) AddScalar("evaluation/accuracy", evaluation.accuracy(), &event);
  AddScalar("evaluation/loss", evaluation.loss(), &event);
  MutexLock lock(mu_);
  Write(event);
}

}  // namespace signvote
