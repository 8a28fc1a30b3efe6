// A federation without sockets, threads, disk or clock: time and work move when the test says so.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/status.h"
#include "server/service/federation.h"
#include "server/store/replay.h"

namespace signvote {

class FakeStore final : public Store {
 public:
  void Stage(const BallotKey& key, const SignVector& planes) override {
    if (failure.ok()) staged.emplace(key, RecordOf(key, planes));
  }
  bool IsStaged(const BallotKey& key) const override { return staged.contains(key); }
  void Unstage() override { staged.clear(); }
  absl::Status Append(std::span<const v1::JournalRecord> records) override {
    if (records.empty()) return absl::OkStatus();
    if (!failure.ok()) {
      staged.clear();
      return failure;
    }
    for (auto& [key, record] : staged) journal.push_back(std::move(record));
    staged.clear();
    journal.insert(journal.end(), records.begin(), records.end());
    appends.push_back(journal.size());
    return absl::OkStatus();
  }
  bool wants_ballots() const override { return true; }
  bool wants_decisions() const override { return true; }
  absl::StatusOr<std::string> WriteCheckpoint(const Checkpoint& checkpoint) override {
    if (!failure.ok()) return failure;
    checkpoints.push_back(checkpoint);
    return "checkpoint";
  }
  void Rotate(uint64_t closed) override { rotated = closed; }

  absl::Status failure;
  std::map<BallotKey, v1::JournalRecord> staged;
  std::vector<v1::JournalRecord> journal;
  std::vector<size_t> appends;  // where each ends in the journal

  // Plays the journal as recovery would, append by append.
  absl::Status Play(Replay* replay) const {
    size_t at = 0;
    for (const size_t end : appends) {
      std::vector<std::string> bodies;
      for (; at < end; ++at) bodies.push_back(journal[at].SerializeAsString());
      const std::vector<std::string_view> views(bodies.begin(), bodies.end());
      RETURN_IF_ERROR(replay->Play(views));
    }
    return absl::OkStatus();
  }

  std::vector<Checkpoint> checkpoints;
  uint64_t rotated = 0;
};

class FederationHarness {
 public:
  static constexpr uint64_t kParameters = 1000;
  static constexpr uint64_t kWords = 16;

  static ServerOptions DefaultOptions() {
    ServerOptions options;
    options.vote.rule = "majority";
    options.vote.carry = 0;
    options.step = {.size = 0.125, .schedule = "constant", .weight_decay = 0};
    return options;
  }

  // The default options with a change.
  static ServerOptions With(const std::function<void(ServerOptions&)>& change) {
    ServerOptions options = DefaultOptions();
    change(options);
    return options;
  }

  explicit FederationHarness(ServerOptions options = DefaultOptions(), uint64_t parameters = kParameters)
      : FederationHarness(options, {.tally = NewTally(options, parameters), .registry = {}}) {}

