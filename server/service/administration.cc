// What administrators see and change: see admin.proto.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "common/status.h"
#include "server/service/federation.h"

namespace signvote {
namespace {

// After the last round: for voters to tell their fingerprints, and for observers to measure.
constexpr absl::Duration kVoterGrace = absl::Seconds(5);
constexpr absl::Duration kObserverGrace = absl::Seconds(60);
// For clients that load the parameters of the last round anew; and, started again after it, for voters that were cut
// off before they heard of it.
constexpr absl::Duration kReturnGrace = absl::Seconds(10);

// All NaN when one of the values is.
v1::Quantiles QuantilesOf(std::vector<float> values) {
  v1::Quantiles quantiles;
  if (values.empty()) return quantiles;
  if (std::any_of(values.begin(), values.end(), [](float value) { return std::isnan(value); })) {
    values.assign(1, std::numeric_limits<float>::quiet_NaN());
  }
  std::sort(values.begin(), values.end());
  auto at = [&](double q) { return values[static_cast<size_t>(q * static_cast<double>(values.size() - 1))]; };
  quantiles.set_minimum(values.front());
  quantiles.set_p25(at(0.25));
  quantiles.set_median(at(0.5));
  quantiles.set_p75(at(0.75));
  quantiles.set_maximum(values.back());
  quantiles.set_mean(std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size()));
  return quantiles;
}

absl::Status AlreadyFinished(std::string_view wish) {
  return Error(absl::StatusCode::kFailedPrecondition, "the run is finished: there is nothing to {}", wish);
}

absl::Status UnknownClient(const std::string& name) {
  return absl::NotFoundError(fmt::format("no client named {} was ever admitted; signvotectl clients lists them", name));
}

}  // namespace

v1::Phase Federation::PhaseNow() const {
  if (broadcast_.closed >= options_.rounds.total) return v1::FINISHED_RUN;
  if (draining_) return v1::STOPPING_RUN;
  if (!disk_problem_.empty()) return v1::STALLED;
  if (closing_) return v1::CLOSING;
  if (IsPaused()) return v1::PAUSED;
  return Problem().empty() ? v1::COLLECTING : v1::WAITING;
}

std::string Federation::Problem() const {
  if (!disk_problem_.empty()) return disk_problem_;
  if (IsPaused()) return "paused by an administrator; signvotectl resume goes on";
  if (!round_) return "";
  const absl::Time now = environment_.now();
  std::string problem = round_->Problem(now);
  if (!problem.empty() && round_->IsPastDeadline(now) && round_->waiting() > 0) {
    problem += fmt::format("; missing: {}", NamesOf(round_->Missing()));
  }
  return problem;
}

bool Federation::Note(v1::EventKind kind, const std::string& client, std::string detail) {
  return events_.Add(environment_.now(), kind, client, broadcast_.closed, std::move(detail));
}

double Federation::Age() const {
  const absl::Time since = std::min(first_opened_, round_opened_);
  if (since == absl::InfiniteFuture()) return seconds_before_;  // it was finished when this process began
  return seconds_before_ + std::max(0.0, absl::ToDoubleSeconds(std::min(finished_at_, environment_.now()) - since));
}

