#include "tests/fuzz/federation_driver.h"

#include <spdlog/spdlog.h>

#include <cmath>

#include "server/store/replay.h"
#include "server/store/round_config.h"

namespace signvote {
namespace {

constexpr size_t kMaxPeers = 12;

ServerOptions DrawOptions(FuzzInput& input) {
  ServerOptions options = FederationHarness::DefaultOptions();
  const char* const rules[] = {"majority", "agreement", "it-signsgd"};
  options.vote.rule = rules[input.Below(3)];
  options.vote.carry = input.Bool() ? 0.9f : 0.0f;
  options.vote.counter_bits = input.Bool() ? 8 : 16;
  options.vote.warmup_rounds = input.Below(3);
  options.rounds.total = 1 + input.Below(8);
  options.rounds.quorum = 1 + input.Below(3);
  options.rounds.deadline = absl::Seconds(10);
  options.rounds.max_staleness = input.Below(4);
  options.rounds.electorate = input.Bool() ? 0 : options.rounds.quorum + input.Below(2);
  options.rounds.close_early = input.Bool() ? 0 : 0.5;
  options.fraction = 1 + input.Below(4) / 3;
  options.checkpoint_every = input.Below(3);
  return options;
}

}  // namespace

FederationDriver::FederationDriver(FuzzInput& input) : input_(input), options_(DrawOptions(input)) {
  spdlog::set_level(spdlog::level::off);
  // Two blocks cost much: one value of 256.
  parameters_ = input.Byte() == 7 ? kBlockCoordinates + 100 : FederationHarness::kParameters;
  harness_ = std::make_unique<FederationHarness>(options_, parameters_);
}

FederationDriver::Peer& FederationDriver::AnyPeer() {
  if (peers_.empty()) Open();
  return *peers_[input_.Below(static_cast<uint32_t>(peers_.size()))];
}

std::string FederationDriver::AnyName() {
  const uint32_t which = input_.Below(8);
  return which < 7 ? std::string(1, static_cast<char>('a' + which)) : std::string(input_.Text());
}

void FederationDriver::Open() {
  if (peers_.size() >= kMaxPeers) return;
  Peer& peer = *peers_.emplace_back(std::make_unique<Peer>());
  peer.session = harness_->federation->Open();
}

void FederationDriver::FillJoin(Peer& peer, v1::Join* join) {
  peer.name = AnyName();
  join->set_protocol(input_.Below(16) == 15 ? input_.Byte() : 1);
  join->set_name(peer.name);
  join->set_role(static_cast<v1::Role>(input_.Below(8) == 7 ? input_.Byte() : 1 + input_.Below(2)));
  join->set_batch(input_.Byte());
  (*join->mutable_settings())[join->batch() == 255 ? "no key" : "loss"] = join->batch() % 3;
  join->set_fraction(input_.Below(4) == 3 ? input_.Below(20) : 0);
  if (input_.Bool()) join->set_session(tokens_[peer.name]);
  if (input_.Bool()) join->set_model_sha256(std::string(32, 's'));
  if (input_.Below(4) == 3) {
    join->set_round(input_.Below(10));
    *join->mutable_fingerprint() = harness_->federation->Status().fingerprint();
  }
}

void FederationDriver::FillBallot(v1::BallotBlock* ballot) {
  const uint64_t open = harness_->federation->Status().round() + 1;
  const uint32_t shift = input_.Below(8);
  ballot->set_round(shift < 5 ? open : open + 5 - shift);
  ballot->set_block(input_.Below(8) == 7 ? input_.Number<uint64_t>() : input_.Below(2));
  const BlockRange range = BlockRange::All(parameters_);
  const uint64_t size = range.Contains(ballot->block()) ? range.Size(ballot->block()) : 64;
  std::vector<uint64_t> words(WordsFor(size), input_.Bool() ? ~uint64_t{0} : 0);
  const std::string_view pattern = input_.Text();
  std::memcpy(words.data(), pattern.data(), std::min(pattern.size(), words.size() * 8));
  const bool is_half = input_.Below(4) == 3;  // what a voter of fraction 1/2 and more sends of 1000 coordinates
  if (is_half) words.resize(kWordsPerStripe);
  if (size % 64 != 0) words.back() &= (uint64_t{1} << size % 64) - 1;
  v1::SignBlock& signs = *ballot->mutable_signs();
  std::vector<uint64_t> zeros;
  if (input_.Below(4) == 3) {
    zeros.assign(words.size(), input_.Number<uint64_t>());
    if (size % 64 != 0) zeros.back() &= (uint64_t{1} << size % 64) - 1;
    for (size_t w = 0; w < words.size(); ++w) words[w] &= ~zeros[w];
  }
  EncodeSigns(words, zeros, {}, &signs);
  const uint32_t wrong = input_.Below(16);
  if (wrong == 15) signs.set_signs(std::string(input_.Text()));
  if (wrong == 14) signs.set_signs_coding(static_cast<v1::SignBlock::Coding>(input_.Byte() % 5));
  if (wrong == 13) signs.mutable_signs()->resize(input_.Byte());
}

v1::ClientMessage FederationDriver::AnyMessage(Peer& peer) {
  v1::ClientMessage message;
  switch (input_.Below(8)) {
    case 0:
      FillJoin(peer, message.mutable_join());
      break;
    case 1:
      message.mutable_applied()->set_round(input_.Below(10));
      message.mutable_applied()->mutable_fingerprint()->set_high(input_.Byte());
      break;
    case 2:
      message.mutable_evaluation()->set_round(input_.Below(10));
      message.mutable_evaluation()->set_accuracy(input_.Number<float>());
      message.mutable_evaluation()->set_loss(input_.Number<float>());
      break;
    case 3:
      message.mutable_leave();
      break;
    case 4:  // arbitrary bytes
      if (const std::string_view bytes = input_.Text();
          !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
        message.Clear();
      }
      break;
    default:
      FillBallot(message.mutable_ballot());
  }
  if (input_.Below(8) < 7) return message;
  // Well formed, then mutated.
  std::string bytes = message.SerializeAsString();
  for (uint32_t flips = 1 + input_.Below(4); flips > 0 && !bytes.empty(); --flips) {
    bytes[input_.Number<uint16_t>() % bytes.size()] = static_cast<char>(input_.Byte());
  }
  v1::ClientMessage mutated;
  return mutated.ParseFromString(bytes) ? mutated : message;
}

void FederationDriver::Step() {
  Federation& federation = *harness_->federation;
  switch (input_.Below(16)) {
    case 0:
      Open();
      break;
    case 1: {
      Open();
      Peer& peer = *peers_.back();
      v1::ClientMessage message;
      FillJoin(peer, message.mutable_join());
      federation.Receive(peer.session, message);
      break;
    }
    case 2: {
      Peer& peer = AnyPeer();
      federation.Closed(peer.session);
      std::erase_if(peers_, [&](const auto& other) { return other.get() == &peer; });
      break;
    }
    case 3:
    case 4:
      Read(AnyPeer());
      break;
    case 5:
      federation.Tick();
      break;
    case 6:
      harness_->now += absl::Milliseconds(100) * (1 << input_.Below(10));
      federation.Tick();
      break;
    case 7:
      input_.Bool() ? harness_->WorkBeside() : harness_->Work();
      break;
    case 8:
      harness_->store.failure =
          harness_->store.failure.ok() ? absl::ResourceExhaustedError("disk full") : absl::OkStatus();
      break;
    case 9:
    case 10: {  // everyone votes
      const uint64_t open = federation.Status().round() + 1;
      for (const auto& peer : peers_) {
        if (parameters_ == FederationHarness::kParameters) harness_->Vote(peer->session, open, input_.Bool());
      }
      break;
    }
    default: {
      Peer& peer = AnyPeer();
      federation.Receive(peer.session, AnyMessage(peer));
    }
  }
}

void FederationDriver::Administer() {
  Federation& federation = *harness_->federation;
  switch (input_.Below(10)) {
    case 0:
    case 1:
      (void)(input_.Bool() ? federation.Pause(0, input_.Byte()) : federation.Resume());
      break;
    case 2: {
      const float size = input_.Number<float>();
      const absl::Status status = federation.SetStepSize(size);
      const bool is_possible = std::isfinite(size) && size > 0;
      FUZZ_CHECK(is_possible ? status.ok() || absl::IsFailedPrecondition(status) : absl::IsInvalidArgument(status),
                 Message(status));
      break;
    }
    case 3:
    case 4: {
      const absl::Status status = federation.SetEvicted(AnyName(), input_.Bool());
      FUZZ_CHECK(status.ok() || absl::IsNotFound(status) || absl::IsAlreadyExists(status), Message(status));
      break;
    }
    case 5:
      federation.Checkpoint([](absl::StatusOr<v1::CheckpointResponse> response) {
        FUZZ_CHECK(response.ok() || !Message(response.status()).empty());
      });
      break;
    case 6:
      (void)federation.Clients();
      break;
    case 7:
    case 8: {
      const std::string name = AnyName();
      const absl::StatusOr<v1::ClientDetail> detail = federation.Detail(name);
      FUZZ_CHECK(detail.ok() ? detail->summary().name() == name : absl::IsNotFound(detail.status()));
      break;
    }
    default:
      if (input_.Below(8) == 7) federation.Stop(v1::Farewell::STOPPING, "for now");
      (void)federation.IsFinished();
  }
}

void FederationDriver::Read(Peer& peer) {
  const FederationHarness::Heard heard = harness_->Read(peer.session);
  for (const v1::ServerMessage& message : heard.messages) Hear(peer, message);
  if (heard.end) FUZZ_CHECK(harness_->Read(peer.session).messages.empty(), "something is said after the end");
}

void FederationDriver::Hear(Peer& peer, const v1::ServerMessage& message) {
  FUZZ_CHECK(message.ByteSizeLong() <= static_cast<size_t>(kMaxMessageBytes));
  switch (message.message_case()) {
    case v1::ServerMessage::kWelcome:
      tokens_[peer.name] = message.welcome().session();
      peer.replica.Reset(BlockRange::All(parameters_));
      break;
    case v1::ServerMessage::kParameters: {
      const absl::StatusOr<bool> loaded = peer.replica.Load(message.parameters());
      FUZZ_CHECK(loaded.ok(), Message(loaded.status()));
      break;
    }
    case v1::ServerMessage::kDecision:
      // One that claimed to have the parameters follows without them.
      if (!peer.replica.IsLoaded()) break;
      FUZZ_CHECK(peer.replica.Apply(message.decision()).ok());
      break;
    case v1::ServerMessage::kRoundClosed: {
      const v1::RoundClosed& closed = message.round_closed();
      FUZZ_CHECK(closed.round() > peer.closed_round, "rounds go back");
      peer.closed_round = closed.round();
      if (!peer.replica.IsLoaded()) break;
      const absl::StatusOr<bool> agrees = peer.replica.Close(closed);
      FUZZ_CHECK(agrees.ok() && *agrees, "the fingerprint differs");
      break;
    }
    default:
      break;
  }
}

void FederationDriver::CheckJournal() {
  const std::vector<v1::JournalRecord>& journal = harness_->store.journal;
  for (; journal_read_ < journal.size(); ++journal_read_) {
    if (!journal[journal_read_].has_round()) continue;
    const v1::RoundRecord& round = journal[journal_read_].round();
    FUZZ_CHECK(round.round() == ++journal_round_, "rounds do not follow each other in the journal");
    FUZZ_CHECK(static_cast<uint32_t>(round.voters_size()) >= options_.rounds.quorum);
    for (int i = 0; i < round.voters_size(); ++i) {
      if (i > 0) FUZZ_CHECK(round.voters(i) > round.voters(i - 1));
      const uint64_t age = i < round.ages_size() ? round.ages(i) : 0;
      FUZZ_CHECK(age <= options_.rounds.max_staleness && age < round.round());
      FUZZ_CHECK(counted_.emplace(round.voters(i), round.round() - age).second, "a ballot was counted twice");
    }
  }
}

// Recovery comes to the same parameters.
void FederationDriver::CheckReplay() {
  RunState state{Tally(options_.vote, BlockRange::All(parameters_), std::vector<float>(parameters_)), {}};
  Replay replay(&state, Canonical({options_.vote, options_.dither, options_.fraction, options_.seed}), Serially);
  const absl::Status status = harness_->store.Play(&replay);
  FUZZ_CHECK(status.ok(), Message(status));
  FUZZ_CHECK(state.tally.round() == round_);
  FUZZ_CHECK(state.tally.fingerprint() == FromProto(harness_->federation->Status().fingerprint()));
}

void FederationDriver::Check() {
  const v1::RunStatus status = harness_->federation->Status();
  FUZZ_CHECK(status.round() >= round_ && status.round() <= options_.rounds.total);
  round_ = status.round();
  CheckJournal();
  FUZZ_CHECK(round_ <= journal_round_ && journal_round_ <= round_ + 1, "closed before it was durable");
  FUZZ_CHECK(status.evaluations_size() <= 64);
}

void FederationDriver::Finish() {
  harness_->store.failure = absl::OkStatus();
  harness_->now += absl::Hours(1);
  harness_->federation->Tick();
  harness_->Work();
  Check();
  for (const auto& peer : peers_) Read(*peer);
  for (const auto& peer : peers_) harness_->federation->Closed(peer->session);
  peers_.clear();
  FUZZ_CHECK(!harness_->federation->HasSessions());
  harness_->WorkBeside();
  Check();
  CheckReplay();
}

}  // namespace signvote
