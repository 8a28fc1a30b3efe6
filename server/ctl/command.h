// What the subcommands share: which servers are meant, how to print, and which command was chosen.
#pragma once

#include <absl/status/status.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "common/json.h"
#include "server/ctl/connection.h"
#include "server/ctl/shards.h"
#include "server/ctl/target.h"

namespace signvote::ctl {

struct Context {
  Given given;
  bool json = false;

  // Connections to all servers that are meant, in the order of their blocks. Errors: of the contexts, the certificate
  // and Shards::Arrange.
  absl::StatusOr<Shards> Connect() const;
  // The first half of it: whom it would connect to; and the second, without arranging them.
  absl::StatusOr<Target> Choose() const;
  absl::StatusOr<Shards> Open(const Target& target) const;

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

struct Help {
  std::string name;
  std::string does;      // one line
  std::string examples;  // a line each
};
CLI::App* AddCommand(CLI::App* parent, const Help& help);

// Each adds its subcommands to `app`; `context` outlives the app.
void AddInspectCommands(CLI::App* app, Context* context);    // status, clients, client
void AddWatchCommand(CLI::App* app, Context* context);       // watch
void AddEventsCommand(CLI::App* app, Context* context);      // events
void AddControlCommands(CLI::App* app, Context* context);    // pause, resume, step-size, evict, readmit, stop
void AddProcessCommands(CLI::App* app, Context* context);    // logs level, config show
void AddCheckpointCommand(CLI::App* app, Context* context);  // checkpoint
void AddExportCommand(CLI::App* app, Context* context);      // export
void AddHealthCommand(CLI::App* app, Context* context);      // health
void AddSummaryCommand(CLI::App* app, Context* context);     // summary
void AddPlotCommand(CLI::App* app, Context* context);        // plot
void AddContextCommand(CLI::App* app, Context* context);     // context list, use, set, remove
void AddCompletionCommand(CLI::App* app, Context* context);  // completion

}  // namespace signvote::ctl
