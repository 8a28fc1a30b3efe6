#include "client/session/session.h"

#include "client/model/sign_packing.h"
#include "client/session/welcome.h"
#include "common/files.h"
#include "common/plain_text.h"
#include "common/random.h"

namespace signvote {
namespace {

constexpr uint32_t kProtocol = 1;
constexpr size_t kLongestWarning = 1000;
constexpr uint32_t kResyncLimit = 3;  // in a row, before the session gives up

// A refusal that trying again does not change.
bool IsRefusal(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kUnimplemented:
      return true;
    default:
      return false;
  }
}

}  // namespace

Session::Session(const SessionOptions& options, std::vector<float>* parameters)
    : options_(options), replica_(parameters) {}

std::vector<Action> Session::Connected() {
  if (state_ == State::kOver) return {};
  state_ = State::kJoining;
  open_ = 0;
  replica_.DropTentative();
  v1::ClientMessage message;
  v1::Join& join = *message.mutable_join();
  join.set_protocol(kProtocol);
  join.set_name(options_.name);
  join.set_role(options_.role);
  join.set_batch(options_.batch);
  join.set_fraction(options_.fraction);
  join.set_session(welcome_.session());
  join.set_model_sha256(model_sha256_);
  join.mutable_settings()->insert(options_.settings.begin(), options_.settings.end());
  if (replica_.IsLoaded()) {
    join.set_round(replica_.round());
    *join.mutable_fingerprint() = ToProto(replica_.fingerprint());
  }
  Send(std::move(message));
  return TakeActions();
}

std::vector<Action> Session::Received(const v1::ServerMessage& message) {
  if (state_ != State::kJoining && state_ != State::kFollowing) return {};
  using Kind = v1::ServerMessage;
  const bool greeting = message.has_welcome() || message.has_farewell();
  if (!greeting && state_ != State::kFollowing) {
    Resync(InvalidArgument("the server's first message is not Welcome"));
    return TakeActions();
  }
  switch (message.message_case()) {
    case Kind::kWelcome:
      OnWelcome(message.welcome());
      break;
    case Kind::kModel:
      OnModel(message.model());
      break;
    case Kind::kParameters:
      OnParameters(message.parameters());
      break;
    case Kind::kRoundOpen:
      OnRoundOpen(message.round_open());
      break;
    case Kind::kDecision:
      OnDecision(message.decision());
      break;
    case Kind::kRoundClosed:
      OnRoundClosed(message.round_closed());
      break;
    case Kind::kBallotAnswer:
      OnBallotAnswer(message.ballot_answer());
      break;
    case Kind::kFarewell:
      OnFarewell(message.farewell());
      break;
    case Kind::MESSAGE_NOT_SET:
      break;  // of a newer server
  }
  return TakeActions();
}

void Session::OnWelcome(const v1::Welcome& welcome) {
  if (state_ == State::kFollowing) return Resync(InvalidArgument("the server welcomes twice"));
  const absl::StatusOr<RunOutline> run = ReadWelcome(welcome, options_.name);
  if (!run.ok()) return Fail(kExitFailure, run.status());
  if (!options_.model_sha256.empty() && welcome.model_sha256() != options_.model_sha256) {
    return Fail(kExitData, Error(absl::StatusCode::kFailedPrecondition,
                                 "model_sha256 is {}, and the server's model.pt has SHA-256 {}: this client does not "
                                 "load it; if that is the model you trust, set model_sha256 to its hash",
                                 Hex(options_.model_sha256), Hex(welcome.model_sha256())));
  }
  if (tensors_.empty() || welcome.run() != welcome_.run() || run->tensors != tensors_) {
    if (!tensors_.empty()) Note(true, OtherRunText(welcome_, welcome, options_.name));
    replica_.Reset(run->range);
    ballot_ = {};
    ++run_;
    evaluated_ = 0;
    pending_evaluations_ = 0;
    unsent_.clear();
  }
  welcome_ = welcome;
  tensors_ = run->tensors;
  if (HasModel() && tensors_ != model_tensors_) {
    model_sha256_.clear();
    return Rejoin(
        {0, false,
         Error(absl::StatusCode::kUnavailable,
               "run {} has the same model.pt with its parameters in another order: fetching it anew", welcome.run())});
  }
  const absl::Status status = download_.Expect(welcome.model_sha256(), welcome.model_size());
  if (!status.ok()) return Fail(kExitFailure, status);
  state_ = State::kFollowing;
  Note(false, fmt::format("joined run {} as {}; {} parameters, last closed round {}", welcome.run(), options_.name,
                          welcome.config().parameters(), welcome.round()));
  if (!welcome.warning().empty())
    Note(true,
         fmt::format("the server: {}: compare client.yaml with theirs", PlainText(welcome.warning(), kLongestWarning)));
  for (v1::Evaluation& evaluation : std::exchange(unsent_, {})) {
    v1::ClientMessage message;
    *message.mutable_evaluation() = std::move(evaluation);
    Send(std::move(message));
  }
  LeaveWhenComplete();
}

