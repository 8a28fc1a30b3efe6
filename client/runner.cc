#include "client/runner.h"

#include <algorithm>
#include <iterator>
#include <random>

#include "common/log.h"

namespace signvote {
namespace {

// A crashed predecessor's session is noticed as dead after about this long.
constexpr absl::Duration kNameTakenLimit = absl::Minutes(2);
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
      session_(options.session, &parameters_),
      reached_(absl::Now()) {}

ExitCode Runner::Run() {
  while (!exit_code_.has_value()) {
    if (connection_ == nullptr && absl::Now() >= connect_at_) Connect();
    if (std::optional<Event> event = inbox_->Take(Deadline())) {
      Handle(*std::move(event));
    } else if (absl::Now() >= stop_at_) {
      End(kExitOk);
    } else if (to_compute_.has_value()) {
      CastBallot(*std::exchange(to_compute_, std::nullopt));
    }
  }
  if (connection_ != nullptr) connection_->Close(kFarewellLimit);
  connection_.reset();
  return *exit_code_;
}

absl::Time Runner::Deadline() const {
  if (to_compute_.has_value()) return absl::InfinitePast();
  return std::min(stop_at_, connection_ == nullptr ? connect_at_ : absl::InfiniteFuture());
}

void Runner::Connect() {
  spdlog::debug("connects to {}", options_.server);
  credentials_->Refresh();
  connection_ = std::make_unique<Connection>(options_.server, credentials_->ForChannel(), ++connections_, inbox_,
                                             options_.transport.keepalive);
}

void Runner::Handle(Event event) {
  if (auto* opened = std::get_if<event::ConnectionOpened>(&event)) {
    if (IsOfConnection(opened->connection)) Perform(session_.Connected());
  } else if (auto* received = std::get_if<event::MessageReceived>(&event)) {
    if (!IsOfConnection(received->connection)) return;
    Perform(session_.Received(received->message));
    if (session_.IsFollowing()) {
      reached_ = absl::Now();
      backoff_.Reset();
    }
  } else if (auto* ended = std::get_if<event::ConnectionEnded>(&event)) {
    if (!IsOfConnection(ended->connection)) return;
    connection_.reset();
    connect_at_ = absl::InfiniteFuture();  // unless the session asks for another
    Perform(session_.Disconnected(ended->status));
  } else if (auto* done = std::get_if<event::EvaluationDone>(&event)) {
    Perform(session_.EvaluationDone(done->round, done->result));
  } else {
    Stop();
  }
}

void Runner::HandleWaiting() {
  while (!exit_code_.has_value()) {
    std::optional<Event> event = inbox_->TryTake();
    if (!event.has_value()) return;
    Handle(*std::move(event));
  }
}

void Runner::Perform(std::vector<Action> actions) {
  for (Action& action : actions) {
    std::visit([this](auto& one) { Perform(one); }, action);
  }
}

void Runner::Perform(action::Send& send) {
  if (connection_ != nullptr) connection_->Send(*send.message);
}

void Runner::Perform(action::LoadModel& load) {
  ++models_;
  to_compute_.reset();
  const absl::Status status = trainer_ != nullptr ? trainer_->LoadModel(load.bytes, session_.tensors(), parameters_)
                                                  : evaluator_->LoadModel(load.bytes, session_.tensors());
  if (status.ok()) return;
  spdlog::error("{}", Message(status));
  End(kExitData);
}

void Runner::Perform(action::ComputeBallot& compute) { to_compute_ = compute; }

void Runner::Perform(action::Evaluate& evaluate) { evaluator_->Schedule(evaluate.round, parameters_); }

void Runner::Perform(action::Reconnect& reconnect) {
  connection_.reset();
  const absl::Time now = absl::Now();
  const absl::Duration without = now - reached_;
  if (reconnect.name_taken && without > kNameTakenLimit) {
    spdlog::error("{}; is another client running under the name {}?", Message(reconnect.why), options_.session.name);
    return End(kExitRefused);
  }
  if (!reconnect.name_taken && options_.give_up > absl::ZeroDuration() && without > options_.give_up) {
    spdlog::error("gave up: no server at {} for {} (connect.give_up): {}", options_.server,
                  absl::FormatDuration(absl::Floor(without, absl::Seconds(1))), Message(reconnect.why));
    return End(kExitUnavailable);
  }
  // Not all at once where all were told the same.
  const absl::Duration delay = absl::Seconds(reconnect.after_seconds) + backoff_.Next(UnitJitter());
  connect_at_ = now + delay;
  spdlog::warn("{}; connects again in {}", Message(reconnect.why),
               absl::FormatDuration(absl::Ceil(delay, absl::Milliseconds(10))));
}

void Runner::Perform(action::Finished& finished) {
  spdlog::info("done: {}", finished.reason);
  End(kExitOk);
}

void Runner::Perform(action::Failed& failed) {
  spdlog::error("{}", Message(failed.status));
  End(failed.code);
}

void Runner::Perform(action::Notice& notice) {
  spdlog::log(notice.warning ? spdlog::level::warn : spdlog::level::info, "{}", notice.text);
}

void Runner::CastBallot(const action::ComputeBallot& asked) {
  const uint64_t model = models_, round = asked.round;
  const Trainer::Vote vote{session_.client_id(), round, session_.config().seed(), session_.config().dither(),
                           asked.magnitude};
  const absl::Status status = trainer_->ComputeGradient(vote.client_id, round);
  if (!status.ok()) {
    spdlog::error("{}", Message(status));
    return End(kExitData);
  }
  const absl::StatusOr<SignPacker> packer = trainer_->MakePacker(vote);
  if (!packer.ok()) spdlog::error("round {}: abstains: {}", round, Message(packer.status()));
  HandleWaiting();  // maybe the round closed meanwhile
  SignVector signs;
  const BlockRange range = session_.range();
  for (uint64_t block = range.first; block < range.first + range.count; ++block) {
    if (exit_code_.has_value() || models_ != model) return;
    if (packer.ok()) {
      packer->Pack(range.Begin(block), range.Size(block), &signs);
    } else {
      signs = Abstention(range.Size(block));
    }
    SimulateAttack(options_.simulation, vote.client_id, round, block, range.Size(block), &signs);
    const float magnitude = packer.ok() ? packer->magnitude() : 0;
    if (const uint32_t late = SimulatedLateness(options_.simulation, round); late > 0) {
      held_.push_back({round + late, round, block, signs, magnitude});
    } else {
      Perform(session_.BallotBlockReady(round, block, signs, magnitude));
    }
  }
  SendHeldBallots(round);
}

void Runner::SendHeldBallots(uint64_t round) {
  const auto waiting =
      std::find_if(held_.begin(), held_.end(), [round](const HeldBlock& held) { return held.due > round; });
  std::vector<HeldBlock> due(std::make_move_iterator(held_.begin()), std::make_move_iterator(waiting));
  held_.erase(held_.begin(), waiting);
  for (const HeldBlock& held : due) {
    Perform(session_.BallotBlockReady(held.round, held.block, held.signs, held.magnitude));
  }
}

void Runner::Stop() {
  if (stop_at_ != absl::InfiniteFuture()) return End(kExitOk);  // asked twice
  spdlog::info("stops");
  stop_at_ = absl::Now() + kFarewellLimit;
  to_compute_.reset();
  Perform(session_.Leave());
}

}  // namespace signvote
