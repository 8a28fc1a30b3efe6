// What the server is told: server.yaml and --set, checked.
#pragma once

#include <absl/status/statusor.h>

#include <map>
#include <string>
#include <vector>

#include "common/credentials.h"
#include "server/round/round.h"
#include "server/round/step_schedule.h"
#include "server/vote/rule.h"

namespace signvote {

struct ServerOptions {
  std::string listen = "127.0.0.1:7400";
  std::string admin_listen = "127.0.0.1:7401";
  // The dashboard; empty: none. Where the default is taken another port is.
  static constexpr const char* kHttpListen = "127.0.0.1:7402";
  std::string http_listen = kHttpListen;
  bool http_insecure = false;  // on other addresses than loopback
  TransportOptions transport;  // tls, insecure
  bool reflection = false;     // tell whoever connects what calls there are
  std::string model;
  std::string directory;
  struct Shard {
    uint64_t index = 0;  // from 0
    uint64_t count = 1;  // servers that share the model's blocks
  } shard;
  uint64_t seed = 0;
  uint32_t threads = 0;  // 0: as many as cores
  VoteOptions vote;
  float dither = 2;
  uint32_t fraction = 1;  // k
  uint32_t local_steps = 1;
  float local_step_size = 0.05f;
  double flip_probability = 0;
  StepOptions step;
  RoundOptions rounds;
  uint64_t checkpoint_every = 0;  // rounds; 0: at the end and on request
  uint32_t checkpoint_keep = 3;
  std::string durability = "ballots";  // ballots | decisions | none
  std::string tensorboard;             // directory for event files; empty: none
  std::map<std::string, std::string> labels;
  std::string log = "info";
  std::string effective;  // all of this as YAML, defaults included
};

// options.effective with what has changed since: YAML that LoadServerOptions accepts.
std::string EffectiveConfig(const ServerOptions& options, float step_size, const std::string& log);

// NOT_FOUND or INVALID_ARGUMENT, naming file, line and key. What is allowed and hardly meant is told on stderr.
absl::StatusOr<ServerOptions> LoadServerOptions(const std::string& path, const std::vector<std::string>& overrides);

}  // namespace signvote
