#include "server/service/federation.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>

#include "common/plain_text.h"
#include "common/status.h"
#include "server/service/recovered_round.h"

namespace signvote {
namespace {

constexpr size_t kMaxSessions = 20'000;
constexpr int kMaxSessionsOfOne = 8;  // of one certificate's name: the one that votes, and dead ones not yet noticed
constexpr size_t kMaxUnreadAnswers = 4096;  // a client that asks more and reads none of the answers is cut off

ModelBundle WithoutValues(ModelBundle bundle) {
  bundle.parameters.values = {};
  bundle.module = {};
  return bundle;
}

}  // namespace

Federation::Federation(const ServerOptions& options, ModelBundle bundle, std::string run, State state,
                       Environment environment)
    : options_(options),
      bundle_(WithoutValues(bundle)),
      run_(std::move(run)),
      terms_(std::move(state.terms)),
      environment_(std::move(environment)),
      started_(environment_.now()),
      seconds_before_(state.seconds),
      range_(state.tally.range()),
      events_(started_),
      tally_(std::move(state.tally)),
      registry_(std::move(state.registry)),
      box_(range_, options.seed),
      step_size_(state.step_size) {
  broadcast_.range = range_;
  broadcast_.module = std::move(bundle.module);
  broadcast_.closed = tally_.round();
  closed_fingerprint_ = tally_.fingerprint();
  newest_ = ShareParameters();
  broadcast_.snapshot = [this] {
    mu_.AssertHeld();
    return LendSnapshot();
  };
  for (RecentRound& round : state.recent) {
    broadcast_.history.Add(RecoveredRound(std::move(round), broadcast_.range.first));
  }
  MutexLock lock(mu_);
  if (state.evaluation) evaluations_.push_back(*state.evaluation);
  box_.Close(broadcast_.closed, {}, options_.rounds.max_staleness);
  if (broadcast_.closed > 0) Note(v1::RECOVERED, "", fmt::format("goes on after round {}", broadcast_.closed));
  if (broadcast_.closed >= options_.rounds.total) {
    finished_at_ = started_;
    began_finished_ = true;
  }
  OpenRound();
}

SessionId Federation::Open(std::optional<Identity> caller) {
  MutexLock lock(mu_);
  const SessionId id = ++last_session_;
  Session& session = sessions_[id];
  if (caller) {
    const auto same = [&](const auto& entry) {
      return entry.second.caller && entry.second.caller->name == caller->name;
    };
    if (std::count_if(sessions_.begin(), sessions_.end(), same) >= kMaxSessionsOfOne) {
      session.end = Error(absl::StatusCode::kResourceExhausted, "{} has {} sessions open already", caller->name,
                          kMaxSessionsOfOne);
    }
  }
  if (sessions_.size() > kMaxSessions) {
    session.end = Error(absl::StatusCode::kResourceExhausted, "more than {} sessions", kMaxSessions);
  }
  session.caller = std::move(caller);
  opened_.emplace_back(id, environment_.now());
  return id;
}

bool Federation::Receive(SessionId id, v1::ClientMessage message) {
  const uint64_t bytes = message.ByteSizeLong();
  return Receive(id, Incoming{std::move(message), nullptr, bytes});
}

// Decoded and checked without a lock, but to look up the voter's fraction.
Federation::Planes Federation::PlanesOf(SessionId id, const Incoming& incoming) {
  const v1::BallotBlock& ballot = incoming.message.ballot();
  if (!range_.Contains(ballot.block())) return nullptr;  // refused whatever it holds
  StripeDraw draw{options_.seed, 0, ballot.round(), 1};
  {
    MutexLock lock(mu_);
    auto found = sessions_.find(id);
    if (found != sessions_.end() && found->second.end) return nullptr;
    if (found != sessions_.end() && found->second.client) {
      draw.client_id = found->second.client->id;
      draw.k = found->second.client->fraction;
    }
  }
  const uint64_t size = range_.Size(ballot.block());
  const uint64_t votes = draw.k == 1 ? size : StripeVotes(VotedStripes(draw, ballot.block(), size), size);
  if (incoming.signs) {
    RETURN_IF_ERROR(CheckSigns(incoming.signs->signs, votes));
    return incoming.signs;
  }
  std::shared_ptr<SignVector> planes = planes_.Take();
  RETURN_IF_ERROR(DecodeSigns(ballot.signs(), votes, {}, planes.get()));
  return planes;
}

bool Federation::Receive(SessionId id, Incoming incoming) {
  const uint64_t bytes = incoming.bytes + kPrefixBytes;
  Planes planes = incoming.message.has_ballot() ? PlanesOf(id, incoming) : Planes(nullptr);

  Locked locked(this);
  auto found = sessions_.find(id);
  if (found == sessions_.end() || found->second.end) return false;
  wake_.insert(id);
  Take(id, found->second, incoming.message, bytes, std::move(planes));
  return !found->second.end;
}

void Federation::Take(SessionId id, Session& session, const v1::ClientMessage& message, uint64_t bytes, Planes planes) {
  if (session.feed.said() > kMaxUnreadAnswers) {
    return End(id, Error(absl::StatusCode::kResourceExhausted, "{} answers are unread: read them, then join again",
                         session.feed.said()));
  }
  if (message.has_join()) return Join(id, session, message.join());
  if (!session.client) {
    return End(id, Error(absl::StatusCode::kFailedPrecondition, "this session has not joined: send Join first"));
  }
  Client& client = *session.client;
  client.last_seen = environment_.now();
  client.bytes_up += bytes;
  switch (message.message_case()) {
    case v1::ClientMessage::kBallot:
      bytes_up_ += bytes;
      return Ballot(id, session, message.ballot(), std::move(planes));
    case v1::ClientMessage::kApplied:
      bytes_up_ += bytes;
      return Applied(client, message.applied());
    case v1::ClientMessage::kEvaluation:
      return Evaluated(client, message.evaluation());
    case v1::ClientMessage::kLeave: {
      v1::ServerMessage farewell;
      farewell.mutable_farewell()->set_reason(v1::Farewell::LEFT);
      session.reason = PlainText(message.leave().reason(), kMaxReason);
      session.feed.Say(farewell);
      return End(id, absl::OkStatus());
    }
    default:
      return End(id, InvalidArgument("a message of a kind that this server does not know"));
  }
}

void Federation::Hear(Client& client) {
  if (std::exchange(client.silent_rounds, 0) >= kPatience && round_) round_->Arrive(client.id, IsAsked(client));
}

bool Federation::IsAsked(const Client& client) const {
  return client.role == v1::VOTER && (options_.rounds.electorate == 0 || asked_.contains(client.id));
}

uint64_t Federation::CountedThrough(const Client& client) const {
  if (closing_) {
    if (auto found = closing_->ballots.find(client.id); found != closing_->ballots.end()) return found->second.round;
  }
  return client.last_ballot;
}

void Federation::Answer(Session& session, const v1::BallotBlock& ballot, v1::BallotAnswer::Verdict verdict,
                        std::string detail) {
  if (verdict != v1::BallotAnswer::DUPLICATE && verdict != v1::BallotAnswer::COUNTED_LATE) {
    const bool is_stale = verdict == v1::BallotAnswer::STALE;
    is_stale ? ++session.client->stale_ballots : ++session.client->refused_ballots;
    Note(is_stale ? v1::STALE_BALLOT : v1::REFUSED_BALLOT, session.client->name, detail);
  } else if (verdict == v1::BallotAnswer::COUNTED_LATE) {
    Note(v1::LATE_BALLOT, session.client->name, detail);
  }
  v1::ServerMessage message;
  v1::BallotAnswer& answer = *message.mutable_ballot_answer();
  answer.set_round(ballot.round());
  answer.set_block(ballot.block());
  answer.set_verdict(verdict);
  answer.set_detail(std::move(detail));
  session.feed.Say(message);
}

void Federation::Ballot(SessionId, Session& session, const v1::BallotBlock& ballot, Planes planes) {
  using Verdict = v1::BallotAnswer;
  Client& client = *session.client;
  const uint64_t open = broadcast_.closed + (closing_ ? 2 : 1);  // the round that takes, or will take, ballots
  if (client.role != v1::VOTER) return Answer(session, ballot, Verdict::NOT_A_VOTER, "observers do not vote");
  if (!broadcast_.range.Contains(ballot.block())) {
    return Answer(session, ballot, Verdict::UNKNOWN_BLOCK,
                  fmt::format("block {}: this server holds blocks {} to {}", ballot.block(), broadcast_.range.first,
                              broadcast_.range.first + broadcast_.range.count - 1));
  }
  if (ballot.round() > open || (ballot.round() == open && !round_)) {
    return Answer(session, ballot, Verdict::FUTURE_ROUND, fmt::format("round {} is not open yet", ballot.round()));
  }
  if (!planes.ok()) {
    const bool wrong_length = planes.status().code() == absl::StatusCode::kOutOfRange;
    return Answer(session, ballot, wrong_length ? Verdict::WRONG_LENGTH : Verdict::MALFORMED, Message(planes.status()));
  }
  if (!std::isfinite(ballot.magnitude()) || ballot.magnitude() < 0) {
    return Answer(session, ballot, Verdict::MALFORMED,
                  fmt::format("magnitude is {}, expected a finite number of at least 0", ballot.magnitude()));
  }
  if (ballot.round() == 0) return Answer(session, ballot, Verdict::STALE, "rounds count from 1");
  if (ballot.round() <= CountedThrough(client)) {
    return Answer(session, ballot, Verdict::DUPLICATE,
                  fmt::format("the ballot of round {} is counted already", CountedThrough(client)));
  }
  const uint64_t age = open - ballot.round();
  if (age > options_.rounds.max_staleness) {
    Hear(client);
    return Answer(session, ballot, Verdict::STALE,
                  fmt::format("round {} is closed, {} is open and rounds.max_staleness is {}", ballot.round(), open,
                              options_.rounds.max_staleness));
  }
  if (!IsAsked(client)) {
    return Answer(session, ballot, Verdict::NOT_A_VOTER, fmt::format("not in the electorate of round {}", open));
  }
  const BallotBox::Outcome outcome =
      box_.Add(client.id, client.fraction, ballot.round(), ballot.block(), *planes, ballot.magnitude());
  const bool is_new = outcome == BallotBox::Outcome::kAdded || outcome == BallotBox::Outcome::kCompleted;
  if (is_new && age == 0) StageBallot({client.id, ballot.round(), ballot.block()}, *planes);
  switch (outcome) {
    case BallotBox::Outcome::kAdded:
      return DecideAheadIfDue();
    case BallotBox::Outcome::kDuplicate:
      return Answer(session, ballot, Verdict::DUPLICATE, "the same bytes came before");
    case BallotBox::Outcome::kOlderCounts:
      return Answer(session, ballot, Verdict::STALE, "an older ballot of this client counts in the open round");
    case BallotBox::Outcome::kConflict:
      return Answer(session, ballot, Verdict::CONFLICT, "other bytes came before, and those count");
    case BallotBox::Outcome::kCompleted:
      Hear(client);
      if (age > 0) {
        Answer(session, ballot, Verdict::COUNTED_LATE,
               fmt::format("counts in round {}, {} late, unless a fresh one comes", open, age));
      }
      // A late ballot that comes while the round before is being closed waits in the box for the next one to open.
      if (round_) round_->Vote(client.id, static_cast<uint32_t>(age));
      CloseIfDue();
      DecideAheadIfDue();
      return CloseEarlyIfCertain();
  }
}

void Federation::Applied(Client& client, const v1::Applied& applied) {
  client.applied_round = applied.round();
  client.applied = FromProto(applied.fingerprint());
  const ClosedRound* round = broadcast_.history.Find(applied.round());
  client.disagrees = round && round->closed && round->fingerprint != client.applied;
  if (client.disagrees) {
    const bool is_news =
        Note(v1::DISAGREED, client.name, fmt::format("its parameters differ after round {}", applied.round()));
    if (!is_news) return;
    spdlog::warn("{} has fingerprint {} after round {}, expected {}: it has to load the parameters again", client.name,
                 client.applied.Hex(), applied.round(), round->fingerprint.Hex());
  }
}

void Federation::Evaluated(Client& client, const v1::Evaluation& evaluation) {
  const double accuracy = evaluation.accuracy();
  const bool is_possible = (std::isnan(accuracy) || (accuracy >= 0 && accuracy <= 1)) &&
                           std::isfinite(evaluation.loss()) && evaluation.round() <= broadcast_.closed;
  if (client.role != v1::OBSERVER || !is_possible) {
    if (std::exchange(client.complained, broadcast_.closed) == broadcast_.closed) return;
    spdlog::warn("{} reports an impossible evaluation: round {}, accuracy {}, loss {}; it is ignored", client.name,
                 evaluation.round(), accuracy, evaluation.loss());
    return;
  }
  if (client.evaluated_round >= evaluation.round()) return;
  client.evaluated_round = evaluation.round();
  evaluations_.push_back(evaluation);
  if (evaluations_.size() > 64) evaluations_.pop_front();
  environment_.run([this, evaluation] { environment_.on_evaluation(evaluation); });
}

Federation::Outbound Federation::Next(SessionId id) {
  Locked locked(this);
  auto found = sessions_.find(id);
  if (found == sessions_.end()) return {nullptr, absl::CancelledError("the session is gone")};
  Session& session = found->second;
  // What was said before the end still goes out; parameters and decisions do not.
  if (session.end && session.feed.said() == 0) return {nullptr, session.end};
  const Feed::Item item = session.feed.Next(broadcast_, session.client && IsAsked(*session.client),
                                            session.client ? session.client->magnitude : 0);
  if (!item.frame) return {};
  const uint64_t bytes = item.frame->size() + kPrefixBytes;
  if (session.client) session.client->bytes_down += bytes;
  if (item.kind == Feed::Kind::kJoin) bytes_join_ += bytes;
  if (item.kind == Feed::Kind::kRound || item.kind == Feed::Kind::kRoundEnd) bytes_down_ += bytes;
  if (item.kind == Feed::Kind::kRoundEnd) ++decisions_delivered_;
  return {item.frame, std::nullopt};
}

void Federation::End(SessionId id, absl::Status status) {
  auto found = sessions_.find(id);
  if (found == sessions_.end() || found->second.end) return;
  NoteLeft(found->second, status);
  Depart(id);
  found->second.end = std::move(status);
  wake_.insert(id);
}

void Federation::NoteLeft(const Session& session, const absl::Status& why) {
  if (!session.client) return;
  const std::string detail = !session.reason.empty() ? "it says: " + session.reason : Message(why);
  Note(v1::LEFT_SESSION, session.client->name, detail);
  detail.empty() ? spdlog::info("{} left", session.client->name)
                 : spdlog::warn("{} left; {}", session.client->name, detail);
}

void Federation::Depart(SessionId id) {
  auto found = sessions_.find(id);
  if (found == sessions_.end() || !found->second.client) return;
  Client& client = *found->second.client;
  found->second.client = nullptr;
  if (client.session != id) return;
  client.session = 0;
  if (round_) round_->Depart(client.id);
}

void Federation::Closed(SessionId id) {
  Locked locked(this);
  if (auto found = sessions_.find(id); found != sessions_.end()) NoteLeft(found->second, absl::OkStatus());
  Depart(id);
  sessions_.erase(id);
  FillSeats();
  CloseIfDue();
}

void Federation::Withdraw(VoterId voter) {
  if (round_) round_->Evict(voter);
  box_.Discard(voter);
  environment_.run([this] { environment_.store->Unstage(); });
}

void Federation::CheckCallers(const std::function<absl::Status(const Identity&)>& check) {
  Locked locked(this);
  for (auto& [id, session] : sessions_) {
    if (!session.caller || session.end) continue;
    const absl::Status status = check(*session.caller);
    if (status.ok()) continue;
    spdlog::warn("{}: its session ends", Message(status));
    if (session.client && absl::IsPermissionDenied(status)) Withdraw(session.client->id);
    End(id, status);
  }
  FillSeats();
  CloseIfDue();
}

void Federation::EndUnjoined(absl::Time now) {
  for (; !opened_.empty() && now - opened_.front().second >= kJoinLimit; opened_.pop_front()) {
    const SessionId id = opened_.front().first;
    const auto found = sessions_.find(id);
    if (found == sessions_.end() || found->second.client) continue;
    End(id, Error(absl::StatusCode::kFailedPrecondition, "no Join within {}", absl::FormatDuration(kJoinLimit)));
  }
}

std::shared_ptr<const Snapshot> Federation::ShareParameters() const {
  return std::make_shared<const Snapshot>(Snapshot{tally_.round(), tally_.ShareParameters(), tally_.fingerprint()});
}

std::shared_ptr<const Snapshot> Federation::LendSnapshot() {
  if (!snapshot_ || snapshot_->round + History::kRounds / 2 < broadcast_.closed) snapshot_ = newest_;
  return snapshot_;
}

}  // namespace signvote
