// The run as Prometheus metrics: docs/metrics.md. Pure.
#pragma once

#include <string>

#include "proto/signvote/v1/admin.pb.h"

namespace signvote {

// In the text exposition format.
std::string RenderMetrics(const v1::RunStatus& status, const v1::ListClientsResponse& clients,
                          const v1::ReliabilityReport& reliability);

// Bytes that as many ballots and decisions would take as float32, each way.
struct Float32Bytes {
  double up = 0, down = 0;
};
Float32Bytes Float32BytesOf(const v1::RunStatus& status);

}  // namespace signvote
