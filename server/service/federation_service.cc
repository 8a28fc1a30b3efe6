#include "server/service/federation_service.h"

#include "server/service/grpc_status.h"

namespace signvote {
namespace {

// A view of a frame's bytes that keeps the frame alive: nothing is copied.
grpc::ByteBuffer BufferOf(const Frame& frame) {
  auto* owner = new Frame(frame);
  grpc::Slice slice(
      const_cast<char*>(frame->data()), frame->size(), [](void* p) { delete static_cast<Frame*>(p); }, owner);
  return grpc::ByteBuffer(&slice, 1);
}

// A stream that ends at once.
class Refusal final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  explicit Refusal(const grpc::Status& status) { Finish(status); }
  void OnDone() override { delete this; }
};

}  // namespace

// Reads go straight to the federation; writes are drawn from it one at a time, whenever the last is done or it wakes
// us. Finish is called exactly once, OnDone gives the reactor up. Locks: mu_ of a reactor before the federation's.
class FederationService::Reactor final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  Reactor(FederationService* service, SessionId id) : service_(service), federation_(service->federation_), id_(id) {}

  void Start(std::shared_ptr<Reactor> self) {
    self_ = std::move(self);
    {
      MutexLock lock(mu_);
      StartRead(&incoming_);
    }
    Pump();  // a session may be over before it begins
  }

  // A frame that another one follows is held back for it, so that small ones leave in one packet. Not the first: gRPC
  // calls a write with the stream's metadata done when these have left, and the one that would take them along waits.
  void Pump() {
    MutexLock lock(mu_);
    if (is_writing_ || is_finished_) return;
    Federation::Outbound outbound{std::exchange(following_, nullptr), std::nullopt};
    if (!outbound.frame) outbound = federation_->Next(id_);
    if (outbound.frame) {
      following_ = federation_->Next(id_).frame;
      outgoing_ = BufferOf(outbound.frame);
      is_writing_ = true;
      grpc::WriteOptions options;
      const bool is_first = !std::exchange(has_written_, true);
      if (following_ && !is_first) options.set_buffer_hint();
      StartWrite(&outgoing_, options);
    } else if (outbound.end) {
      is_finished_ = true;
      Finish(ToGrpc(*outbound.end));
    }
  }

  void OnReadDone(bool ok) override {
    if (!ok) return FinishOnce(grpc::Status::OK);
    {
      MutexLock lock(mu_);
      if (is_finished_) return;
    }
    std::optional<Incoming> incoming = Read();
    incoming_.Clear();
    if (!incoming) return FinishOnce({grpc::StatusCode::INVALID_ARGUMENT, "a message that is not a ClientMessage"});
    // Who reads nothing learns late that its session is over; until then the transport holds back what it sends.
    if (federation_->Receive(id_, *std::move(incoming))) StartRead(&incoming_);
  }

  void OnWriteDone(bool ok) override {
    {
      MutexLock lock(mu_);
      is_writing_ = false;
      outgoing_.Clear();
    }
    if (ok) Pump();
  }

  void OnCancel() override { FinishOnce(grpc::Status::CANCELLED); }

  void OnDone() override {
    federation_->Closed(id_);
    std::shared_ptr<Reactor> self;
    {
      MutexLock lock(service_->mu_);
      service_->reactors_.erase(id_);
      self = std::move(self_);
    }
  }

 private:
  std::optional<Incoming> Read() {
    const uint64_t bytes = incoming_.Length();
    {
      grpc::ProtoBufferReader stream(&incoming_);
      if (auto ballot = ReadPlainBallot(&stream, bytes, federation_->planes())) return ballot;
    }
    Incoming incoming{.message = {}, .signs = nullptr, .bytes = bytes};
    const auto parsed = grpc::SerializationTraits<v1::ClientMessage>::Deserialize(&incoming_, &incoming.message);
    return parsed.ok() ? std::optional(std::move(incoming)) : std::nullopt;
  }

  void FinishOnce(const grpc::Status& status) {
    MutexLock lock(mu_);
    if (is_finished_) return;
    is_finished_ = true;
    Finish(status);
  }

  FederationService* const service_;
  Federation* const federation_;
  const SessionId id_;
  std::shared_ptr<Reactor> self_;  // until OnDone
  grpc::ByteBuffer incoming_;

  Mutex mu_;
  grpc::ByteBuffer outgoing_ ABSL_GUARDED_BY(mu_);
  Frame following_ ABSL_GUARDED_BY(mu_);  // what is written after it, if that is known
  bool is_writing_ ABSL_GUARDED_BY(mu_) = false;
  bool has_written_ ABSL_GUARDED_BY(mu_) = false;
  bool is_finished_ ABSL_GUARDED_BY(mu_) = false;
};

void FederationService::Wake(SessionId id) {
  std::shared_ptr<Reactor> reactor;
  {
    MutexLock lock(mu_);
    auto found = reactors_.find(id);
    if (found == reactors_.end()) return;
    reactor = found->second;
  }
  reactor->Pump();
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* FederationService::Session(
    grpc::CallbackServerContext* context) {
  absl::StatusOr<std::optional<Identity>> caller = access_->Caller(*context);
  if (!caller.ok()) return new Refusal(ToGrpc(caller.status()));
  const SessionId id = federation_->Open(*std::move(caller));
  auto reactor = std::make_shared<Reactor>(this, id);
  {
    MutexLock lock(mu_);
    reactors_.emplace(id, reactor);
  }
  reactor->Start(reactor);
  return reactor.get();
}

}  // namespace signvote
