// signvotectl pause, resume, step-size, evict, readmit, checkpoint, stop: what changes a run.
#include <fmt/format.h>

#include <cstdlib>

#include "server/ctl/command.h"
#include "server/ctl/render.h"

namespace signvote::ctl {
namespace {

// A call whose answer is the status afterwards; `what` is said of it, with the round.
template <typename Request>
absl::Status Change(const Context& context,
                    grpc::Status (v1::Admin::Stub::*method)(grpc::ClientContext*, const Request&, v1::RunStatus*),
                    const Request& request, const std::string& what) {
  Connection connection(context.server, context.credentials);
  v1::RunStatus status;
  if (auto error = connection.Call(method, request, &status); !error.ok()) return error;
  context.Print(status, fmt::format("{}; round {} of {} is closed, the run is {}\n", what, status.round(),
                                    status.rounds_total(), PhaseName(status.phase())));
  return absl::OkStatus();
}

absl::Status Checkpoint(const Context& context) {
  Connection connection(context.server, context.credentials);
  v1::CheckpointResponse response;
  const auto limit = std::chrono::minutes(10);  // large models on slow disks
  if (auto error = connection.Call(&v1::Admin::Stub::Checkpoint, v1::CheckpointRequest(), &response, limit);
      !error.ok()) {
    return error;
  }
  context.Print(response, fmt::format("checkpoint of round {} in {}\n", response.round(), response.directory()));
  return absl::OkStatus();
}

template <typename Request>
void AddPlain(CLI::App* app, Context* context, const std::string& name, const std::string& help,
              grpc::Status (v1::Admin::Stub::*method)(grpc::ClientContext*, const Request&, v1::RunStatus*),
              const std::string& what) {
  app->add_subcommand(name, help)->callback([=] {
    context->run = [=] { return Change(*context, method, Request(), what); };
  });
}

template <typename Request>
void AddNamed(CLI::App* app, Context* context, const std::string& name, const std::string& help,
              grpc::Status (v1::Admin::Stub::*method)(grpc::ClientContext*, const Request&, v1::RunStatus*),
              const std::string& done) {
  auto request = std::make_shared<Request>();
  auto* command = app->add_subcommand(name, help);
  command
      ->add_option_function<std::string>(
          "NAME", [request](const std::string& n) { request->set_name(n); }, "The client's name")
      ->required();
  command->callback([=] {
    context->run = [=] { return Change(*context, method, *request, fmt::format("{} {}", request->name(), done)); };
  });
}

void AddStepSize(CLI::App* app, Context* context) {
  auto request = std::make_shared<v1::SetStepSizeRequest>();
  auto* command = app->add_subcommand("step-size", "Replace step.size from the open round on; the schedule goes on");
  command
      ->add_option_function<float>(
          "VALUE", [request](float size) { request->set_size(size); }, "Above 0, e.g. 3e-4")
      ->required()
      ->check([](const std::string& text) {
        return std::strtof(text.c_str(), nullptr) > 0 ? "" : text + " is not above 0";
      });
  command->callback([=] {
    context->run = [=] {
      return Change(*context, &v1::Admin::Stub::SetStepSize, *request,
                    fmt::format("step size {:g} from the open round on", request->size()));
    };
  });
}

}  // namespace

void AddControlCommands(CLI::App* app, Context* context) {
  AddPlain(app, context, "pause", "Open and close no further round until resume", &v1::Admin::Stub::Pause, "paused");
  AddPlain(app, context, "resume", "Go on after pause", &v1::Admin::Stub::Resume, "resumed");
  AddStepSize(app, context);
  AddNamed(app, context, "evict", "End a client's session and refuse its ballots", &v1::Admin::Stub::Evict,
           "is evicted");
  AddNamed(app, context, "readmit", "Let an evicted client in again", &v1::Admin::Stub::Readmit, "may join again");
  app->add_subcommand("checkpoint", "Write a checkpoint of the last closed round and wait for it")->callback([context] {
    context->run = [context] { return Checkpoint(*context); };
  });
  AddPlain(app, context, "stop", "Finish the open round where possible, write a checkpoint, end the server",
           &v1::Admin::Stub::Stop, "stopping");
}

}  // namespace signvote::ctl
