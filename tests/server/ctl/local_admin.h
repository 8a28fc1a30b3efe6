// A server's admin service in this process: the status that the test gave it, and what it was asked.
#pragma once

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <string>
#include <vector>

#include "common/mutex.h"
#include "proto/signvote/v1/admin.grpc.pb.h"

namespace signvote::ctl {

// Thread-safe. Paused, it closes rounds up to the one it is told at once.
class LocalAdmin final : public v1::Admin::Service {
 public:
  explicit LocalAdmin(v1::RunStatus status) : status_(std::move(status)) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~LocalAdmin() override {
    {
      MutexLock lock(mu_);
      is_ending_ = true;
    }
    ended_.NotifyAll();
    server_->Shutdown(std::chrono::system_clock::now());
  }

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  v1::RunStatus status() {
    MutexLock lock(mu_);
    return status_;
  }
  std::vector<v1::PauseRequest> pauses() {
    MutexLock lock(mu_);
    return pauses_;
  }

  grpc::Status GetStatus(grpc::ServerContext*, const v1::GetStatusRequest*, v1::RunStatus* response) override {
    *response = status();
    return grpc::Status::OK;
  }
  grpc::Status Pause(grpc::ServerContext*, const v1::PauseRequest* request, v1::RunStatus* response) override {
    MutexLock lock(mu_);
    pauses_.push_back(*request);
    status_.set_round(std::max(status_.round(), request->after_round()));
    status_.set_phase(v1::PAUSED);
    *response = status_;
    return grpc::Status::OK;
  }
  grpc::Status Resume(grpc::ServerContext*, const v1::ResumeRequest*, v1::RunStatus* response) override {
    MutexLock lock(mu_);
    status_.set_phase(v1::COLLECTING);
    *response = status_;
    return grpc::Status::OK;
  }
  // Says the status once, and no more as long as this server is there.
  grpc::Status Watch(grpc::ServerContext*, const v1::WatchRequest*, grpc::ServerWriter<v1::RunStatus>* out) override {
    out->Write(status());
    MutexLock lock(mu_);
    while (!is_ending_) ended_.Wait(mu_);
    return grpc::Status::OK;
  }

 private:
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  Mutex mu_;
  CondVar ended_;
  bool is_ending_ ABSL_GUARDED_BY(mu_) = false;
  v1::RunStatus status_ ABSL_GUARDED_BY(mu_);
  std::vector<v1::PauseRequest> pauses_ ABSL_GUARDED_BY(mu_);
};

}  // namespace signvote::ctl
