#include "server/service/admin_service.h"

#include <future>
#include <thread>

#include "server/service/grpc_status.h"

namespace signvote {
namespace {

constexpr auto kWatchInterval = std::chrono::milliseconds(200);

// What a watcher is told of: rounds, phases, measurements.
bool IsNews(const v1::RunStatus& before, const v1::RunStatus& now) {
  return before.round() != now.round() || before.phase() != now.phase() || before.problem() != now.problem() ||
         before.evaluations_size() != now.evaluations_size() ||
         (now.evaluations_size() > 0 && before.evaluations().rbegin()->round() != now.evaluations().rbegin()->round());
}

}  // namespace

grpc::Status AdminService::Answer(const absl::Status& status, v1::RunStatus* response) {
  if (status.ok()) *response = federation_->Status();
  return ToGrpc(status);
}

grpc::Status AdminService::GetStatus(grpc::ServerContext* context, const v1::GetStatusRequest*, v1::RunStatus* response) {
  if (absl::Status status = access_->RequireAdmin(*context); !status.ok()) return ToGrpc(status);
  return Answer(absl::OkStatus(), response);
}

grpc::Status AdminService::ListClients(grpc::ServerContext* context, const v1::ListClientsRequest*,
                                       v1::ListClientsResponse* response) {
  if (absl::Status status = access_->RequireAdmin(*context); !status.ok()) return ToGrpc(status);
  *response = federation_->Clients();
  return grpc::Status::OK;
}

grpc::Status AdminService::GetClient(grpc::ServerContext* context, const v1::GetClientRequest* request,
                                     v1::ClientDetail* response) {
  if (absl::Status status = access_->RequireAdmin(*context); !status.ok()) return ToGrpc(status);
  absl::StatusOr<v1::ClientDetail> detail = federation_->Detail(request->name());
  if (detail.ok()) *response = *std::move(detail);
  return ToGrpc(detail.status());
}

grpc::Status AdminService::Watch(grpc::ServerContext* context, const v1::WatchRequest*,
                                 grpc::ServerWriter<v1::RunStatus>* out) {
  if (absl::Status status = access_->RequireAdmin(*context); !status.ok()) return ToGrpc(status);
  v1::RunStatus last = federation_->Status();
  if (!out->Write(last)) return grpc::Status::OK;
  while (!context->IsCancelled() && !ending_) {
    std::this_thread::sleep_for(kWatchInterval);
    v1::RunStatus now = federation_->Status();
    if (!IsNews(last, now)) continue;
    if (!out->Write(now)) break;
    last = std::move(now);
  }
  // The run may have ended between two looks.
  if (!context->IsCancelled()) out->Write(federation_->Status());
  return grpc::Status::OK;
}

grpc::Status AdminService::Pause(grpc::ServerContext* context, const v1::PauseRequest*, v1::RunStatus* response) {
  if (absl::Status status = access_->RequireAdmin(*context); !status.ok()) return ToGrpc(status);
  return Answer(federation_->SetPaused(true), response);
}

grpc::Status AdminService::Resume(grpc::ServerContext* context, const v1::ResumeRequest*, v1::RunStatus* response) {
  if (absl::Status status = access_->RequireAdmin(*context); !status.ok()) return ToGrpc(status);
  return Answer(federation_->SetPaused(false), response);
}

grpc::Status AdminService::SetStepSize(grpc::ServerContext* context, const v1::SetStepSizeRequest* request,
                                       v1::RunStatus* response) {
  if (absl::Status status = access_->RequireAdmin(*context); !status.ok()) return ToGrpc(status);
  return Answer(federation_->SetStepSize(request->size()), response);
}

grpc::Status AdminService::Evict(grpc::ServerContext* context, const v1::EvictRequest* request, v1::RunStatus* response) {
  if (absl::Status status = access_->RequireAdmin(*context); !status.ok()) return ToGrpc(status);
  return Answer(federation_->SetEvicted(request->name(), true), response);
}

grpc::Status AdminService::Readmit(grpc::ServerContext* context, const v1::ReadmitRequest* request, v1::RunStatus* response) {
  if (absl::Status status = access_->RequireAdmin(*context); !status.ok()) return ToGrpc(status);
  return Answer(federation_->SetEvicted(request->name(), false), response);
}

grpc::Status AdminService::Checkpoint(grpc::ServerContext* context, const v1::CheckpointRequest*,
                                      v1::CheckpointResponse* response) {
  if (absl::Status status = access_->RequireAdmin(*context); !status.ok()) return ToGrpc(status);
  std::promise<absl::StatusOr<v1::CheckpointResponse>> written;
  federation_->Checkpoint([&](absl::StatusOr<v1::CheckpointResponse> result) { written.set_value(std::move(result)); });
  absl::StatusOr<v1::CheckpointResponse> result = written.get_future().get();
  if (result.ok()) *response = *result;
  return ToGrpc(result.status());
}

grpc::Status AdminService::Stop(grpc::ServerContext* context, const v1::StopRequest*, v1::RunStatus* response) {
  if (absl::Status status = access_->RequireAdmin(*context); !status.ok()) return ToGrpc(status);
  *response = federation_->Status();
  stop_();
  return grpc::Status::OK;
}

}  // namespace signvote
