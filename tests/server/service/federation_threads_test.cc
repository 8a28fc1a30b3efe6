// A federation used by many threads at once, as gRPC does: what ThreadSanitizer is to look at.
#include <absl/time/clock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "common/mutex.h"
#include "common/thread_pool.h"
#include "tests/server/service/federation_harness.h"

namespace signvote {
namespace {

constexpr uint64_t kRounds = 20;
constexpr uint32_t kVoters = 4;

// Counts wakes, so that none between a look and the wait after it is lost.
class Wakes {
 public:
  void Add() {
    MutexLock lock(mu_);
    ++count_;
    changed_.NotifyAll();
  }
  uint64_t count() {
    MutexLock lock(mu_);
    return count_;
  }
  void WaitBeyond(uint64_t seen) {
    MutexLock lock(mu_);
    while (count_ == seen) changed_.Wait(mu_);
  }

 private:
  Mutex mu_;
  CondVar changed_;
  uint64_t count_ ABSL_GUARDED_BY(mu_) = 0;
};

// A ballot's block that votes `sign` everywhere; the last of `blocks` is kParameters long.
v1::ClientMessage BlockOf(uint64_t round, bool sign, uint64_t block, uint64_t blocks) {
  v1::ClientMessage message = FederationHarness::BallotOf(round, sign, block);
  if (block + 1 < blocks) {
    message.mutable_ballot()->mutable_signs()->set_signs(std::string(kBlockCoordinates / 8, sign ? '\xff' : '\0'));
  }
  return message;
}

// Votes in every round; the fingerprint after the last one.
Fingerprint VoteToTheEnd(Federation& federation, Wakes& wakes, const std::string& name, uint64_t blocks) {
  const SessionId session = federation.Open();
  federation.Receive(session, FederationHarness::JoinOf(name));
  while (true) {
    const uint64_t seen = wakes.count();
    const Federation::Outbound outbound = federation.Next(session);
    EXPECT_FALSE(outbound.end.has_value());
    if (!outbound.frame) {
      wakes.WaitBeyond(seen);
      continue;
    }
    v1::ServerMessage message;
    EXPECT_TRUE(message.ParseFromString(*outbound.frame));
    if (message.has_round_open()) {
      const uint64_t round = message.round_open().round();
      for (uint64_t block = 0; block < blocks; ++block) {
        federation.Receive(session, BlockOf(round, (round + name.back() + block) % 3 == 0, block, blocks));
      }
    }
    if (message.round_closed().round() == kRounds) return FromProto(message.round_closed().fingerprint());
  }
}

void Administer(Federation& federation, const std::atomic<bool>& is_over) {
  for (int i = 0; !is_over; ++i) {
    federation.Tick();
    federation.Clients();
    (void)federation.Detail("voter-0");
    const absl::Status status = federation.SetStepSize(0.5f + static_cast<float>(i % 2));
    EXPECT_TRUE(status.ok() || absl::IsFailedPrecondition(status)) << "a run that just ended takes none";
    std::promise<void> written;
    federation.Checkpoint([&](const absl::StatusOr<v1::CheckpointResponse>&) { written.set_value(); });
    written.get_future().wait();
    const SessionId observer = federation.Open();
    federation.Receive(observer, FederationHarness::JoinOf("observer", v1::OBSERVER));
    federation.Next(observer);
    federation.Closed(observer);
    (void)federation.IsFinished();
  }
}

class FederationThreads : public testing::TestWithParam<uint64_t> {};

TEST_P(FederationThreads, VotersAndAdministratorsAtOnceComeToOneFingerprint) {
  const uint64_t blocks = GetParam(), parameters = (blocks - 1) * kBlockCoordinates + FederationHarness::kParameters;
  ServerOptions options = FederationHarness::DefaultOptions();
  options.vote.rule = "agreement";
  options.vote.carry = 0.9f;
  options.rounds.total = kRounds;
  options.rounds.quorum = kVoters;
  ModelBundle bundle;
  bundle.module = "m";
  bundle.module_sha256 = std::string(32, 's');
  bundle.parameters.tensors = {{"w", {parameters}}};

  FakeStore store;
  Wakes wakes;
  ThreadPool pool(2);
  std::unique_ptr<Federation> federation;
  ThreadPool runner(1);  // ends before what its work uses
  Environment environment;
  environment.store = &store;
  environment.parallel = [&](size_t count, const std::function<void(size_t)>& body) { pool.ParallelFor(count, body); };
  environment.run = [&](std::function<void()> work) { runner.Schedule(std::move(work)); };
  environment.now = absl::Now;
  environment.wake = [&](SessionId) { wakes.Add(); };
  environment.on_round = [](const RoundRow&) {};
  environment.on_evaluation = [](const v1::Evaluation&) {};
  federation = std::make_unique<Federation>(
      options, bundle, "run",
      Federation::State{Tally(options.vote, BlockRange::All(parameters), std::vector<float>(parameters)), {}, 0},
      environment);

  std::atomic<bool> is_over = false;
  std::thread administrator([&] { Administer(*federation, is_over); });
  std::vector<Fingerprint> fingerprints(kVoters);
  std::vector<std::thread> voters;
  for (uint32_t i = 0; i < kVoters; ++i) {
    voters.emplace_back(
        [&, i] { fingerprints[i] = VoteToTheEnd(*federation, wakes, "voter-" + std::to_string(i), blocks); });
  }
  for (std::thread& voter : voters) voter.join();
  is_over = true;
  administrator.join();
  EXPECT_EQ(federation->Status().round(), kRounds);
  for (const Fingerprint& fingerprint : fingerprints) {
    EXPECT_EQ(fingerprint, FromProto(federation->Status().fingerprint()));
  }
}

// Of three blocks some are decided while ballots still come in.
INSTANTIATE_TEST_SUITE_P(Blocks, FederationThreads, testing::Values(1, 3));

}  // namespace
}  // namespace signvote
