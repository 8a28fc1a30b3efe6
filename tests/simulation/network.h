// Streams between clients and the server: ordered, delayed, breaking, stalling.
//
// A stream has two directions. What is sent arrives in order, each message after a delay of its own. A broken stream
// loses the end of what is under way, and each side hears of the break at a time of its own: meanwhile one may have a
// new stream while the other still believes in the old one. Behind a partition messages wait until it heals, or until
// either side's keepalive declares the stream dead.
#pragma once

#include <absl/status/status.h>

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>

#include "proto/signvote/v1/federation.pb.h"
#include "server/service/history.h"
#include "tests/simulation/world.h"

namespace signvote::simulation {

using StreamId = uint64_t;

class Network {
 public:
  struct ServerSide {
    std::function<void(StreamId)> opened;
    std::function<void(StreamId, v1::ClientMessage)> received;
    std::function<void(StreamId)> gone;      // once for each stream that opened, unless the server ended it
    std::function<void(StreamId)> writable;  // CanWrite may have become true
  };
  struct ClientSide {
    std::function<void(v1::ServerMessage)> received;
    std::function<void(absl::Status)> ended;  // once, unless the client hung up
  };
  struct Delays {
    absl::Duration low = absl::Milliseconds(1);
    absl::Duration high = absl::Milliseconds(50);
    // Until a side hears of a break: mostly `high`, at times up to this.
    absl::Duration keepalive = absl::Seconds(80);
  };

  Network(World* world, const Delays& delays) : world_(world), delays_(delays) {}

  // The server is there, and hears; or nobody is.
  void Serve(ServerSide server) { server_ = std::move(server); }
  // The server is gone, with all its streams. `at_once`: clients are told soon, as by a kernel that outlives the
  // process; else only keepalives or a server that does not know the stream tell.
  void ServerGone(bool at_once);

  // Client.
  StreamId Connect(const std::string& client, ClientSide side);
  void Send(StreamId stream, v1::ClientMessage message);
  void HangUp(StreamId stream);
  // The client has handled a message: there is room for another.
  void Handled(StreamId stream);

  // Server.
  bool CanWrite(StreamId stream) const;
  void Write(StreamId stream, Frame frame);
  void End(StreamId stream, absl::Status status);

  // Faults. A partition of a client stalls one direction or both.
  void BreakStreams(const std::string& client);
  void Partition(const std::string& client, bool up, bool down, absl::Duration duration);
  void HealAll();

 private:
  struct End_ {
    absl::Status status;
  };
  struct Opening {};
  struct HangingUp {};
  using Item = std::variant<Opening, v1::ClientMessage, HangingUp, Frame, End_>;
  enum Direction { kUp = 0, kDown = 1 };
  struct Way {
    std::deque<std::pair<absl::Time, Item>> under_way;
    bool is_scheduled = false;
  };
  struct Stream {
    std::string client;
    ClientSide side;
    Way ways[2];
    bool client_open = true;
    bool server_open = false;
    bool is_broken = false;  // nothing that is sent from now on arrives
    int unhandled = 0;       // written and not handled
  };
  struct Stall {
    absl::Time until[2] = {absl::InfinitePast(), absl::InfinitePast()};
  };

  bool IsStalled(const std::string& client, Direction direction) const;
  void Put(StreamId id, Direction direction, Item item);
  void ScheduleDelivery(StreamId id, Direction direction);
  void Deliver(StreamId id, Direction direction);
  void DeliverUp(StreamId id, Stream& stream, Item item);
  void DeliverDown(StreamId id, Stream& stream, Item item);
  void EndClient(StreamId id, absl::Status status);
  void EndServer(StreamId id);
  void EndClientAfter(absl::Duration delay, StreamId id, std::string why);
  void EndServerAfter(absl::Duration delay, StreamId id);
  absl::Duration Delay() { return world_->Between(delays_.low, delays_.high); }
  absl::Duration TimeToNotice();
  void Forget(StreamId id);
  Stream* Find(StreamId id);

  World* const world_;
  const Delays delays_;
  std::optional<ServerSide> server_;
  std::map<StreamId, Stream> streams_;
  std::map<std::string, Stall> stalls_;
  StreamId last_ = 0;
};

}  // namespace signvote::simulation
