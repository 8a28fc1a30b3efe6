// What the client is told: client.yaml and --set, checked.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <string>
#include <vector>

#include "client/data/batch.h"
#include "client/data/formats.h"
#include "client/data/partition.h"
#include "client/model/module.h"
#include "client/session/session.h"
#include "client/simulation.h"
#include "common/credentials.h"

namespace signvote {

struct ClientOptions {
  std::vector<std::string> servers;  // HOST:PORT or unix:PATH of the server, or of every shard
  SessionOptions session;            // name, role, batch, fraction, evaluate.every
  ModuleOptions module;              // device, micro_batch, loss
  std::vector<std::string> metrics;  // evaluate.metrics; empty: those of the loss
  std::string export_directory;      // evaluate.export: the model and its predictions, after each evaluation
  uint32_t calibration = 1024;       // evaluate.calibration: training samples that running statistics are measured on
  uint32_t threads = 1;
  uint64_t seed = 0;  // of minibatches and partition
  struct Data {
    DataSource source;
    PartitionOptions partition;
    Augmentation augmentation;
  } data;
  Simulation simulation;
  TransportOptions transport;  // tls, insecure
  absl::Duration give_up;      // 0: never
  std::string log = "info";
};

// `role` is what the command line says, empty: nothing. NOT_FOUND or INVALID_ARGUMENT, naming file, line and key.
absl::StatusOr<ClientOptions> LoadClientOptions(const std::string& path, const std::vector<std::string>& overrides,
                                                const std::string& role);

}  // namespace signvote
