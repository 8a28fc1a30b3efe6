#include "server/service/admin_service.h"

#include <future>
#include <thread>

#include "common/log.h"
#include "server/service/grpc_status.h"

namespace signvote {
namespace {

constexpr uint64_t kExportCoordinates = 1 << 18;  // a chunk: 1 MiB
constexpr auto kWatchInterval = std::chrono::milliseconds(200);

// What a watcher is told of: rounds, phases, measurements.
bool IsNews(const v1::RunStatus& before, const v1::RunStatus& now) {
  return before.round() != now.round() || before.phase() != now.phase() || before.problem() != now.problem() ||
         before.evaluations_size() != now.evaluations_size() ||
         (now.evaluations_size() > 0 && before.evaluations().rbegin()->round() != now.evaluations().rbegin()->round());
}

}  // namespace

grpc::Status AdminService::Settled(absl::Status status, v1::RunStatus* response) {
  if (status.ok()) status = Annotate(process_.settle(), "this holds, but a crash would undo it");
  return Answer(status, response);
}

grpc::Status AdminService::Answer(const absl::Status& status, v1::RunStatus* response) {
  if (status.ok()) *response = federation_->Status();
  return ToGrpc(status);
}

grpc::Status AdminService::GetStatus(grpc::ServerContext* context, const v1::GetStatusRequest*,
                                     v1::RunStatus* response) {
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

grpc::Status AdminService::GetReliability(grpc::ServerContext* context, const v1::GetReliabilityRequest*,
                                          v1::ReliabilityReport* response) {
  if (absl::Status status = access_->RequireAdmin(*context); !status.ok()) return ToGrpc(status);
  *response = federation_->Reliability();
  return grpc::Status::OK;
}

grpc::Status AdminService::ListEvents(grpc::ServerContext* context, const v1::ListEventsRequest* request,
                                      grpc::ServerWriter<v1::Event>* out) {
  if (absl::Status status = access_->RequireAdmin(*context); !status.ok()) return ToGrpc(status);
  uint64_t after = request->after();
  std::vector<v1::Event> events = federation_->events().After(after);
  if (request->last() > 0 && events.size() > request->last())
    events.erase(events.begin(), events.end() - request->last());
  while (true) {
    for (const v1::Event& event : events) {
      if (!out->Write(event)) return grpc::Status::OK;
      after = event.id();
    }
    if (!request->follow() || context->IsCancelled()) return grpc::Status::OK;
    if (absl::Status status = access_->RequireAdmin(*context); !status.ok()) return ToGrpc(status);
    const bool was_ending = ending_;  // what happened until then is still told
    events = federation_->events().WaitAfter(after, absl::FromChrono(kWatchInterval));
    if (was_ending && events.empty()) return grpc::Status::OK;
  }
}

grpc::Status AdminService::Watch(grpc::ServerContext* context, const v1::WatchRequest*,
                                 grpc::ServerWriter<v1::RunStatus>* out) {
  if (absl::Status status = access_->RequireAdmin(*context); !status.ok()) return ToGrpc(status);
  v1::RunStatus last = federation_->Status();
  if (!out->Write(last)) return grpc::Status::OK;
  while (!context->IsCancelled() && !ending_) {
    std::this_thread::sleep_for(kWatchInterval);
    if (absl::Status status = access_->RequireAdmin(*context); !status.ok()) return ToGrpc(status);
    v1::RunStatus now = federation_->Status();
    if (!IsNews(last, now)) continue;
    if (!out->Write(now)) break;
    last = std::move(now);
  }
  // The run may have ended between two looks.
  if (!context->IsCancelled()) out->Write(federation_->Status());
  return grpc::Status::OK;
}

grpc::Status AdminService::ListRounds(grpc::ServerContext* context, const v1::ListRoundsRequest* request,
                                      grpc::ServerWriter<v1::RoundSummary>* out) {
  if (absl::Status status = access_->RequireAdmin(*context); !status.ok()) return ToGrpc(status);
  for (const v1::RoundSummary& round : process_.rounds(request->after())) {
    if (!out->Write(round)) return grpc::Status::CANCELLED;
  }
  return grpc::Status::OK;
}

grpc::Status AdminService::GetConfig(grpc::ServerContext* context, const v1::GetConfigRequest*,
                                     v1::GetConfigResponse* response) {
  if (absl::Status status = access_->RequireAdmin(*context); !status.ok()) return ToGrpc(status);
  response->set_yaml(process_.config(federation_->StepSize(), LogLevel()));
  return grpc::Status::OK;
}

grpc::Status AdminService::SetLogLevel(grpc::ServerContext* context, const v1::SetLogLevelRequest* request,
                                       v1::SetLogLevelResponse* response) {
  if (absl::Status status = access_->RequireAdmin(*context); !status.ok()) return ToGrpc(status);
  response->set_before(LogLevel());
  if (absl::Status status = signvote::SetLogLevel(request->level()); !status.ok()) return ToGrpc(status);
  spdlog::warn("log level {}, set by an administrator; it was {}", request->level(), response->before());
  return grpc::Status::OK;
}

grpc::Status AdminService::Pause(grpc::ServerContext* context, const v1::PauseRequest* request,
                                 v1::RunStatus* response) {
  if (absl::Status status = access_->RequireAdmin(*context); !status.ok()) return ToGrpc(status);
  return Answer(federation_->Pause(request->after_round(), request->seconds()), response);
}

grpc::Status AdminService::Resume(grpc::ServerContext* context, const v1::ResumeRequest*, v1::RunStatus* response) {
  if (absl::Status status = access_->RequireAdmin(*context); !status.ok()) return ToGrpc(status);
  return Answer(federation_->Resume(), response);
}

grpc::Status AdminService::SetStepSize(grpc::ServerContext* context, const v1::SetStepSizeRequest* request,
                                       v1::RunStatus* response) {
  if (absl::Status status = access_->RequireAdmin(*context); !status.ok()) return ToGrpc(status);
  return Settled(federation_->SetStepSize(request->size()), response);
}

grpc::Status AdminService::Evict(grpc::ServerContext* context, const v1::EvictRequest* request,
                                 v1::RunStatus* response) {
  if (absl::Status status = access_->RequireAdmin(*context); !status.ok()) return ToGrpc(status);
  return Settled(federation_->SetEvicted(request->name(), true), response);
}

grpc::Status AdminService::Readmit(grpc::ServerContext* context, const v1::ReadmitRequest* request,
                                   v1::RunStatus* response) {
  if (absl::Status status = access_->RequireAdmin(*context); !status.ok()) return ToGrpc(status);
  return Settled(federation_->SetEvicted(request->name(), false), response);
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

grpc::Status AdminService::Export(grpc::ServerContext* context, const v1::ExportRequest*,
                                  grpc::ServerWriter<v1::ExportPart>* out) {
  if (absl::Status status = access_->RequireAdmin(*context); !status.ok()) return ToGrpc(status);
  const Federation::Exported exported = federation_->Export();
  v1::ExportPart part;
  *part.mutable_header() = exported.header;
  if (!out->Write(part)) return grpc::Status::CANCELLED;
  const uint64_t first = exported.header.config().first_block() * kBlockCoordinates;
  const uint64_t total = exported.parameters.size();
  for (uint64_t at = 0; at < total; at += kExportCoordinates) {
    const uint64_t count = std::min(kExportCoordinates, total - at);
    v1::ParametersChunk& chunk = *part.mutable_parameters();
    chunk.set_round(exported.header.round());
    chunk.set_offset(first + at);
    chunk.set_data(exported.parameters.data() + at, count * sizeof(float));
    if (at + count == total) {
      chunk.set_last(true);
      *chunk.mutable_fingerprint() = exported.header.fingerprint();
    }
    if (!out->Write(part)) return grpc::Status::CANCELLED;
  }
  return grpc::Status::OK;
}

grpc::Status AdminService::Stop(grpc::ServerContext* context, const v1::StopRequest*, v1::RunStatus* response) {
  if (absl::Status status = access_->RequireAdmin(*context); !status.ok()) return ToGrpc(status);
  *response = federation_->Status();
  process_.stop();
  return grpc::Status::OK;
}

}  // namespace signvote