v1::RunStatus Federation::MakeStatus() const {
  v1::RunStatus status;
  status.set_run(run_);
  status.set_directory(options_.directory);
  status.set_phase(PhaseNow());
  status.set_problem(Problem());
  status.set_round(broadcast_.closed);
  status.set_rounds_total(options_.rounds.total);
  status.set_ballots(round_ ? round_->ballots() : 0);
  status.set_quorum(options_.rounds.quorum);
  for (const auto& [name, client] : registry_.clients()) {
    if (!client.IsConnected()) continue;
    client.role == v1::VOTER ? status.set_voters(status.voters() + 1) : status.set_observers(status.observers() + 1);
  }
  status.set_rule(options_.vote.rule);
  status.set_carry(options_.vote.carry);
  status.set_dither(options_.dither);
  status.set_fraction(options_.fraction);
  const uint64_t open = std::min(broadcast_.closed + 1, options_.rounds.total);
  status.set_step(StepFor(StepNow(), open, options_.rounds.total).size);
  status.set_parameters(broadcast_.range.parameters);
  status.set_first_block(broadcast_.range.first);
  status.set_blocks(broadcast_.range.count);
  status.set_seconds(Age());
  status.set_seconds_per_round(seconds_per_round_);
  status.set_eta_seconds(seconds_per_round_ * static_cast<double>(options_.rounds.total - broadcast_.closed));
  status.set_bytes_up(bytes_up_);
  status.set_bytes_down(bytes_down_);
  status.set_bytes_join(bytes_join_);
  auto mean = [](uint64_t bytes, uint64_t count) {
    return count == 0 ? 0.0 : static_cast<double>(bytes) / static_cast<double>(count);
  };
  status.set_bytes_up_per_client_round(mean(bytes_up_, ballots_counted_));
  status.set_bytes_down_per_client_round(mean(bytes_down_, decisions_delivered_));
  *status.mutable_fingerprint() = ToProto(closed_fingerprint_);
  for (const v1::Evaluation& evaluation : evaluations_) *status.add_evaluations() = evaluation;
  status.set_trust(last_row_.trust);
  status.mutable_last_round()->set_collect_seconds(last_row_.collect_seconds);
  status.mutable_last_round()->set_decode_seconds(last_row_.decode_seconds);
  status.mutable_last_round()->set_journal_seconds(last_row_.journal_seconds);
  *status.mutable_all_rounds() = all_rounds_;
  status.set_rounds_closed(rounds_closed_);
  status.set_ballots_counted(ballots_counted_);
  status.set_decisions_delivered(decisions_delivered_);
  return status;
}

v1::RunStatus Federation::Status() {
  MutexLock lock(mu_);
  return MakeStatus();
}

bool Federation::IsOverdue(const Client& client) const {
  return round_ && !IsPaused() && overdue_ == round_->number() && round_->LacksQuorum() && round_->IsMissing(client.id);
}

v1::ClientSummary Federation::Summarize(const Client& client) const {
  v1::ClientSummary summary;
  summary.set_name(client.name);
  summary.set_client_id(client.id);
  summary.set_role(client.role);
  summary.set_connected(client.IsConnected());
  summary.set_evicted(client.evicted);
  summary.set_batch(client.batch);
  summary.set_fraction(client.fraction);
  summary.set_rounds_counted(client.rounds_counted);
  summary.set_rounds_abstained(client.rounds_abstained);
  summary.set_last_seen_seconds(
      client.last_seen == absl::InfinitePast() ? -1 : absl::ToDoubleSeconds(environment_.now() - client.last_seen));
  summary.set_bytes_up(client.bytes_up);
  summary.set_bytes_down(client.bytes_down);
  if (client.applied_round > 0) {
    summary.set_round(client.applied_round);
    summary.set_rounds_behind(
        static_cast<uint32_t>(broadcast_.closed - std::min(broadcast_.closed, client.applied_round)));
    *summary.mutable_fingerprint() = ToProto(client.applied);
    summary.set_fingerprint_agrees(!client.disagrees);
  }
  const Diagnosis& diagnosis = suspicions_.Of(client.name);
  summary.set_suspicion(diagnosis.suspicion);
  summary.set_explanation(diagnosis.explanation);
  summary.set_stale_ballots(client.stale_ballots);
  summary.set_refused_ballots(client.refused_ballots);
  summary.set_silent(!IsAwaited(client) || IsOverdue(client));
  return summary;
}

void Federation::AddReliability(std::span<const VoterReport> reports, v1::ClientSummary* summary) const {
  const VoterView view = ViewOf(reports, summary->name());
  summary->set_different(view.different);
  summary->set_crossover(view.crossover);
  summary->set_mean_weight(view.weight);
}

