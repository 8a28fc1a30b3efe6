#include "tests/server/store/live_run.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "common/status.h"

namespace signvote {
namespace {

std::string NameOf(uint32_t voter) { return fmt::format("client-{:02}", voter); }

}  // namespace

RunSetup SetupOf(const LiveOptions& options) {
  RunSetup setup;
  setup.vote = options.config.vote;
  setup.range = BlockRange::Shard(options.parameters, options.shard, options.shards);
  const uint64_t half = options.parameters / 2;  // at the default size a section of its own
  setup.tensors = {{"layer.weight", {half}}, {"head.weight", {options.parameters - half - 10}}, {"head.bias", {2, 5}}};
  setup.config = Canonical(options.config);
  setup.model_sha256 = std::string(32, '\x5a');
  setup.durability = options.durability;
  setup.keep = options.keep;
  return setup;
}

std::vector<float> InitialParameters(const LiveOptions& options) {
  Random random(99);
  std::vector<float> parameters(SetupOf(options).range.Coordinates());
  for (float& x : parameters) x = static_cast<float>(random.Normal());
  return parameters;
}

LiveRun::LiveRun(Disk& disk, const std::string& directory, const LiveOptions& options)
    : LiveRun(
          [&] {
            absl::StatusOr<OpenedRun> run =
                OpenRun(disk, directory, SetupOf(options), InitialParameters(options), Serially);
            if (!run.ok()) std::fprintf(stderr, "%s\n", Message(run.status()).c_str()), std::abort();
            return *std::move(run);
          }(),
          options) {}

LiveRun::Voted LiveRun::RandomBallot(const Client& client, uint64_t round, Random& random) const {
  const BlockRange& range = run_.tally.range();
  Voted voted{.round = round,
              .k = client.fraction,
              .magnitude = static_cast<float>(random.Unit()),
              .blocks = {},
              .stripes = {}};
  const bool abstains = options_.has_events && random.Below(3) == 0;
  for (uint64_t block = range.first; block < range.first + range.count; ++block) {
    uint64_t votes = range.Size(block);
    if (voted.k > 1) {
      voted.stripes.push_back(VotedStripes({options_.config.seed, client.id, round, voted.k}, block, votes));
      votes = StripeVotes(voted.stripes.back(), votes);
    }
    SignVector& planes = voted.blocks.emplace_back();
    planes.signs.resize(WordsFor(votes));
    // Voters agree with a common truth to different degrees, so that weights differ.
    for (size_t w = 0; w < planes.signs.size(); ++w) {
      uint64_t wrong = random.Next() & random.Next();
      if (client.id % 3 == 0) wrong &= random.Next();
      planes.signs[w] = Mix(w + 7 * round) ^ wrong;
    }
    if (abstains) {
      planes.zeros.resize(planes.signs.size());
      for (size_t w = 0; w < planes.zeros.size(); ++w) planes.zeros[w] = random.Next() & random.Next() & random.Next();
    }
    if (votes % 64 != 0) {
      const uint64_t mask = (uint64_t{1} << votes % 64) - 1;
      if (!planes.signs.empty()) planes.signs.back() &= mask;
      if (!planes.zeros.empty()) planes.zeros.back() &= mask;
    }
    for (size_t w = 0; w < planes.zeros.size(); ++w) planes.signs[w] &= ~planes.zeros[w];
  }
  return voted;
}

void LiveRun::Events(Random& random) {
  const uint64_t round = run_.tally.round() + 1;
  for (uint32_t i = 0; i < options_.voters; ++i) {
    if (run_.registry.Find(NameOf(i))) continue;
    Client& client = run_.registry.Admit(NameOf(i));
    client.batch = i + 1;
    client.fraction = options_.config.fraction;
    *records_.emplace_back().mutable_client() = Registry::RecordOf(client);
  }
  if (!options_.has_events) return;
  Client& client = *run_.registry.Find(NameOf(static_cast<uint32_t>(random.Below(options_.voters))));
  if (random.Below(6) == 0) {
    client.evicted = !client.evicted;
    run_.tally.electorate().SetEvicted(client.id, client.evicted);
    *records_.emplace_back().mutable_client() = Registry::RecordOf(client);
  } else if (random.Below(6) == 0) {
    client.fraction = 1 + static_cast<uint32_t>(random.Below(3));
    *records_.emplace_back().mutable_client() = Registry::RecordOf(client);
  }
  if (random.Below(8) == 0) {
    run_.step_size = 1e-3f * static_cast<float>(1 + random.Below(5));
    records_.emplace_back().mutable_step()->set_from_round(round);
    records_.back().mutable_step()->set_size(run_.step_size);
  }
}

absl::Status LiveRun::Round() {
  Tally& tally = run_.tally;
  const uint64_t round = tally.round() + 1;
  Random random(Key(options_.seed, Purpose::kBatch, 0, round));
  records_.clear();
  ballots_.clear();
  Events(random);
  bool has_late = false, has_fractions = false;
  for (auto& [name, client] : run_.registry.clients()) {
    if (client.evicted || (options_.has_events && random.Below(5) == 0)) continue;
    const bool is_late = options_.has_events && round > 3 && client.last_ballot + 2 < round && random.Below(2) == 0;
    has_late |= is_late;
    ballots_[client.id] = RandomBallot(client, is_late ? round - 1 : round, random);
    // It may come back with another fraction than it voted with.
    if (options_.has_events && random.Below(10) == 0) {
      client.fraction = 1 + static_cast<uint32_t>(random.Below(3));
      *records_.emplace_back().mutable_client() = Registry::RecordOf(client);
      has_fractions = true;
    }
  }
  std::vector<std::vector<Ballot>> by_block(tally.range().count);
  for (const auto& [voter, voted] : ballots_) {
    for (size_t i = 0; i < by_block.size(); ++i) {
      Ballot ballot{.voter = voter,
                    .signs = voted.blocks[i].signs,
                    .zeros = voted.blocks[i].zeros,
                    .stripes = {},
                    .age = static_cast<uint32_t>(tally.round() + 1 - voted.round)};
      if (!voted.stripes.empty()) ballot.stripes = voted.stripes[i];
      by_block[i].push_back(ballot);
    }
  }
  step_ = {.size = run_.step_size > 0 ? run_.step_size : 6e-4f, .decay = 0.999f};
  v1::RoundRecord& record = *records_.emplace_back().mutable_round();
  record.set_round(round);
  record.set_step(step_.size);
  record.set_decay(step_.decay);
  *record.mutable_before() = ToProto(tally.fingerprint());
  for (const auto& [voter, voted] : ballots_) {
    record.add_voters(voter);
    if (has_late) record.add_ages(static_cast<uint32_t>(round - voted.round));
    if (has_fractions) record.add_fractions(voted.k);
    record.add_magnitudes(voted.magnitude);
  }
  tally.Decode(by_block, Serially);
  StageSome(random);
  return Retry();
}

// Some are written ahead, in any order, with one that will not be counted.
void LiveRun::StageSome(Random& random) {
  if (ballots_.empty()) return;
  for (size_t i = 0; i < 2 * ballots_.size(); ++i) {
    auto at = std::next(ballots_.begin(), static_cast<ptrdiff_t>(random.Below(ballots_.size())));
    const BlockRange& range = run_.tally.range();
    const uint64_t block = range.first + random.Below(range.count);
    const BallotKey key{at->first, at->second.round, block};
    if (!run_.store->IsStaged(key)) run_.store->Stage(key, at->second.blocks[block - range.first]);
  }
  run_.store->Stage({random.Next(), run_.tally.round() + 1, run_.tally.range().first},
                    ballots_.begin()->second.blocks[0]);
}

// The round's records but for those of ballots that are staged.
std::vector<v1::JournalRecord> LiveRun::Records() const {
  const BlockRange& range = run_.tally.range();
  std::vector<v1::JournalRecord> records = records_;
  if (run_.store->wants_ballots()) {
    for (const auto& [voter, voted] : ballots_) {
      for (size_t i = 0; i < range.count; ++i) {
        const BallotKey key{voter, voted.round, range.first + i};
        if (!run_.store->IsStaged(key)) records.push_back(RecordOf(key, voted.blocks[i]));
      }
    }
  }
  for (size_t i = 0; i < range.count; ++i) {
    v1::DecisionRecord& decision = *records.emplace_back().mutable_decision();
    decision.set_block(range.first + i);
    const SignVector& decided = run_.tally.decisions()[i];
    EncodeSigns(decided.signs, decided.zeros, {}, decision.mutable_signs());
  }
  records.emplace_back().mutable_round_end()->set_round(run_.tally.round() + 1);
  return records;
}

absl::Status LiveRun::Retry() {
  const auto start = std::chrono::steady_clock::now();
  RETURN_IF_ERROR(run_.store->Append(Records()));
  if (on_append) on_append(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  run_.tally.Apply(step_, Serially);
  for (const auto& [voter, voted] : ballots_) {
    run_.registry.FindById(voter)->Count(voted.round, voted.magnitude);
  }
  return absl::OkStatus();
}

absl::Status LiveRun::Checkpoint() {
  RETURN_IF_ERROR(WriteCheckpoint());
  run_.store->Rotate(run_.tally.round());
  return absl::OkStatus();
}

absl::Status LiveRun::WriteCheckpoint() {
  signvote::Checkpoint checkpoint{.round = run_.tally.round(),
                                  .parameters = {run_.tally.parameters().begin(), run_.tally.parameters().end()},
                                  .learnt = {},
                                  .clients = {},
                                  .step_size = run_.step_size};
  run_.tally.Save(&checkpoint.learnt);
  run_.registry.Save(&checkpoint.clients);
  return run_.store->WriteCheckpoint(checkpoint).status();
}

Image LiveRun::Now() const {
  Image image{.round = run_.tally.round(),
              .fingerprint = run_.tally.fingerprint().Hex(),
              .learnt = {},
              .clients = {},
              .step_size = run_.step_size};
  run_.tally.Save(&image.learnt);
  run_.registry.Save(&image.clients);
  return image;
}

}  // namespace signvote
