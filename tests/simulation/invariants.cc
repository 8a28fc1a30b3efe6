#include "tests/simulation/invariants.h"

#include "client/model/sign_packing.h"
#include "tests/simulation/voting.h"

namespace signvote::simulation {

Invariants::Invariants(World* world, const Scenario* scenario, const BlockRange& range, const Tensors& initial)
    : world_(world), scenario_(scenario), tally_(scenario->options.vote, range, initial.values, initial.tensors) {
  for (const ClientPlan& client : scenario->clients) names_[ClientId(client.name)] = client.name;
  fingerprints_[0] = tally_.fingerprint();
}

const std::string& Invariants::NameOf(VoterId voter) const {
  static const std::string kNobody = "nobody";
  auto found = names_.find(voter);
  return found == names_.end() ? kNobody : found->second;
}

void Invariants::Appending(std::span<const v1::JournalRecord> records) {
  appending_.reset();
  Round round;
  for (const v1::JournalRecord& record : records) {
    if (record.has_client()) round.clients.push_back(record.client());
    if (record.has_round()) round.record = record.round();
    round.decisions += record.has_decision();
  }
  appending_ = std::move(round);
}

void Invariants::Appended() {
  if (appending_) Commit(*std::exchange(appending_, std::nullopt));
}

void Invariants::Commit(const Round& round) {
  const uint64_t number = round.record.round();
  for (const v1::ClientRecord& client : round.clients) {
    tally_.electorate().SetEvicted(client.client_id(), client.evicted());
  }
  if (number == 0) return;  // between rounds
  if (number != durable_ + 1) {
    return world_->Break(fmt::format("round {} is journalled after round {}", number, durable_));
  }
  CheckCounting(round);
  if (world_->broken()) return;
  Tally_(round);
  durable_ = number;
}

void Invariants::CheckCounting(const Round& round) {
  const RoundOptions& options = scenario_->options.rounds;
  const v1::RoundRecord& record = round.record;
  if (static_cast<uint32_t>(record.voters_size()) < options.quorum) {
    world_->Break(
        fmt::format("round {} closes with {} ballots, below the quorum", record.round(), record.voters_size()));
  }
  for (int i = 0; i < record.voters_size(); ++i) {
    const uint64_t age = i < record.ages_size() ? record.ages(i) : 0;
    const std::string& name = NameOf(record.voters(i));
    if (age > options.max_staleness) {
      world_->Break(fmt::format("round {} counts a ballot of {} that is {} rounds old", record.round(), name, age));
    }
    if (!counted_.emplace(record.voters(i), record.round() - age).second) {
      world_->Break(fmt::format("round {} counts the ballot of {} for round {} a second time", record.round(), name,
                                record.round() - age));
    }
  }
}

void Invariants::Tally_(const Round& round) {
  const v1::RoundRecord& record = round.record;
  const BlockRange& range = tally_.range();
  if (!is_exact_) return;
  std::vector<SignVector> planes;
  std::vector<std::vector<uint32_t>> stripes;
  planes.reserve(range.count * static_cast<size_t>(record.voters_size()));
  stripes.reserve(planes.capacity());
  std::vector<std::vector<Ballot>> ballots(range.count);
  for (int i = 0; i < record.voters_size(); ++i) {
    const uint32_t age = i < record.ages_size() ? record.ages(i) : 0;
    const uint64_t voted = record.round() - age;
    const VoterId voter = record.voters(i);
    const uint32_t k = i < record.fractions_size() ? record.fractions(i) : 1;
    const Basis basis{scenario_->options.seed, voter, voted, fingerprints_.at(voted - 1), magnitudes_[{voter, voted}]};
    for (uint64_t block = 0; block < range.count; ++block) {
      SignVector signs = SignsOf(basis, block, range.Size(block));
      stripes.emplace_back();
      if (k > 1) {
        stripes.back() = VotedStripes({scenario_->options.seed, voter, voted, k}, block, range.Size(block));
        signs = TakeStripes(signs, stripes.back());
      }
      planes.push_back(std::move(signs));
      ballots[block].push_back({voter, planes.back().signs, planes.back().zeros, stripes.back(), age});
    }
  }
  tally_.Decode(ballots, Serially);
  tally_.Apply({record.step(), record.decay()}, Serially);
  Agree(record.round(), tally_.fingerprint(), "the tally of its ballots");
}

void Invariants::Recovered(uint64_t round, const Fingerprint& fingerprint, const Registry& registry) {
  // The crash may have come when the round was durable and nobody knew yet.
  if (appending_ && round > durable_ && appending_->record.round() == round) Commit(*appending_);
  appending_.reset();
  if (round != durable_) {
    world_->Break(fmt::format("the server starts after round {}, round {} was durable", round, durable_));
  }
  if (round < told_) world_->Break(fmt::format("the server starts after round {}, clients know {}", round, told_));
  // Without ballots in the journal a restart forgets what was learnt of the voters since the last checkpoint.
  const ServerOptions& options = scenario_->options;
  const bool learns = options.vote.rule != "majority" || options.vote.carry > 0;
  if (std::exchange(has_started_, true) && options.durability != "ballots" && learns) is_exact_ = false;
  for (const auto& [name, client] : registry.clients()) tally_.electorate().SetEvicted(client.id, client.evicted);
  Agree(round, fingerprint, "the recovered server");
}

void Invariants::Closed(uint64_t round, uint32_t ballots) {
  if (round != durable_) world_->Break(fmt::format("round {} is published, round {} is durable", round, durable_));
  if (ballots < scenario_->options.rounds.quorum) world_->Break(fmt::format("round {} has {} ballots", round, ballots));
}

void Invariants::Told(const std::string& client, const v1::ServerMessage& message) {
  uint64_t round = 0;
  if (message.has_decision()) {
    // A tentative one may leave before its round is durable.
    round = message.decision().round() - (message.decision().tentative() ? 1 : 0);
  }
  if (message.has_round_closed()) {
    round = message.round_closed().round();
    Agree(round, FromProto(message.round_closed().fingerprint()), "RoundClosed to " + client);
  }
  if (message.has_parameters()) round = message.parameters().round();
  if (message.has_welcome()) round = message.welcome().round();
  told_ = std::max(told_, round);
  if (round > durable_) {
    world_->Break(fmt::format("{} is told of round {}, only round {} is durable", client, round, durable_));
  }
  if (message.has_round_open()) {
    const v1::RoundOpen& open = message.round_open();
    const auto [told, is_new] = magnitudes_.emplace(std::pair(ClientId(client), open.round()), open.magnitude());
    if (told->second != open.magnitude()) {
      world_->Break(fmt::format("round {} opens to {} with magnitude {}, it was {}", open.round(), client,
                                open.magnitude(), told->second));
    }
  }
  if (message.has_ballot_answer()) {
    const v1::BallotAnswer& answer = message.ballot_answer();
    using Verdict = v1::BallotAnswer;
    for (const auto bad : {Verdict::CONFLICT, Verdict::MALFORMED, Verdict::WRONG_LENGTH, Verdict::UNKNOWN_BLOCK}) {
      if (answer.verdict() != bad) continue;
      world_->Break(fmt::format("the server answers an honest ballot of {} for round {}: {} {}", client, answer.round(),
                                Verdict::Verdict_Name(bad), answer.detail()));
    }
  }
}

void Invariants::Holds(const std::string& client, uint64_t round, const Fingerprint& fingerprint) {
  Agree(round, fingerprint, client);
}

void Invariants::Agree(uint64_t round, const Fingerprint& fingerprint, const std::string& who) {
  const auto [found, is_new] = fingerprints_.emplace(round, fingerprint);
  if (found->second == fingerprint) return;
  world_->Break(fmt::format("after round {} {} has fingerprint {}, it was {}", round, who, fingerprint.Hex(),
                            found->second.Hex()));
}

}  // namespace signvote::simulation