void Session::AdoptModel(const std::string& sha256, const std::vector<TensorShape>& tensors) {
  model_sha256_ = sha256;
  model_tensors_ = tensors;
}

void Session::OnModel(const v1::ModelChunk& chunk) {
  const absl::StatusOr<bool> complete = download_.Add(chunk);
  if (!complete.ok()) return Resync(complete.status());
  if (!*complete) return;
  AdoptModel(welcome_.model_sha256(), tensors_);
  Do(action::LoadModel{download_.TakeBytes()});
}

void Session::OnParameters(const v1::ParametersChunk& chunk) {
  if (!HasModel()) return Resync(InvalidArgument("parameters come before model.pt"));
  const absl::StatusOr<bool> complete = replica_.Load(chunk);
  if (!complete.ok()) return Resync(complete.status());
  if (!*complete) return;
  Note(false, fmt::format("received the parameters after round {}", replica_.round()));
  if (ballot_.round <= replica_.round()) ballot_ = {};
  SayApplied();
  EvaluateWhereDue();
  LeaveWhenComplete();
}

void Session::OnRoundOpen(const v1::RoundOpen& open) {
  if (!replica_.IsLoaded() || open.round() != replica_.round() + 1) {
    return Resync(InvalidArgument("round {} opens, expected {}", open.round(), replica_.round() + 1));
  }
  if (!open.vote() || options_.role != v1::VOTER) return;
  open_ = open.round();
  if (ballot_.round == open.round()) {
    for (const auto& [block, send] : ballot_.blocks) Do(send);
    return;
  }
  ballot_ = {open.round(), {}};
  Do(action::ComputeBallot{open.round(), open.magnitude()});
}

void Session::OnDecision(const v1::DecisionBlock& decision) {
  const absl::Status status = replica_.Apply(decision);
  if (!status.ok()) Resync(status);
}

void Session::OnRoundClosed(const v1::RoundClosed& closed) {
  const absl::StatusOr<bool> agrees = replica_.Close(closed);
  if (!agrees.ok()) return Resync(agrees.status());
  SayApplied();
  if (!*agrees) {
    return Resync(Error(absl::StatusCode::kDataLoss,
                        "the parameters after round {} have fingerprint {}, the server's {}: fetching them anew",
                        closed.round(), replica_.fingerprint().Hex(), FromProto(closed.fingerprint()).Hex()));
  }
  resyncs_ = 0;
  if (ballot_.round <= replica_.round()) ballot_.blocks.clear();
  EvaluateWhereDue();
  LeaveWhenComplete();
}

void Session::SayApplied() {
  v1::ClientMessage message;
  message.mutable_applied()->set_round(replica_.round());
  *message.mutable_applied()->mutable_fingerprint() = ToProto(replica_.fingerprint());
  Send(std::move(message));
}

void Session::OnBallotAnswer(const v1::BallotAnswer& answer) {
  const bool expected = answer.verdict() == v1::BallotAnswer::DUPLICATE;
  if (expected) return;
  Note(answer.verdict() != v1::BallotAnswer::COUNTED_LATE,
       fmt::format("the server on the ballot for round {}, block {}: {} {}", answer.round(), answer.block(),
                   v1::BallotAnswer::Verdict_Name(answer.verdict()), answer.detail()));
}

void Session::OnFarewell(const v1::Farewell& farewell) {
  switch (farewell.reason()) {
    case v1::Farewell::STOPPING:
      return Rejoin({farewell.return_after_seconds(), false,
                     Error(absl::StatusCode::kUnavailable, "the server stops for now: {}", farewell.detail())});
    case v1::Farewell::EVICTED:
      return Fail(kExitRefused, Error(absl::StatusCode::kPermissionDenied, "{} is evicted by the server: {}",
                                      options_.name, farewell.detail()));
    case v1::Farewell::LEFT:
      return Finish(IsComplete() ? "the run is complete" : "left");
    case v1::Farewell::FINISHED:
    default:
      if (pending_evaluations_ == 0) return Finish("the run is complete");
      dismissed_ = true;
  }
}

std::vector<Action> Session::Disconnected(const absl::Status& status) {
  if (state_ == State::kOver) return {};
  state_ = State::kDisconnected;
  if (leaving_ && !IsComplete()) {
    Finish("left");
  } else if (dismissed_ || IsComplete()) {
    dismissed_ = true;  // what is measured from here on goes to the log alone
    if (pending_evaluations_ == 0) Finish("the run is complete");
  } else if (IsRefusal(status.code())) {
    Fail(kExitRefused, Annotate(status, "the server refused"));
  } else {
    Rejoin({0, status.code() == absl::StatusCode::kAlreadyExists, status});
  }
  return TakeActions();
}