  FederationHarness(const ServerOptions& options, Federation::State state) {
    const uint64_t parameters = state.tally.parameters().size();
    ModelBundle bundle;
    bundle.module = std::string(300'000, 'm');  // more than one chunk
    bundle.module_sha256 = std::string(32, 's');
    bundle.parameters.tensors = {{"w", {parameters}}};
    Environment environment;
    environment.store = &store;
    environment.parallel = [this](size_t count, const std::function<void(size_t)>& body) {
      while_computing();
      Serially(count, body);
    };
    environment.run = [this](std::function<void()> work) { work_.push_back(std::move(work)); };
    environment.run_beside = [this](std::function<void()> work) { beside_.push_back(std::move(work)); };
    environment.now = [this] { return now; };
    environment.wake = [](SessionId) {};
    environment.on_round = [this](const RoundRow& row) { rows.push_back(row); };
    environment.on_evaluation = [this](const v1::Evaluation& evaluation) {
      federation->Status();  // no lock is held
      evaluations.push_back(evaluation.round());
    };
    state.terms = "seed=0";
    federation = std::make_unique<Federation>(options, bundle, "run", std::move(state), std::move(environment));
  }

  static Tally NewTally(const ServerOptions& options, uint64_t parameters) {
    return Tally(options.vote, BlockRange::All(parameters), std::vector<float>(parameters));
  }

  // Runs scheduled work until there is none.
  void Work() {
    while (!work_.empty()) {
      auto work = std::move(work_.front());
      work_.pop_front();
      work();
    }
  }

  // Finishes what was begun beside the rounds.
  void WorkBeside() {
    Work();
    for (auto& work : std::exchange(beside_, {})) work();
    Work();
  }

  struct Heard {
    std::vector<v1::ServerMessage> messages;
    std::optional<absl::Status> end;

    // The messages of one kind, in order.
    std::vector<v1::ServerMessage> Of(v1::ServerMessage::MessageCase kind) const {
      std::vector<v1::ServerMessage> found;
      for (const auto& message : messages) {
        if (message.message_case() == kind) found.push_back(message);
      }
      return found;
    }
    std::vector<v1::BallotAnswer::Verdict> Verdicts() const {
      std::vector<v1::BallotAnswer::Verdict> verdicts;
      for (const auto& message : Of(v1::ServerMessage::kBallotAnswer)) {
        verdicts.push_back(message.ballot_answer().verdict());
      }
      return verdicts;
    }
  };

  // Works, then reads all that the session has to say.
  Heard Read(SessionId session) {
    Work();
    Heard heard;
    while (true) {
      Federation::Outbound outbound = federation->Next(session);
      if (outbound.end) {
        heard.end = outbound.end;
        return heard;
      }
      if (!outbound.frame) return heard;
      EXPECT_TRUE(heard.messages.emplace_back().ParseFromString(*outbound.frame));
    }
  }

  static v1::ClientMessage JoinOf(const std::string& name, v1::Role role = v1::VOTER) {
    v1::ClientMessage message;
    message.mutable_join()->set_protocol(1);
    message.mutable_join()->set_name(name);
    message.mutable_join()->set_role(role);
    message.mutable_join()->set_batch(4);
    return message;
  }

  SessionId Join(const v1::ClientMessage& join) {
    const SessionId session = federation->Open();
    federation->Receive(session, join);
    return session;
  }
  SessionId Join(const std::string& name, v1::Role role = v1::VOTER) { return Join(JoinOf(name, role)); }

  // A ballot that votes `sign` everywhere.
  static v1::ClientMessage BallotOf(uint64_t round, bool sign, uint64_t block = 0) {
    std::vector<uint64_t> words(kWords, sign ? ~uint64_t{0} : 0);
    if (sign) words.back() = (uint64_t{1} << (kParameters % 64)) - 1;
    v1::ClientMessage message;
    message.mutable_ballot()->set_round(round);
    message.mutable_ballot()->set_block(block);
    message.mutable_ballot()->mutable_signs()->set_signs(words.data(), words.size() * 8);
    return message;
  }
  void Vote(SessionId session, uint64_t round, bool sign = true) {
    federation->Receive(session, BallotOf(round, sign));
  }
  // The session's parameters after `round` have this fingerprint.
  void Apply(SessionId session, uint64_t round, const v1::Fingerprint& fingerprint) {
    v1::ClientMessage message;
    message.mutable_applied()->set_round(round);
    *message.mutable_applied()->mutable_fingerprint() = fingerprint;
    federation->Receive(session, message);
  }
  void Evaluate(SessionId session, uint64_t round, double accuracy = 0.5) {
    v1::ClientMessage message;
    message.mutable_evaluation()->set_round(round);
    message.mutable_evaluation()->set_accuracy(accuracy);
    federation->Receive(session, message);
  }
  // One that no parameters have.
  static v1::Fingerprint WrongFingerprint() {
    v1::Fingerprint wrong;
    wrong.set_low(1);
    return wrong;
  }

  absl::Time now = absl::FromUnixSeconds(1'000'000);
  FakeStore store;
  std::function<void()> while_computing = [] {};  // called with the tally in use
  std::vector<RoundRow> rows;
  std::vector<uint64_t> evaluations;  // the rounds that were measured
  std::unique_ptr<Federation> federation;

 private:
  std::deque<std::function<void()>> work_;
  std::deque<std::function<void()>> beside_;
};

}  // namespace signvote
