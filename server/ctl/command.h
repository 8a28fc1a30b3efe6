// What the subcommands share: where the server is, how to print, and which command was chosen.
#pragma once

#include <absl/status/status.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "server/ctl/connection.h"
#include "common/json.h"
#include "server/ctl/shards.h"

namespace signvote::ctl {

struct Context {
  std::vector<std::string> servers = {"127.0.0.1:7401"};  // of one run
  std::shared_ptr<grpc::ChannelCredentials> credentials;  // of the administrator
  bool json = false;

  // Connections to all servers, in the order of their blocks.
  absl::StatusOr<Shards> Connect() const;

  std::ostream& out = std::cout;
  // Set by the parser to the chosen subcommand's work; main() runs it after parsing.
  std::function<absl::Status()> run;

  // Prints `message` as JSON under --json, else `text`.
  void Print(const google::protobuf::Message& message, const std::string& text) const;
  // Of several shards, arranged: `merged` and its text, then each shard's own.
  void Print(const v1::RunStatus& merged, const std::string& text, Shards& shards,
             const std::vector<v1::RunStatus>& each) const;
  void PrintJson(const Json& json_value) const;
};

// Each adds its subcommands to `app`; `context` outlives the app.
void AddInspectCommands(CLI::App* app, Context* context);    // status, clients, client
void AddWatchCommand(CLI::App* app, Context* context);       // watch
void AddControlCommands(CLI::App* app, Context* context);    // pause, resume, step-size, evict, readmit, stop
void AddCheckpointCommand(CLI::App* app, Context* context);  // checkpoint
void AddSummaryCommand(CLI::App* app, Context* context);     // summary
void AddPlotCommand(CLI::App* app, Context* context);        // plot

}  // namespace signvote::ctl
