#include "server/service/run_log.h"

#include <absl/strings/str_split.h>
#include <absl/time/clock.h>
#include <spdlog/spdlog.h>

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "common/files.h"
#include "common/status.h"

namespace signvote {
namespace {

constexpr const char* kColumns =
    "round,ballots,step,trust,accuracy,loss,bytes_up,bytes_down,collect_seconds,decode_seconds,journal_seconds,seconds";
constexpr size_t kColumnsInAll = 12;

// Labels are text in YAML; numbers among them are numbers in the summary.
nlohmann::ordered_json Label(const std::string& text) {
  int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) return number;
  return text;
}

// Accuracy stays empty where it was not measured.
std::string MeasuredCells(const v1::Evaluation& evaluation) {
  const double accuracy = evaluation.accuracy();
  return fmt::format(",{},{:.5f}", std::isnan(accuracy) ? "" : fmt::format("{:.4f}", accuracy), evaluation.loss());
}

}  // namespace

RunLog::RunLog(const ServerOptions& options, uint64_t round) : options_(options) {
  if (round > 0) Load(round);
}

void RunLog::Load(uint64_t round) {
  absl::StatusOr<std::string> text = ReadFile(options_.directory + "/metrics.csv");
  if (!text.ok()) return;
  std::istringstream stream(*text);
  for (std::string line; std::getline(stream, line);) {
    const std::vector<std::string> cells = absl::StrSplit(line, ',');
    if (cells.size() != kColumnsInAll || cells[0] == "round") continue;
    const uint64_t number = std::strtoull(cells[0].c_str(), nullptr, 10);
    if (number == 0 || number > round) continue;
    auto real = [&](size_t column) { return std::strtod(cells[column].c_str(), nullptr); };
    auto whole = [&](size_t column) { return std::strtoull(cells[column].c_str(), nullptr, 10); };
    v1::RoundSummary& kept = rounds_[number];
    kept.set_round(number);
    kept.set_ballots(static_cast<uint32_t>(whole(1)));
    kept.set_step(std::strtof(cells[2].c_str(), nullptr));
    kept.set_trust(real(3));
    kept.set_bytes_up(whole(6));
    kept.set_bytes_down(whole(7));
    kept.mutable_times()->set_collect_seconds(real(8));
    kept.mutable_times()->set_decode_seconds(real(9));
    kept.mutable_times()->set_journal_seconds(real(10));
    kept.set_seconds(real(11));
    if (cells[5].empty()) continue;
    v1::Evaluation& evaluation = evaluations_[number];
    evaluation.set_round(number);
    evaluation.set_accuracy(cells[4].empty() ? std::nan("") : real(4));
    evaluation.set_loss(real(5));
  }
}

void RunLog::Add(const RoundRow& row) {
  MutexLock lock(mu_);
  v1::RoundSummary& kept = rounds_[row.round];
  kept.set_round(row.round);
  kept.set_ballots(row.ballots);
  kept.set_step(row.step);
  kept.set_trust(row.trust);
  kept.set_bytes_up(row.bytes_up);
  kept.set_bytes_down(row.bytes_down);
  kept.mutable_times()->set_collect_seconds(row.collect_seconds);
  kept.mutable_times()->set_decode_seconds(row.decode_seconds);
  kept.mutable_times()->set_journal_seconds(row.journal_seconds);
  kept.set_seconds(row.seconds);
  is_dirty_ = true;
}

void RunLog::Add(const v1::Evaluation& evaluation) {
  MutexLock lock(mu_);
  evaluations_[evaluation.round()] = evaluation;
  is_dirty_ = true;
}

std::optional<v1::Evaluation> RunLog::NewestEvaluation() {
  MutexLock lock(mu_);
  if (evaluations_.empty()) return std::nullopt;
  return evaluations_.rbegin()->second;
}

double RunLog::Seconds() {
  MutexLock lock(mu_);
  return rounds_.empty() ? 0 : rounds_.rbegin()->second.seconds();
}

std::vector<v1::RoundSummary> RunLog::RoundsAfter(uint64_t round) {
  MutexLock lock(mu_);
  std::vector<v1::RoundSummary> rounds;
  for (auto at = rounds_.upper_bound(round); at != rounds_.end(); ++at) {
    v1::RoundSummary& summary = rounds.emplace_back(at->second);
    if (auto found = evaluations_.find(at->first); found != evaluations_.end()) {
      if (!std::isnan(found->second.accuracy())) summary.set_accuracy(found->second.accuracy());
      summary.set_loss(found->second.loss());
    }
  }
  return rounds;
}