v1::ListClientsResponse Federation::Clients() {
  v1::ListClientsResponse response;
  {
    MutexLock lock(mu_);
    for (const auto& [name, client] : registry_.clients()) *response.add_clients() = Summarize(client);
  }
  for (v1::ClientSummary& summary : *response.mutable_clients()) {
    if (summary.role() == v1::VOTER) AddReliability(ReportsOn(summary.client_id()), &summary);
  }
  return response;
}

absl::StatusOr<v1::ClientDetail> Federation::Detail(const std::string& name) {
  v1::ClientDetail detail;
  VoterId voter = 0;
  {
    MutexLock lock(mu_);
    const Client* client = registry_.Find(name);
    if (!client) return UnknownClient(name);
    *detail.mutable_summary() = Summarize(*client);
    if (client->role != v1::VOTER) return detail;
    voter = client->id;
    detail.set_round(broadcast_.closed);
  }
  const std::vector<VoterReport> reports = ReportsOn(voter);
  AddReliability(reports, detail.mutable_summary());
  for (const VoterReport& report : reports) {
    v1::BlockReliability& reliability = *detail.add_blocks();
    reliability.set_block(range_.first + detail.blocks_size() - 1);
    reliability.set_crossover(report.crossover);
    reliability.set_weight(report.weight);
    reliability.set_next_weight(report.next_weight);
    reliability.set_different(report.different);
    reliability.set_trust(report.trust);
  }
  for (const TensorRange& tensor : TensorsHere()) {
    Sample sample = SampleOf(voter, tensor);
    v1::TensorReliability& reliability = *detail.add_tensors();
    reliability.set_name(tensor.name);
    reliability.set_coordinates(tensor.end - tensor.begin);
    *reliability.mutable_crossover() = QuantilesOf(std::move(sample.crossovers));
    *reliability.mutable_weight() = QuantilesOf(std::move(sample.weights));
  }
  return detail;
}

uint64_t Federation::NextToClose() const { return broadcast_.closed + (closing_ ? 2 : 1); }

absl::Status Federation::Pause(uint64_t after_round, uint32_t seconds) {
  Locked locked(this);
  if (finished_at_ != absl::InfiniteFuture()) return AlreadyFinished("pause");
  pause_after_ = after_round;
  pause_ends_ = seconds == 0 ? absl::InfiniteFuture() : environment_.now() + absl::Seconds(seconds);
  Note(v1::RUN_PAUSED, "", "by an administrator");
  spdlog::info("paused from round {} on", std::max(after_round + 1, NextToClose()));
  CloseIfDue();
  return absl::OkStatus();
}

absl::Status Federation::Resume() {
  Locked locked(this);
  if (finished_at_ != absl::InfiniteFuture()) return AlreadyFinished("resume");
  GoOn("by an administrator");
  CloseIfDue();
  return absl::OkStatus();
}

void Federation::GoOn(const std::string& why) {
  pause_after_.reset();
  pause_ends_ = absl::InfiniteFuture();
  Note(v1::RUN_RESUMED, "", why);
  spdlog::info("resumed {}", why);
}

Federation::Exported Federation::Export() {
  Exported exported;
  v1::ExportHeader& header = exported.header;
  header.set_run(run_);
  *header.mutable_config() = ConfigFor(options_.fraction);
  DescribeTensors(header.mutable_tensors());
  const CoreLock core(this);
  header.set_round(tally_.round());
  *header.mutable_fingerprint() = ToProto(tally_.fingerprint());
  exported.parameters.assign(tally_.parameters().begin(), tally_.parameters().end());
  return exported;
}

