// The gRPC shell of the administrator's side: see admin.proto. Every call takes the role admin, and a stream that goes
// on takes a certificate that still counts.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <functional>

#include "proto/signvote/v1/admin.grpc.pb.h"
#include "server/service/access.h"
#include "server/service/federation.h"

namespace signvote {

class AdminService final : public v1::Admin::Service {
 public:
  // What the process around the federation knows and does.
  struct Process {
    std::function<void()> stop;                                                  // as SIGTERM does
    std::function<std::vector<v1::RoundSummary>(uint64_t after)> rounds;         // RunLog::RoundsAfter
    std::function<std::string(float step_size, const std::string& log)> config;  // EffectiveConfig
    std::function<absl::Status()> settle;                                        // waits for Federation::Settle
  };
  AdminService(Federation* federation, const Access* access, Process process)
      : federation_(federation), access_(access), process_(std::move(process)) {}

  // Ends the streams, so that the gRPC server can shut down.
  void EndWatches() { ending_ = true; }

  grpc::Status GetStatus(grpc::ServerContext*, const v1::GetStatusRequest*, v1::RunStatus* response) override;
  grpc::Status ListClients(grpc::ServerContext*, const v1::ListClientsRequest*,
                           v1::ListClientsResponse* response) override;
  grpc::Status GetClient(grpc::ServerContext*, const v1::GetClientRequest* request,
                         v1::ClientDetail* response) override;
  grpc::Status GetReliability(grpc::ServerContext*, const v1::GetReliabilityRequest*,
                              v1::ReliabilityReport* response) override;
  grpc::Status ListEvents(grpc::ServerContext* context, const v1::ListEventsRequest* request,
                          grpc::ServerWriter<v1::Event>* out) override;
  grpc::Status Watch(grpc::ServerContext* context, const v1::WatchRequest*,
                     grpc::ServerWriter<v1::RunStatus>* out) override;
  grpc::Status ListRounds(grpc::ServerContext* context, const v1::ListRoundsRequest* request,
                          grpc::ServerWriter<v1::RoundSummary>* out) override;
  grpc::Status GetConfig(grpc::ServerContext* context, const v1::GetConfigRequest*,
                         v1::GetConfigResponse* response) override;
  grpc::Status SetLogLevel(grpc::ServerContext* context, const v1::SetLogLevelRequest* request,
                           v1::SetLogLevelResponse* response) override;
  grpc::Status Pause(grpc::ServerContext*, const v1::PauseRequest*, v1::RunStatus* response) override;
  grpc::Status Resume(grpc::ServerContext*, const v1::ResumeRequest*, v1::RunStatus* response) override;
  grpc::Status SetStepSize(grpc::ServerContext*, const v1::SetStepSizeRequest* request,
                           v1::RunStatus* response) override;
  grpc::Status Evict(grpc::ServerContext*, const v1::EvictRequest* request, v1::RunStatus* response) override;
  grpc::Status Readmit(grpc::ServerContext*, const v1::ReadmitRequest* request, v1::RunStatus* response) override;
  grpc::Status Checkpoint(grpc::ServerContext*, const v1::CheckpointRequest*,
                          v1::CheckpointResponse* response) override;
  grpc::Status Export(grpc::ServerContext*, const v1::ExportRequest*, grpc::ServerWriter<v1::ExportPart>* out) override;
  grpc::Status Stop(grpc::ServerContext*, const v1::StopRequest*, v1::RunStatus* response) override;

 private:
  grpc::Status Answer(const absl::Status& status, v1::RunStatus* response);
  // Answers once what was changed is durable.
  grpc::Status Settled(absl::Status status, v1::RunStatus* response);

  Federation* const federation_;
  const Access* const access_;
  const Process process_;
  std::atomic<bool> ending_{false};
};

}  // namespace signvote