bool Session::ExpectBallot(uint64_t round) {
  if (ballot_.round == round || round != replica_.round() + 1) return false;
  ballot_ = {round, {}};
  return true;
}

std::vector<Action> Session::BallotBlockReady(uint64_t round, uint64_t block, const SignVector& signs,
                                              float magnitude) {
  if (state_ == State::kOver || !replica_.IsLoaded()) return {};
  const bool late = round <= replica_.round();
  if (!late && round != ballot_.round) return {};  // of parameters that turned out to be wrong
  const uint64_t age = replica_.round() + 1 - round;
  if (late && (age > config().max_staleness() || state_ != State::kFollowing)) {
    Note(true, fmt::format("the ballot for round {} is ready {} round{} late and is not sent", round, age,
                           age == 1 ? "" : "s"));
    return TakeActions();
  }
  auto message = std::make_shared<v1::ClientMessage>();
  v1::BallotBlock& ballot = *message->mutable_ballot();
  ballot.set_round(round);
  ballot.set_block(block);
  ballot.set_magnitude(magnitude);
  const uint32_t k = options_.fraction != 0 ? options_.fraction : std::max(1u, config().fraction());
  if (k == 1) {
    EncodeSigns(signs.signs, signs.zeros, {}, ballot.mutable_signs());
  } else {
    const auto stripes = VotedStripes({config().seed(), client_id(), round, k}, block, range().Size(block));
    const SignVector voted = TakeStripes(signs, stripes);
    EncodeSigns(voted.signs, voted.zeros, {}, ballot.mutable_signs());
  }
  const action::Send send{std::move(message)};
  if (!late) ballot_.blocks[block] = send;
  if (late || (open_ == round && state_ == State::kFollowing)) Do(send);
  return TakeActions();
}

std::vector<Action> Session::EvaluationDone(const action::Evaluate& evaluation,
                                            const std::optional<v1::Evaluation>& result) {
  if (state_ == State::kOver || evaluation.run != run_ || pending_evaluations_ == 0) return {};
  --pending_evaluations_;
  if (result.has_value()) {
    if (state_ == State::kFollowing) {
      v1::ClientMessage message;
      *message.mutable_evaluation() = *result;
      Send(std::move(message));
    } else {
      unsent_.push_back(*result);
    }
  } else {
    Note(true, fmt::format("the evaluation of round {} was given up", evaluation.round));
  }
  LeaveWhenComplete();
  if (dismissed_ && pending_evaluations_ == 0) Finish("the run is complete");
  return TakeActions();
}

std::vector<Action> Session::Leave() {
  if (state_ == State::kOver || leaving_) return {};
  if (state_ == State::kDisconnected) {
    Finish("stopped");
  } else {
    leaving_ = true;
    v1::ClientMessage message;
    message.mutable_leave();
    Send(std::move(message));
  }
  return TakeActions();
}

void Session::EvaluateWhereDue() {
  const uint64_t round = replica_.round();
  if (options_.role != v1::OBSERVER || round <= evaluated_) return;
  const bool due = options_.evaluate_every != 0 && round % options_.evaluate_every == 0;
  if (!due && !IsComplete()) return;
  evaluated_ = round;
  ++pending_evaluations_;
  Do(action::Evaluate{round, run_});
}

bool Session::IsComplete() const {
  return replica_.IsLoaded() && config().rounds_total() != 0 && replica_.round() >= config().rounds_total();
}

void Session::LeaveWhenComplete() {
  if (!IsComplete() || pending_evaluations_ != 0 || leaving_ || state_ != State::kFollowing) return;
  leaving_ = true;
  v1::ClientMessage message;
  message.mutable_leave();
  Send(std::move(message));
}

void Session::Resync(const absl::Status& why) {
  replica_.Forget();
  ballot_ = {};
  Note(true, Message(why));
  if (++resyncs_ > kResyncLimit) {
    return Fail(kExitFailure, Annotate(why, "client and server do not agree, however often they start over"));
  }
  Rejoin({0, false, why});
}

void Session::Rejoin(action::Reconnect reconnect) {
  state_ = State::kDisconnected;
  Do(std::move(reconnect));
}

void Session::Finish(const std::string& reason) {
  state_ = State::kOver;
  Do(action::Finished{reason});
}

void Session::Fail(ExitCode code, const absl::Status& status) {
  state_ = State::kOver;
  Do(action::Failed{code, status});
}

void Session::Send(v1::ClientMessage message) {
  Do(action::Send{std::make_shared<const v1::ClientMessage>(std::move(message))});
}

void Session::Note(bool warning, std::string text) { Do(action::Notice{warning, std::move(text)}); }

}  // namespace signvote
