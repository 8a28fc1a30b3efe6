// signvotectl pause, resume, step-size, evict, readmit, stop: what changes a run.
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>

#include "common/status.h"
#include "common/step_advice.h"
#include "server/ctl/barrier.h"
#include "server/ctl/command.h"
#include "server/ctl/merge.h"
#include "server/ctl/render.h"

namespace signvote::ctl {
namespace {

// Says `what` was done, and how the run stands after it.
void Report(const Context& context, Shards& shards, const std::vector<v1::RunStatus>& each, const std::string& what) {
  const v1::RunStatus merged = MergeStatus(each);
  context.Print(merged,
                fmt::format("{}; round {} of {} is closed, the run is {}\n", what, merged.round(),
                            merged.rounds_total(), PhaseName(merged.phase())),
                shards, each);
}

// A call whose answer is the status afterwards.
template <typename Request>
absl::Status Change(const Context& context,
                    grpc::Status (v1::Admin::Stub::*method)(grpc::ClientContext*, const Request&, v1::RunStatus*),
                    const Request& request, const std::string& what) {
  ASSIGN_OR_RETURN(Shards shards, context.Connect());
  ASSIGN_OR_RETURN(const std::vector<v1::RunStatus> each, shards.Call(method, request));
  Report(context, shards, each, what);
  return absl::OkStatus();
}

// Shards hear of it one after the other, perhaps a round apart; at the end all rest after the same one.
absl::Status Pause(const Context& context) {
  ASSIGN_OR_RETURN(Shards shards, context.Connect());
  ASSIGN_OR_RETURN(std::vector<v1::RunStatus> each, shards.Call(&v1::Admin::Stub::Pause, v1::PauseRequest()));
  if (shards.count() > 1) {
    const std::vector<uint32_t> until_resumed(shards.count(), 0);
    RETURN_IF_ERROR(Annotate(Meet(&shards, until_resumed), "paused, but not all after the same round"));
    ASSIGN_OR_RETURN(each, shards.Status());
  }
  Report(context, shards, each, "paused");
  return absl::OkStatus();
}

template <typename Request>
void AddPlain(CLI::App* app, Context* context, const Help& help,
              grpc::Status (v1::Admin::Stub::*method)(grpc::ClientContext*, const Request&, v1::RunStatus*),
              const std::string& what) {
  AddCommand(app, help)->callback([=] { context->run = [=] { return Change(*context, method, Request(), what); }; });
}

template <typename Request>
void AddNamed(CLI::App* app, Context* context, const Help& help,
              grpc::Status (v1::Admin::Stub::*method)(grpc::ClientContext*, const Request&, v1::RunStatus*),
              const std::string& done) {
  auto request = std::make_shared<Request>();
  CLI::App* command = AddCommand(app, help);
  command
      ->add_option_function<std::string>(
          "NAME", [request](const std::string& n) { request->set_name(n); }, "The client's name")
      ->required()
      ->type_name("CLIENT");
  command->callback([=] {
    context->run = [=] { return Change(*context, method, *request, fmt::format("{} {}", request->name(), done)); };
  });
}

// What is wrong with a step size; empty: nothing.
std::string CheckStepSize(const std::string& text) {
  char* end = nullptr;
  const float size = std::strtof(text.c_str(), &end);
  const bool is_number = end != text.c_str() && *end == '\0';
  if (is_number && std::isfinite(size) && size > 0) return "";
  return fmt::format("\"{}\" is {}: expected a step size such as 3e-4", text,
                     is_number ? "no finite number above 0" : "no number");
}

void AddStepSize(CLI::App* app, Context* context) {
  auto request = std::make_shared<v1::SetStepSizeRequest>();
  CLI::App* command = AddCommand(app, {"step-size", "Replace step.size from the open round on; the schedule goes on",
                                       "signvotectl step-size 3e-4"});
  command
      ->add_option_function<float>(
          "VALUE", [request](float size) { request->set_size(size); }, "Above 0, e.g. 3e-4")
      ->required()
      ->check(CheckStepSize);
  command->callback([=] {
    context->run = [=]() -> absl::Status {
      RETURN_IF_ERROR(Change(*context, &v1::Admin::Stub::SetStepSize, *request,
                             fmt::format("step size {:g} from the open round on", request->size())));
      if (const std::string advice = StepAdvice(request->size()); !advice.empty()) {
        fmt::print(stderr, "signvotectl: {}\n", advice);
      }
      return absl::OkStatus();
    };
  });
}

}  // namespace

void AddControlCommands(CLI::App* app, Context* context) {
  AddCommand(app, {"pause", "Open and close no further round until resume", "signvotectl pause"})->callback([context] {
    context->run = [context] { return Pause(*context); };
  });
  AddPlain(app, context, {"resume", "Go on after pause", "signvotectl resume"}, &v1::Admin::Stub::Resume, "resumed");
  AddStepSize(app, context);
  AddNamed(app, context, {"evict", "End a client's session and refuse its ballots", "signvotectl evict phone-07"},
           &v1::Admin::Stub::Evict, "is evicted");
  AddNamed(app, context, {"readmit", "Let an evicted client in again", "signvotectl readmit phone-07"},
           &v1::Admin::Stub::Readmit, "may join again");
  AddPlain(app, context,
           {"stop", "Finish the open round where possible, write a checkpoint, end the server", "signvotectl stop"},
           &v1::Admin::Stub::Stop, "stopping");
}

}  // namespace signvote::ctl