std::string RunLog::Csv() {
  std::string csv = std::string(kColumns) + "\n";
  for (const auto& [number, round] : rounds_) {
    csv += fmt::format("{},{},{:.6g},{:.4f}", number, round.ballots(), round.step(), round.trust());
    auto found = evaluations_.find(number);
    csv += found == evaluations_.end() ? ",," : MeasuredCells(found->second);
    const v1::RoundTimes& times = round.times();
    csv += fmt::format(",{},{},{:.6f},{:.6f},{:.6f},{:.3f}\n", round.bytes_up(), round.bytes_down(),
                       times.collect_seconds(), times.decode_seconds(), times.journal_seconds(), round.seconds());
  }
  return csv;
}

void RunLog::FlushIfDue() {
  {
    MutexLock lock(mu_);
    if (absl::Now() < next_flush_) return;
  }
  Flush();
}

void RunLog::Flush() {
  constexpr double kMostOfTheTime = 0.02;  // the file is written whole, and long runs have long files
  const absl::Time start = absl::Now();
  std::string csv;
  {
    MutexLock lock(mu_);
    if (!is_dirty_) return;
    is_dirty_ = false;
    csv = Csv();
  }
  absl::Status status = WriteFileAtomically(options_.directory + "/metrics.csv", csv);
  MutexLock lock(mu_);
  next_flush_ = absl::Now() + (absl::Now() - start) / kMostOfTheTime;
  is_dirty_ |= !status.ok();
  if (!status.ok() && !is_behind_) spdlog::warn("metrics are behind: {}", Message(status));
  is_behind_ = !status.ok();
}

absl::Status RunLog::WriteSummary(const v1::RunStatus& status, const v1::ListClientsResponse& clients) {
  nlohmann::ordered_json json;
  json["rule"] = options_.vote.rule;
  json["carry"] = options_.vote.carry;
  json["dither"] = options_.dither;
  json["rounds"] = status.round();
  json["step"] = options_.step.size;
  json["schedule"] = options_.step.schedule;
  json["fraction"] = options_.fraction;
  json["seed"] = options_.seed;
  json["parameters"] = status.parameters();
  json["seconds"] = status.seconds();
  json["accuracy"] = nlohmann::ordered_json::array();
  {
    MutexLock lock(mu_);
    for (const auto& [round, evaluation] : evaluations_) {
      json["accuracy"].push_back({{"round", round}, {"accuracy", evaluation.accuracy()}, {"loss", evaluation.loss()}});
    }
    json["final_accuracy"] = nullptr;
    if (!evaluations_.empty()) json["final_accuracy"] = evaluations_.rbegin()->second.accuracy();
  }
  json["bytes_up_per_client_round"] = status.bytes_up_per_client_round();
  json["bytes_down_per_client_round"] = status.bytes_down_per_client_round();
  json["bytes_join"] = status.bytes_join();
  json["whole_fingerprint"] = nullptr;  // of all shards' blocks, as an observer found it after the last round
  for (const v1::Evaluation& evaluation : status.evaluations()) {
    if (evaluation.round() != status.round() || !evaluation.has_fingerprint()) continue;
    json["whole_fingerprint"] = FromProto(evaluation.fingerprint()).Hex();
  }
  const Fingerprint fingerprint = FromProto(status.fingerprint());
  json["fingerprint"] = fingerprint.Hex();
  bool agree = true;
  auto voters = nlohmann::ordered_json::array();
  for (const v1::ClientSummary& client : clients.clients()) {
    const Fingerprint theirs = FromProto(client.fingerprint());
    if (client.round() == status.round() && !client.evicted()) agree &= theirs == fingerprint;
    if (client.role() != v1::VOTER) continue;
    voters.push_back({{"name", client.name()},
                      {"batch", client.batch()},
                      {"rounds_counted", client.rounds_counted()},
                      {"crossover", client.crossover()},
                      {"mean_weight", client.mean_weight()},
                      {"different", client.different()},
                      {"fingerprint", theirs.Hex()}});
  }
  json["fingerprints_agree"] = agree;
  json["clients"] = std::move(voters);
  for (const auto& [key, value] : options_.labels) {
    if (!json.emplace(key, Label(value)).second)
      spdlog::warn("summary.json has a {} of its own: no label {}", key, key);
  }
  return WriteFileAtomically(options_.directory + "/summary.json", json.dump(2) + "\n");
}

}  // namespace signvote
