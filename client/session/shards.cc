#include "client/session/shards.h"

#include <algorithm>
#include <limits>

#include "client/session/shard_check.h"

namespace signvote {

Shards::Shards(const std::vector<std::string>& addresses, const SessionOptions& options, std::vector<float>* parameters)
    : addresses_(addresses), waiting_(addresses.size()), wanted_(addresses.size()), finished_(addresses.size()) {
  for (size_t i = 0; i < addresses.size(); ++i) sessions_.push_back(std::make_unique<Session>(options, parameters));
}

std::vector<ShardAction> Shards::Connected(size_t shard) {
  std::vector<ShardAction> out;
  Sort(shard, sessions_[shard]->Connected(), &out);
  return out;
}

std::vector<ShardAction> Shards::Received(size_t shard, v1::ServerMessage message) {
  if (IsHeld(shard) || !waiting_[shard].empty()) {
    waiting_[shard].emplace_back(std::move(message));
    return {};
  }
  return Hear(shard, std::move(message));
}

std::vector<ShardAction> Shards::Disconnected(size_t shard, const absl::Status& status) {
  if (IsHeld(shard) || !waiting_[shard].empty()) {
    waiting_[shard].emplace_back(status);
    return {};
  }
  return Hear(shard, status);
}

std::optional<std::vector<ShardAction>> Shards::Release() {
  for (size_t shard = 0; shard < count(); ++shard) {
    if (waiting_[shard].empty() || IsHeld(shard)) continue;
    const Waiting waiting = std::move(waiting_[shard].front());
    waiting_[shard].pop_front();
    return Hear(shard, waiting);
  }
  return std::nullopt;
}

bool Shards::IsHeld(size_t shard) const {
  const Session& session = *sessions_[shard];
  // A Welcome moves no parameters, and one to another run ends the round that the others would be waited for in.
  if (leaving_ || over_ || !session.IsLoaded() || !session.IsFollowing()) return false;
  return std::any_of(sessions_.begin(), sessions_.end(),
                     [&](const auto& other) { return !other->IsLoaded() || other->round() < session.round(); });
}

std::vector<ShardAction> Shards::Hear(size_t shard, const Waiting& waiting) {
  std::vector<ShardAction> out;
  if (over_) return out;
  const auto* message = std::get_if<v1::ServerMessage>(&waiting);
  if (message != nullptr && message->has_welcome()) {
    if (absl::Status status = Check(shard, message->welcome()); !status.ok()) {
      over_ = true;
      out.emplace_back(shard, std::in_place_type<action::Failed>, action::Failed{kExitRefused, status});
      return out;
    }
    joined_ = shard;
  }
  Sort(shard,
       message != nullptr ? sessions_[shard]->Received(*message)
                          : sessions_[shard]->Disconnected(std::get<absl::Status>(waiting)),
       &out);
  SettleEvaluations(&out);
  return out;
}

absl::Status Shards::Check(size_t shard, const v1::Welcome& welcome) const {
  std::vector<ShardWelcome> welcomes;
  for (size_t i = 0; i < count(); ++i) {
    const bool is_known = sessions_[i]->IsFollowing() || finished_[i];
    welcomes.push_back({addresses_[i], i == shard ? &welcome : is_known ? &sessions_[i]->welcome() : nullptr});
  }
  return CheckShards(welcomes);
}

void Shards::Sort(size_t shard, std::vector<Action> actions, std::vector<ShardAction>* out) {
  for (Action& one : actions) {
    if (over_) return;
    if (const auto* compute = std::get_if<action::ComputeBallot>(&one)) {
      wanted_[shard] = *compute;
      continue;
    }
    if (const auto* evaluate = std::get_if<action::Evaluate>(&one)) {
      to_evaluate_[evaluate->round].insert_or_assign(shard, *evaluate);
      continue;
    }
    if (std::holds_alternative<action::LoadModel>(one)) {
      joined_ = shard;
      model_sha256_ = sessions_[shard]->welcome().model_sha256();
      for (const auto& session : sessions_) session->AdoptModel(model_sha256_, tensors());
    } else if (std::holds_alternative<action::Reconnect>(one)) {
      waiting_[shard].clear();  // of the connection that is given up
    } else if (std::holds_alternative<action::Finished>(one)) {
      finished_[shard] = true;
      if (std::find(finished_.begin(), finished_.end(), false) != finished_.end()) continue;
      over_ = true;
    } else if (std::holds_alternative<action::Failed>(one)) {
      over_ = true;
    }
    out->emplace_back(shard, std::move(one));
  }
}

bool Shards::IsLoaded() const {
  return std::all_of(sessions_.begin(), sessions_.end(), [](const auto& session) { return session->IsLoaded(); });
}

uint64_t Shards::LowestRound() const {
  uint64_t lowest = std::numeric_limits<uint64_t>::max();
  for (const auto& session : sessions_) lowest = std::min(lowest, session->IsLoaded() ? session->round() : 0);
  return lowest;
}

uint64_t Shards::Run() const {
  uint64_t run = 0;
  for (const auto& session : sessions_) run += session->run();
  return run;
}

void Shards::SettleEvaluations(std::vector<ShardAction>* out) {
  std::vector<std::pair<size_t, action::Evaluate>> missed;
  for (auto it = to_evaluate_.begin(); it != to_evaluate_.end();) {
    auto& [round, askers] = *it;
    std::erase_if(askers, [this](const auto& asker) { return asker.second.run != sessions_[asker.first]->run(); });
    if (askers.empty()) {
      it = to_evaluate_.erase(it);
      continue;
    }
    const auto is_there = [r = round](const auto& session) { return session->IsLoaded() && session->round() == r; };
    const bool is_due = std::all_of(sessions_.begin(), sessions_.end(), is_there);
    // The parameters of a shard jumped over this round.
    const bool is_missed = std::any_of(sessions_.begin(), sessions_.end(), [r = round](const auto& session) {
      return session->IsLoaded() && session->round() > r;
    });
    if (!is_due && !is_missed) {
      ++it;
      continue;
    }
    if (is_due) {
      const action::Evaluate evaluation{round, Run()};
      evaluating_[evaluation] = askers;
      out->emplace_back(askers.begin()->first, std::in_place_type<action::Evaluate>, evaluation);
    } else {
      missed.insert(missed.end(), askers.begin(), askers.end());
    }
    it = to_evaluate_.erase(it);
  }
  for (const auto& [shard, asked] : missed) Sort(shard, sessions_[shard]->EvaluationDone(asked, std::nullopt), out);
}

std::vector<ShardAction> Shards::EvaluationDone(const action::Evaluate& evaluation,
                                                const std::optional<v1::Evaluation>& result) {
  std::vector<ShardAction> out;
  const auto found = evaluating_.find(evaluation);
  if (found == evaluating_.end()) return out;
  const Askers askers = std::move(found->second);
  evaluating_.erase(found);
  for (const auto& [shard, asked] : askers) Sort(shard, sessions_[shard]->EvaluationDone(asked, result), &out);
  return out;
}

std::vector<ShardAction> Shards::Leave() {
  leaving_ = true;
  std::vector<ShardAction> out;
  for (size_t shard = 0; shard < count(); ++shard) Sort(shard, sessions_[shard]->Leave(), &out);
  return out;
}

uint64_t Shards::NextBallot() const {
  if (leaving_ || over_) return 0;
  const uint64_t lowest = LowestRound();
  uint64_t next = 0;
  for (size_t shard = 0; shard < count(); ++shard) {
    const uint64_t round = wanted_[shard].round;
    const Session& session = *sessions_[shard];
    if (round == 0 || !session.IsLoaded() || round > lowest + 1 || session.round() >= round) continue;
    if (next == 0 || round < next) next = round;
  }
  return IsLoaded() ? next : 0;
}

std::optional<Shards::BallotRequest> Shards::TakeBallot() {
  for (size_t shard = 0; shard < count(); ++shard) {
    // The round closed before its turn came.
    if (!sessions_[shard]->IsBasisOf(wanted_[shard].round)) wanted_[shard] = {};
  }
  BallotRequest request{NextBallot(), 0, {}, {}};
  if (request.round == 0) return std::nullopt;
  for (size_t shard = 0; shard < count(); ++shard) {
    Session& session = *sessions_[shard];
    const bool is_asked = wanted_[shard].round == request.round;
    if (is_asked && request.magnitude == 0) request.magnitude = wanted_[shard].magnitude;
    if (is_asked) wanted_[shard] = {};
    if (session.round() >= request.round) {
      request.notices.push_back(
          fmt::format("votes in round {} on parameters of which those of {} are of round {} "
                      "already",
                      request.round, addresses_[shard], session.round()));
    }
    // A shard that has not opened the round yet, or is away, will ask for the same ballot.
    if (!is_asked && (session.round() + 1 != request.round || !session.ExpectBallot(request.round))) continue;
    const BlockRange& range = session.range();
    for (uint64_t block = range.first; block < range.first + range.count; ++block) request.blocks.push_back(block);
  }
  return request;
}

std::vector<ShardAction> Shards::BallotBlockReady(uint64_t round, uint64_t block, const SignVector& signs,
                                                  float magnitude) {
  std::vector<ShardAction> out;
  for (size_t shard = 0; shard < count(); ++shard) {
    if (!sessions_[shard]->range().Contains(block)) continue;
    Sort(shard, sessions_[shard]->BallotBlockReady(round, block, signs, magnitude), &out);
  }
  return out;
}

}  // namespace signvote
