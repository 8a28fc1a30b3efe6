#include "tests/simulation/network.h"

#include <algorithm>
#include <utility>

namespace signvote::simulation {
namespace {

constexpr int kWindow = 4;  // messages on their way to a client
constexpr absl::Duration kConnectLimit = absl::Seconds(20);

}  // namespace

Network::Stream* Network::Find(StreamId id) {
  auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : &found->second;
}

void Network::Forget(StreamId id) {
  Stream* stream = Find(id);
  if (stream && !stream->client_open && !stream->server_open && stream->ways[kUp].under_way.empty()) streams_.erase(id);
}

bool Network::IsStalled(const std::string& client, Direction direction) const {
  auto found = stalls_.find(client);
  return found != stalls_.end() && found->second.until[direction] > world_->now();
}

absl::Duration Network::TimeToNotice() {
  return world_->Chance(0.7) ? Delay() : world_->Between(delays_.high, delays_.keepalive);
}

StreamId Network::Connect(const std::string& client, ClientSide side) {
  const StreamId id = ++last_;
  Stream& stream = streams_[id];
  stream.client = client;
  stream.side = std::move(side);
  Put(id, kUp, Opening{});
  world_->After(kConnectLimit, [this, id] {
    Stream* waiting = Find(id);
    if (!waiting || waiting->server_open || waiting->ways[kUp].under_way.empty()) return;
    if (!std::holds_alternative<Opening>(waiting->ways[kUp].under_way.front().second)) return;
    waiting->ways[kUp].under_way.clear();
    EndClient(id, absl::UnavailableError("connect: timeout"));
  });
  return id;
}

void Network::Put(StreamId id, Direction direction, Item item) {
  Stream* stream = Find(id);
  if (!stream || stream->is_broken) return;
  Way& way = stream->ways[direction];
  absl::Time at = world_->now() + Delay();
  if (!way.under_way.empty()) at = std::max(at, way.under_way.back().first);
  way.under_way.emplace_back(at, std::move(item));
  ScheduleDelivery(id, direction);
}

void Network::ScheduleDelivery(StreamId id, Direction direction) {
  Stream* stream = Find(id);
  if (!stream) return;
  Way& way = stream->ways[direction];
  if (way.is_scheduled || way.under_way.empty() || IsStalled(stream->client, direction)) return;
  way.is_scheduled = true;
  const absl::Time at = std::max(way.under_way.front().first, world_->now());
  world_->After(at - world_->now(), [this, id, direction] { Deliver(id, direction); });
}

void Network::Deliver(StreamId id, Direction direction) {
  Stream* stream = Find(id);
  if (!stream) return;
  Way& way = stream->ways[direction];
  way.is_scheduled = false;
  if (way.under_way.empty() || IsStalled(stream->client, direction)) return;
  if (way.under_way.front().first > world_->now()) return ScheduleDelivery(id, direction);
  Item item = std::move(way.under_way.front().second);
  way.under_way.pop_front();
  direction == kUp ? DeliverUp(id, *stream, std::move(item)) : DeliverDown(id, *stream, std::move(item));
  ScheduleDelivery(id, direction);
  Forget(id);
}

void Network::DeliverUp(StreamId id, Stream& stream, Item item) {
  if (std::holds_alternative<Opening>(item) && server_) {
    stream.server_open = true;
    if (!stream.client_open || stream.is_broken) EndServerAfter(delays_.keepalive, id);
    return server_->opened(id);
  }
  if (!stream.server_open) {
    // Nobody knows this stream (any more). What the server said before it ended comes first.
    if (stream.ways[kDown].under_way.empty()) {
      EndClientAfter(Delay(), id, server_ ? "stream reset" : "connection refused");
    }
  } else if (auto* message = std::get_if<v1::ClientMessage>(&item)) {
    server_->received(id, std::move(*message));
  } else {
    EndServer(id);
  }
}

void Network::DeliverDown(StreamId id, Stream& stream, Item item) {
  if (!stream.client_open) return;
  if (auto* end = std::get_if<End_>(&item)) return EndClient(id, end->status);
  v1::ServerMessage message;
  if (!message.ParseFromString(*std::get<Frame>(item))) return world_->Break("a frame is not a ServerMessage");
  const auto received = stream.side.received;  // the stream may end in it
  received(std::move(message));
}

void Network::EndClient(StreamId id, absl::Status status) {
  Stream* stream = Find(id);
  if (!stream || !std::exchange(stream->client_open, false)) return;
  const auto ended = stream->side.ended;
  Forget(id);
  ended(std::move(status));
}

void Network::EndServer(StreamId id) {
  Stream* stream = Find(id);
  if (!stream) return;
  if (std::exchange(stream->server_open, false) && server_) server_->gone(id);
  Forget(id);
}

void Network::EndClientAfter(absl::Duration delay, StreamId id, std::string why) {
  world_->After(delay, [this, id, why = std::move(why)] { EndClient(id, absl::UnavailableError(why)); });
}

void Network::EndServerAfter(absl::Duration delay, StreamId id) {
  world_->After(delay, [this, id] { EndServer(id); });
}

void Network::Send(StreamId id, v1::ClientMessage message) {
  Stream* stream = Find(id);
  if (stream && stream->client_open) Put(id, kUp, std::move(message));
}

void Network::HangUp(StreamId id) {
  Stream* stream = Find(id);
  if (!stream || !std::exchange(stream->client_open, false)) return;
  Put(id, kUp, HangingUp{});
  // A server that does not hear of it finds out by itself.
  EndServerAfter(delays_.keepalive, id);
}

void Network::Handled(StreamId id) {
  Stream* stream = Find(id);
  if (!stream) return;
  --stream->unhandled;
  if (server_ && stream->server_open) server_->writable(id);
}

bool Network::CanWrite(StreamId id) const {
  auto found = streams_.find(id);
  return found != streams_.end() && found->second.server_open && found->second.unhandled < kWindow;
}

void Network::Write(StreamId id, Frame frame) {
  ++Find(id)->unhandled;
  Put(id, kDown, std::move(frame));
}

void Network::End(StreamId id, absl::Status status) {
  Stream* stream = Find(id);
  if (!stream || !std::exchange(stream->server_open, false)) return;
  Put(id, kDown, End_{std::move(status)});
  EndClientAfter(delays_.keepalive, id, "keepalive: the server does not answer");
}

void Network::ServerGone(bool at_once) {
  server_.reset();
  for (auto& [id, stream] : streams_) {
    if (!stream.server_open) continue;
    stream.server_open = false;
    stream.is_broken = true;
    for (auto& [at, item] : stream.ways[kUp].under_way) item = HangingUp{};
    EndClientAfter(at_once ? Delay() : world_->Between(delays_.low, delays_.keepalive), id, "the server is gone");
  }
}

void Network::BreakStreams(const std::string& client) {
  for (auto& [id, stream] : streams_) {
    if (stream.client != client || stream.is_broken) continue;
    stream.is_broken = true;
    for (Way& way : stream.ways) {
      const size_t arrive = world_->random().Below(way.under_way.size() + 1);
      way.under_way.resize(arrive);
    }
    EndClientAfter(TimeToNotice(), id, "stream reset");
    EndServerAfter(TimeToNotice(), id);
  }
}

void Network::Partition(const std::string& client, bool up, bool down, absl::Duration duration) {
  Stall& stall = stalls_[client];
  const absl::Time until = world_->now() + duration;
  if (up) stall.until[kUp] = std::max(stall.until[kUp], until);
  if (down) stall.until[kDown] = std::max(stall.until[kDown], until);
  world_->After(duration, [this, client] {
    for (auto& [id, stream] : streams_) {
      if (stream.client == client) ScheduleDelivery(id, kUp), ScheduleDelivery(id, kDown);
    }
  });
  if (duration < delays_.keepalive) return;
  // Neither pings nor their answers come through.
  for (auto& [id, stream] : streams_) {
    if (stream.client != client) continue;
    EndClientAfter(delays_.keepalive, id, "keepalive: the server does not answer");
    EndServerAfter(delays_.keepalive, id);
  }
}

void Network::HealAll() {
  stalls_.clear();
  for (auto& [id, stream] : streams_) ScheduleDelivery(id, kUp), ScheduleDelivery(id, kDown);
}

}  // namespace signvote::simulation
