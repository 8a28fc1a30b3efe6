#include "client/runner.h"

#include <algorithm>
#include <iterator>
#include <random>
#include <utility>

#include "client/model/randomised_response.h"
#include "common/connection_hint.h"
#include "common/log.h"
#include "common/plain_text.h"

namespace signvote {
namespace {

constexpr int kMostAbstentions = 20;
constexpr int kVoteOffsets = 4;  // abstentions: who votes in a fifth of the rounds, or more, goes on
constexpr absl::Duration kFarewellLimit = absl::Seconds(5);

double UnitJitter() {
  std::random_device device;
  return std::uniform_real_distribution<double>(0, 1)(device);
}

}  // namespace

Runner::Runner(const ClientOptions& options, Trainer* trainer, Evaluator* evaluator, Credentials* credentials,
               Inbox* inbox)
    : options_(options),
      trainer_(trainer),
      evaluator_(evaluator),
      credentials_(credentials),
      inbox_(inbox),
      shards_(options.servers, options.session, &parameters_) {
  for (const std::string& address : options.servers) {
    links_.push_back({.address = address, .patience = Patience(options.give_up)});
  }
}

ExitCode Runner::Run() {
  while (!exit_code_.has_value()) {
    Connect();
    if (std::optional<Event> event = inbox_->Take(Deadline())) {
      Handle(*std::move(event));
    } else if (absl::Now() >= stop_at_) {
      End(kExitOk);
    } else if (shards_.HasBallot()) {
      CastBallot();
    }
  }
  for (Link& link : links_) {
    if (link.connection != nullptr) {
      SayWhy(link.connection.get());
      link.connection->Close(kFarewellLimit);
    }
    link.connection.reset();
  }
  return CodeOfExport(*exit_code_);
}

ExitCode Runner::CodeOfExport(ExitCode code) const {
  if (code != kExitOk || evaluator_ == nullptr) return code;
  const absl::Status exported = evaluator_->LastExport();
  if (exported.ok()) return code;
  spdlog::error("evaluate.export ({}) is not of the last evaluation: {}", options_.export_directory, Message(exported));
  return kExitFailure;
}

void Runner::Fail(ExitCode code, const absl::Status& why) {
  reason_ = PlainText(Message(why), kMaxReason);
  End(code);
}

void Runner::SayWhy(Connection* connection) const {
  if (reason_.empty()) return;
  v1::ClientMessage message;
  message.mutable_leave()->set_reason(reason_);
  connection->Send(message);
}

absl::Time Runner::Deadline() const {
  if (shards_.HasBallot()) return absl::InfinitePast();
  absl::Time deadline = stop_at_;
  for (size_t shard = 0; shard < links_.size(); ++shard) {
    if (links_[shard].connection == nullptr && shards_.MayConnect(shard)) {
      deadline = std::min(deadline, links_[shard].connect_at);
    }
  }
  return deadline;
}

void Runner::Connect() {
  for (size_t shard = 0; shard < links_.size(); ++shard) {
    Link& link = links_[shard];
    if (link.connection != nullptr || absl::Now() < link.connect_at || !shards_.MayConnect(shard)) continue;
    spdlog::debug("connects to {}", link.address);
    credentials_->Refresh();
    link.patience.Tries(absl::Now());
    link.has_spoken &= !credentials_->IsTls();  // a certificate may have expired meanwhile
    link.connection = std::make_unique<Connection>(link.address, credentials_->ForChannel(), ++connections_, inbox_,
                                                   options_.transport.keepalive);
  }
}

std::optional<size_t> Runner::ShardOf(uint64_t connection) const {
  for (size_t shard = 0; shard < links_.size(); ++shard) {
    const auto& link = links_[shard];
    if (link.connection != nullptr && link.connection->number() == connection) return shard;
  }
  return std::nullopt;
}

absl::Status Runner::WithHint(const absl::Status& status, const Link& link) const {
  if (status.code() != absl::StatusCode::kUnavailable) return status;
  const std::string hint = ConnectionHint(Message(status), credentials_->IsTls(), link.has_spoken);
  return hint.empty() ? status : Error(status.code(), "{} ({})", Message(status), hint);
}

void Runner::Handle(Event event) {
  // A session that stands is a server that is reached, however long it had nothing to say.
  const auto touch = [this](size_t shard) {
    if (!shards_.IsFollowing(shard)) return;
    links_[shard].patience.Reached(absl::Now());
    links_[shard].backoff.Reset();
  };
  if (auto* opened = std::get_if<event::ConnectionOpened>(&event)) {
    if (const auto shard = ShardOf(opened->connection)) Settle(shards_.Connected(*shard));
  } else if (auto* received = std::get_if<event::MessageReceived>(&event)) {
    const auto shard = ShardOf(received->connection);
    if (!shard) return;
    links_[*shard].has_spoken = true;
    touch(*shard);
    Settle(shards_.Received(*shard, std::move(received->message)));
    touch(*shard);
  } else if (auto* ended = std::get_if<event::ConnectionEnded>(&event)) {
    const auto shard = ShardOf(ended->connection);
    if (!shard) return;
    touch(*shard);
    links_[*shard].connection.reset();
    links_[*shard].connect_at = absl::InfiniteFuture();  // unless the session asks for another
    Settle(shards_.Disconnected(*shard, WithHint(ended->status, links_[*shard])));
  } else if (auto* done = std::get_if<event::EvaluationDone>(&event)) {
    OnEvaluation(*done);
  } else {
    Stop();
  }
}

void Runner::OnEvaluation(const event::EvaluationDone& done) {
  if (done.result.ok()) return Settle(shards_.EvaluationDone(done.evaluation, *done.result));
  // Measuring again would fail again.
  if (absl::IsInvalidArgument(done.result.status())) return Fail(kExitData, done.result.status());
  Settle(shards_.EvaluationDone(done.evaluation, std::nullopt));
}

void Runner::HandleWaiting() {
  while (!exit_code_.has_value()) {
    std::optional<Event> event = inbox_->TryTake();
    if (!event.has_value()) return;
    Handle(*std::move(event));
  }
}

void Runner::Settle(std::vector<ShardAction> actions) {
  Perform(std::move(actions));
  while (auto released = shards_.Release()) Perform(*std::move(released));
  TryEvaluator();
  std::set<uint64_t> held;
  for (size_t shard = 0; shard < links_.size(); ++shard) {
    if (links_[shard].connection != nullptr && shards_.IsHeld(shard)) held.insert(links_[shard].connection->number());
  }
  inbox_->Hold(std::move(held));
}

void Runner::TryEvaluator() {
  if (evaluator_ == nullptr || tried_ == models_ || !shards_.IsLoaded()) return;
  tried_ = models_;
  evaluator_->Try(parameters_);
}

void Runner::Perform(std::vector<ShardAction> actions) {
  for (auto& [shard, action] : actions) {
    std::visit([this, &link = links_[shard]](auto& one) { Perform(link, one); }, action);
  }
}

void Runner::Perform(Link& link, action::Send& send) {
  if (link.connection != nullptr) link.connection->Send(*send.message);
}

void Runner::Perform(Link&, action::LoadModel& load) {
  ++models_;
  const absl::Status status = trainer_ != nullptr ? trainer_->LoadModel(load.bytes, shards_.tensors(), parameters_)
                                                  : evaluator_->LoadModel(load.bytes, shards_.tensors());
  if (!status.ok()) {
    spdlog::error("{}", Message(status));
    return Fail(kExitData, status);
  }
  if (const double p = shards_.config().flip_probability(); p > 0 && trainer_ != nullptr) {
    spdlog::info("flips each sign with probability {:g}: epsilon is {:.3f} for one sign of one round", p,
                 SignEpsilon(p));
  }
}

void Runner::Perform(Link&, action::ComputeBallot&) {}  // see CastBallot

void Runner::Perform(Link&, action::Evaluate& evaluate) { evaluator_->Schedule(evaluate, parameters_); }

void Runner::Perform(Link& link, action::Reconnect& reconnect) {
  link.connection.reset();
  const absl::Time now = absl::Now();
  if (const std::optional<absl::Duration> without = link.patience.Ended(now, reconnect.name_taken)) {
    const std::string seconds = absl::FormatDuration(absl::Floor(*without, absl::Seconds(1)));
    if (reconnect.name_taken) {
      spdlog::error("gave up after {}: {}; is another client running under the name {}?", seconds,
                    Message(reconnect.why), options_.session.name);
      return End(kExitRefused);
    }
    spdlog::error("gave up: no server at {} for {} (connect.give_up): {}", link.address, seconds,
                  Message(reconnect.why));
    return End(kExitUnavailable);
  }
  // Not all at once where all were told the same.
  const absl::Duration delay = absl::Seconds(reconnect.after_seconds) + link.backoff.Next(UnitJitter());
  link.connect_at = now + delay;
  spdlog::warn(
      "{}; connects again in {}{}", Message(reconnect.why),
      absl::FormatDuration(absl::Ceil(delay, absl::Milliseconds(10))),
      reconnect.name_taken ? fmt::format(", for {} in all", absl::FormatDuration(Patience::kNameTakenLimit)) : "");
}

void Runner::Perform(Link&, action::Finished& finished) {
  spdlog::info("done: {}", finished.reason);
  End(kExitOk);
}

void Runner::Perform(Link&, action::Failed& failed) {
  spdlog::error("{}", Message(failed.status));
  Fail(failed.code, failed.status);
}

void Runner::Perform(Link& link, action::Notice& notice) {
  const auto level = notice.warning ? spdlog::level::warn : spdlog::level::info;
  const bool is_plain = links_.size() == 1;
  spdlog::log(level, "{}{}{}", is_plain ? "" : link.address, is_plain ? "" : ": ", notice.text);
}

void Runner::CastBallot() {
  const std::optional<Shards::BallotRequest> request = shards_.TakeBallot();
  if (!request.has_value()) return;
  for (const std::string& notice : request->notices) spdlog::warn("{}", notice);
  const uint64_t model = models_, round = request->round;
  const BlockRange all = BlockRange::All(parameters_.size());
  const v1::RunConfig config = shards_.config();
  const Trainer::Vote vote{shards_.client_id(), round, config.seed(), config.dither(), request->magnitude};
  const absl::Status status =
      trainer_->ComputeGradient(vote.client_id, round, {config.local_steps(), config.local_step_size()});
  if (!status.ok()) {
    spdlog::error("{}", Message(status));
    return Fail(kExitData, status);
  }
  const absl::StatusOr<SignPacker> packer = trainer_->MakePacker(vote);
  if (packer.ok()) {
    abstentions_ = std::max(0, abstentions_ - kVoteOffsets);
  } else if (absl::IsOutOfRange(packer.status())) {
    OnAbstention(round, packer.status());
  } else {
    spdlog::error("{}", Message(packer.status()));
    return Fail(kExitData, packer.status());
  }
  HandleWaiting();  // maybe the round closed meanwhile
  const uint64_t last_layer = LastLayer(shards_.tensors());
  SignVector signs;
  for (const uint64_t block : request->blocks) {
    if (exit_code_.has_value() || models_ != model) return;
    if (packer.ok()) {
      packer->Pack(all.Begin(block), all.Size(block), &signs);
    } else {
      signs = Abstention(all.Size(block));
    }
    FlipSigns(config.flip_probability(), all.Size(block), &signs);
    const uint64_t last_layer_in_block = std::max(last_layer, all.Begin(block)) - all.Begin(block);
    SimulateAttack(options_.simulation, vote.client_id, round, block, all.Size(block), last_layer_in_block, &signs);
    const float magnitude = packer.ok() ? packer->magnitude() : 0;
    if (const uint32_t late = SimulatedLateness(options_.simulation, round); late > 0) {
      held_.push_back({round + late, round, block, signs, magnitude});
    } else {
      Settle(shards_.BallotBlockReady(round, block, signs, magnitude));
    }
  }
  SendHeldBallots(round);
}

void Runner::OnAbstention(uint64_t round, const absl::Status& why) {
  if (!std::exchange(has_abstained_, true)) {
    spdlog::warn("round {}: abstains, and will from now on without a word, where its gradient is not finite: {}", round,
                 Message(why));
  }
  if (++abstentions_ < kMostAbstentions) return;
  spdlog::error(
      "no vote in {} rounds or more, and hardly one between them: {}; expected finite gradients: look for very large "
      "inputs (data.mean and data.deviation normalise them), a loss that divides by 0 or takes its logarithm, or "
      "parameters that have diverged (step.size of the server)",
      abstentions_, Message(why));
  Fail(kExitData, why);
}

void Runner::SendHeldBallots(uint64_t round) {
  const auto waiting =
      std::find_if(held_.begin(), held_.end(), [round](const HeldBlock& held) { return held.due > round; });
  std::vector<HeldBlock> due(std::make_move_iterator(held_.begin()), std::make_move_iterator(waiting));
  held_.erase(held_.begin(), waiting);
  for (const HeldBlock& held : due) {
    Settle(shards_.BallotBlockReady(held.round, held.block, held.signs, held.magnitude));
  }
}

void Runner::Stop() {
  stop_at_ = absl::Now() + kFarewellLimit;
  Settle(shards_.Leave());
}

}  // namespace signvote