absl::Status Federation::SetStepSize(float size) {
  StepOptions step = options_.step;
  step.size = size;
  RETURN_IF_ERROR(CheckStep(step));
  Locked locked(this);
  if (finished_at_ != absl::InfiniteFuture()) return AlreadyFinished("change");
  step_size_ = size;
  v1::StepRecord& record = *pending_records_.emplace_back().mutable_step();
  record.set_from_round(NextToClose());
  record.set_size(size);
  Note(v1::STEP_CHANGED, "", fmt::format("step size {:g} from round {} on", size, record.from_round()));
  spdlog::info("step size {} from round {} on", size, record.from_round());
  return absl::OkStatus();
}

float Federation::StepSize() {
  MutexLock lock(mu_);
  return step_size_;
}

absl::Status Federation::SetEvicted(const std::string& name, bool evicted) {
  Locked locked(this);
  Client* client = registry_.Find(name);
  if (!client) return UnknownClient(name);
  if (client->evicted == evicted) {
    return Error(absl::StatusCode::kAlreadyExists, "client {} is {} already", name, evicted ? "evicted" : "admitted");
  }
  client->evicted = evicted;
  Record(*client);
  if (evicted) {
    Withdraw(client->id);
    if (client->session != 0) {
      v1::ServerMessage message;
      message.mutable_farewell()->set_reason(v1::Farewell::EVICTED);
      message.mutable_farewell()->set_detail("an administrator evicted this client");
      const SessionId session = client->session;
      sessions_.at(session).feed.Say(message);
      Depart(session);
      End(session, Error(absl::StatusCode::kPermissionDenied, "client {} is evicted", name));
    }
    FillSeats();
  }
  Note(evicted ? v1::EVICTED_CLIENT : v1::READMITTED, name, "by an administrator");
  spdlog::info("{} {}", name, evicted ? "evicted" : "readmitted");
  CloseIfDue();
  return absl::OkStatus();
}

void Federation::Drain() {
  MutexLock lock(mu_);
  draining_ = true;
}

void Federation::Rest() {
  MutexLock lock(mu_);
  draining_ = rests_ = true;
}

bool Federation::IsDrained() {
  MutexLock lock(mu_);
  if (!Problem().empty()) return true;
  return !closing_ && (!round_ || round_->ballots() == 0);
}

void Federation::Stop(v1::Farewell::Reason reason, const std::string& detail) {
  Locked locked(this);
  if (farewell_) return;
  v1::ServerMessage message;
  v1::Farewell& farewell = *message.mutable_farewell();
  farewell.set_reason(reason);
  farewell.set_return_after_seconds(reason == v1::Farewell::STOPPING ? 2 : 0);
  farewell.set_detail(detail);
  farewell_ = farewell;
  draining_ = rests_ = true;
  if (reason == v1::Farewell::STOPPING) Note(v1::RUN_ENDED, "", "the server is stopping: " + detail);
  round_.reset();
  broadcast_.open = 0;
  for (auto& [id, session] : sessions_) {
    session.feed.Say(message);
    End(id, reason == v1::Farewell::STOPPING
                ? Error(absl::StatusCode::kUnavailable, "the server is stopping: {}", detail)
                : absl::OkStatus());
  }
}

bool Federation::IsFinished() {
  MutexLock lock(mu_);
  if (finished_at_ == absl::InfiniteFuture()) return false;
  const absl::Duration waited = environment_.now() - finished_at_;
  for (const auto& [name, client] : registry_.clients()) {
    const bool is_behind = client.applied_round < options_.rounds.total || client.disagrees;
    const bool returns = client.disagrees || (began_finished_ && client.role == v1::VOTER && !client.evicted);
    if (is_behind && returns && waited < kReturnGrace) return false;
    if (!client.IsConnected() || waited > (client.role == v1::VOTER ? kVoterGrace : kObserverGrace)) continue;
    if (is_behind) return false;
    if (client.role == v1::OBSERVER && client.evaluated_round < options_.rounds.total) return false;
  }
  return true;
}

bool Federation::HasSessions() {
  MutexLock lock(mu_);
  return !sessions_.empty();
}

}  // namespace signvote
