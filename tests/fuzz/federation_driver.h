// A federation driven by bytes: sessions that say anything, an administrator, a clock and a disk that fails; and, after
// each step, what must hold.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "client/session/replica.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/server/service/federation_harness.h"

namespace signvote {

class FederationDriver {
 public:
  // Draws the options.
  explicit FederationDriver(FuzzInput& input);

  // One drawn step of clients, clock or disk.
  void Step();
  // One drawn request of an administrator.
  void Administer();
  // Aborts where an invariant is broken.
  void Check();
  // Everyone leaves, the disk works again.
  void Finish();

  FederationHarness& harness() { return *harness_; }

 private:
  // What a client makes of what it is told, as a well-behaved one would.
  struct Peer {
    SessionId session = 0;
    bool is_closed = false;
    uint64_t closed_round = 0;
    std::vector<float> parameters;
    Replica replica{&parameters};
    std::string name;
  };

  Peer& AnyPeer();
  std::string AnyName();
  v1::ClientMessage AnyMessage(Peer& peer);
  void FillJoin(Peer& peer, v1::Join* join);
  void FillBallot(v1::BallotBlock* ballot);
  void Open();
  void Read(Peer& peer);
  void Hear(Peer& peer, const v1::ServerMessage& message);
  void CheckJournal();
  void CheckReplay();

  FuzzInput& input_;
  ServerOptions options_;
  uint64_t parameters_;
  std::unique_ptr<FederationHarness> harness_;
  std::vector<std::unique_ptr<Peer>> peers_;
  std::map<std::string, std::string> tokens_;  // by name: of its last Welcome
  uint64_t round_ = 0;
  size_t journal_read_ = 0;  // records that were checked
  uint64_t journal_round_ = 0;
  std::set<std::pair<uint64_t, uint64_t>> counted_;  // voter, round of the ballot
};

}  // namespace signvote
