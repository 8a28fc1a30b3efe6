// The servers of one run, asked one after the other.
#pragma once

#include <absl/status/statusor.h>

#include <chrono>
#include <memory>
#include <vector>

#include "common/status.h"
#include "server/ctl/connection.h"

namespace signvote::ctl {

class Shards {
 public:
  Shards(const std::vector<std::string>& servers, const Transport& transport) {
    for (const std::string& server : servers) {
      connections_.push_back(std::make_unique<Connection>(server, transport));
    }
  }

  size_t count() const { return connections_.size(); }
  Connection& at(size_t shard) { return *connections_[shard]; }

  // The answer of each; the first error, once all were asked.
  template <typename Request, typename Response>
  absl::StatusOr<std::vector<Response>> Call(grpc::Status (v1::Admin::Stub::*method)(grpc::ClientContext*,
                                                                                     const Request&, Response*),
                                             const Request& request,
                                             std::chrono::seconds limit = std::chrono::seconds(30)) {
    std::vector<Response> responses(count());
    absl::Status first;
    for (size_t i = 0; i < count(); ++i) {
      const absl::Status status = connections_[i]->Call(method, request, &responses[i], limit);
      if (first.ok()) first = status;
    }
    RETURN_IF_ERROR(first);
    return responses;
  }

  absl::StatusOr<std::vector<v1::RunStatus>> Status() {
    return Call(&v1::Admin::Stub::GetStatus, v1::GetStatusRequest());
  }

  // Asks all and puts them into the order of their blocks. FAILED_PRECONDITION: they hold not every block once, or are
  // of different models; one server alone may hold what it likes.
  absl::Status Arrange();

 private:
  std::vector<std::unique_ptr<Connection>> connections_;
};

}  // namespace signvote::ctl
