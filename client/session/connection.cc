#include "client/session/connection.h"

#include <absl/time/clock.h>

#include "common/blocks.h"
#include "common/connection_hint.h"
#include "common/keepalive.h"
#include "common/status.h"

namespace signvote {
namespace {

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& server,
                                           const std::shared_ptr<grpc::ChannelCredentials>& credentials,
                                           absl::Duration keepalive) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  SetKeepalive(keepalive, [&](const char* name, int value) { arguments.SetInt(name, value); });
  // The caller waits between attempts: no backoff of gRPC's own, and no attempt shared with a connection before.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 5'000);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  return grpc::CreateCustomChannel(server, credentials, arguments);
}

absl::Status FromGrpc(const grpc::Status& status, const std::string& server) {
  // gRPC and Abseil number their codes alike.
  if (status.ok()) return absl::OkStatus();
  return Error(static_cast<absl::StatusCode>(status.error_code()), "{}: {}", server,
               WithoutPreamble(status.error_message()));
}

}  // namespace

Connection::Connection(const std::string& server, std::shared_ptr<grpc::ChannelCredentials> credentials,
                       uint64_t number, Inbox* inbox, absl::Duration keepalive)
    : number_(number), inbox_(inbox), stub_(v1::Federation::NewStub(MakeChannel(server, credentials, keepalive))) {
  thread_ = std::thread([this, server] {
    Run();
    const grpc::Status status = stream_->Finish();
    {
      const MutexLock lock(mu_);
      ended_ = true;
    }
    ended_changed_.NotifyAll();
    inbox_->Post(event::ConnectionEnded{number_, FromGrpc(status, server)});
  });
}

void Connection::Run() {
  stream_ = stub_->Session(&context_);
  opened_ = true;
  inbox_->Post(event::ConnectionOpened{number_});
  event::MessageReceived received{number_, {}};
  while (stream_->Read(&received.message)) {
    inbox_->PostMessage(std::move(received), [this] { return closing_.load(); });
    received = {number_, {}};
  }
}

void Connection::Send(const v1::ClientMessage& message) {
  if (opened_) stream_->Write(message);
}

void Connection::Close(absl::Duration limit) {
  closing_ = true;
  inbox_->Wake();
  if (!opened_) return;
  stream_->WritesDone();
  const absl::Time deadline = absl::Now() + limit;
  const MutexLock lock(mu_);
  while (!ended_ && absl::Now() < deadline) ended_changed_.WaitUntil(mu_, deadline);
}

Connection::~Connection() {
  closing_ = true;
  inbox_->Wake();
  context_.TryCancel();
  thread_.join();
}

}  // namespace signvote
