// signvotectl status, clients, client: questions that change nothing.
#include "server/ctl/command.h"
#include "server/ctl/render.h"

namespace signvote::ctl {
namespace {

absl::Status Status(const Context& context) {
  Connection connection(context.server, context.credentials);
  v1::RunStatus status;
  if (auto error = connection.Call(&v1::Admin::Stub::GetStatus, v1::GetStatusRequest(), &status); !error.ok()) {
    return error;
  }
  context.Print(status, RenderStatus(status));
  return absl::OkStatus();
}

absl::Status Clients(const Context& context) {
  Connection connection(context.server, context.credentials);
  v1::ListClientsResponse response;
  if (auto error = connection.Call(&v1::Admin::Stub::ListClients, v1::ListClientsRequest(), &response); !error.ok()) {
    return error;
  }
  context.Print(response, RenderClients(response));
  return absl::OkStatus();
}

absl::Status Client(const Context& context, const std::string& name) {
  Connection connection(context.server, context.credentials);
  v1::GetClientRequest request;
  request.set_name(name);
  v1::ClientDetail detail;
  if (auto error = connection.Call(&v1::Admin::Stub::GetClient, request, &detail); !error.ok()) return error;
  context.Print(detail, RenderClient(detail));
  return absl::OkStatus();
}

}  // namespace

void AddInspectCommands(CLI::App* app, Context* context) {
  app->add_subcommand("status", "The run: phase, round, accuracy, bytes, times")->callback([context] {
    context->run = [context] { return Status(*context); };
  });
  app->add_subcommand("clients", "A table of all clients that were ever admitted")->callback([context] {
    context->run = [context] { return Clients(*context); };
  });
  auto* client = app->add_subcommand("client", "One client: crossover and weight by tensor, integer weights by block");
  auto name = std::make_shared<std::string>();
  client->add_option("NAME", *name, "As in its configuration")->required();
  client->callback([context, name] { context->run = [context, name] { return Client(*context, *name); }; });
}

}  // namespace signvote::ctl
