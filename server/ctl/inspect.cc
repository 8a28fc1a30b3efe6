// signvotectl status, clients, client: questions that change nothing.
#include "server/ctl/command.h"
#include "server/ctl/merge.h"
#include "server/ctl/render.h"

namespace signvote::ctl {
namespace {

absl::Status Status(const Context& context) {
  ASSIGN_OR_RETURN(Shards shards, context.Connect());
  ASSIGN_OR_RETURN(const std::vector<v1::RunStatus> each, shards.Status());
  const v1::RunStatus merged = MergeStatus(each);
  context.Print(merged, RenderStatus(merged), shards, each);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<uint64_t>> Coordinates(Shards& shards) {
  ASSIGN_OR_RETURN(const std::vector<v1::RunStatus> each, shards.Status());
  std::vector<uint64_t> coordinates;
  for (const v1::RunStatus& status : each) coordinates.push_back(CoordinatesOf(status));
  return coordinates;
}

absl::Status Clients(const Context& context) {
  ASSIGN_OR_RETURN(Shards shards, context.Connect());
  ASSIGN_OR_RETURN(const std::vector<uint64_t> coordinates, Coordinates(shards));
  ASSIGN_OR_RETURN(const std::vector<v1::ListClientsResponse> each,
                   shards.Call(&v1::Admin::Stub::ListClients, v1::ListClientsRequest()));
  const v1::ListClientsResponse merged = MergeClients(each, coordinates);
  context.Print(merged, RenderClients(merged));
  return absl::OkStatus();
}

absl::Status Client(const Context& context, const std::string& name) {
  ASSIGN_OR_RETURN(Shards shards, context.Connect());
  ASSIGN_OR_RETURN(const std::vector<uint64_t> coordinates, Coordinates(shards));
  v1::GetClientRequest request;
  request.set_name(name);
  ASSIGN_OR_RETURN(const std::vector<v1::ClientDetail> each, shards.Call(&v1::Admin::Stub::GetClient, request));
  const v1::ClientDetail merged = MergeDetails(each, coordinates);
  context.Print(merged, RenderClient(merged));
  return absl::OkStatus();
}

}  // namespace

void AddInspectCommands(CLI::App* app, Context* context) {
  AddCommand(app, {"status", "The run: phase, round, accuracy, bytes, times",
                   "signvotectl status\nsignvotectl status --json | jq .phase"})
      ->callback([context] { context->run = [context] { return Status(*context); }; });
  AddCommand(app, {"clients", "A table of all clients that were ever admitted",
                   "signvotectl clients\n"
                   "signvotectl clients --json | jq -r '.clients[] | select(.different) | .name'"})
      ->callback([context] { context->run = [context] { return Clients(*context); }; });
  CLI::App* client = AddCommand(app, {"client", "One client: crossover and weight by tensor, integer weights by block",
                                      "signvotectl client phone-07"});
  auto name = std::make_shared<std::string>();
  client->add_option("NAME", *name, "As in its configuration")->required()->type_name("CLIENT");
  client->callback([context, name] { context->run = [context, name] { return Client(*context, *name); }; });
}

}  // namespace signvote::ctl
