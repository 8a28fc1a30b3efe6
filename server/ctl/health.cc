// signvotectl health: the gRPC health protocol, for health checks of containers and probes.
#include <fmt/format.h>
#include <google/protobuf/empty.pb.h>
#include <google/protobuf/wrappers.pb.h>
#include <grpcpp/generic/generic_stub.h>

#include <future>

#include "common/status.h"
#include "server/ctl/command.h"

namespace signvote::ctl {
namespace {

constexpr int kServing = 1;  // grpc.health.v1.HealthCheckResponse.SERVING

// grpc.health.v1.Health/Check of everything there. On the wire its empty request is an Empty, and its answer, an enum
// in field 1, an Int32Value: the protocol needs no code of its own. UNAVAILABLE: no answer within 10 seconds, or not
// serving.
absl::Status Check(const Connection& connection) {
  grpc::TemplatedGenericStub<google::protobuf::Empty, google::protobuf::Int32Value> stub(connection.channel());
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  const google::protobuf::Empty request;
  google::protobuf::Int32Value response;
  std::promise<grpc::Status> done;
  stub.UnaryCall(&context, "/grpc.health.v1.Health/Check", {}, &request, &response,
                 [&done](grpc::Status status) { done.set_value(std::move(status)); });
  const grpc::Status status = done.get_future().get();
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return Error(absl::StatusCode::kUnavailable, "{}: no answer within 10 s", connection.server());
  }
  RETURN_IF_ERROR(connection.Explain(status));
  if (response.value() == kServing) return absl::OkStatus();
  return Error(absl::StatusCode::kUnavailable, "{}: not serving (health status {})", connection.server(),
               response.value());
}

absl::Status Health(const Context& context) {
  ASSIGN_OR_RETURN(const Target target, context.Choose());
  ASSIGN_OR_RETURN(Shards shards, context.Open(target));
  for (size_t i = 0; i < shards.count(); ++i) RETURN_IF_ERROR(Check(shards.at(i)));
  if (context.json) {
    context.PrintJson({{"status", "SERVING"}});
  } else {
    context.out << "serving" << std::endl;
  }
  return absl::OkStatus();
}

}  // namespace

void AddHealthCommand(CLI::App* app, Context* context) {
  AddCommand(app, {"health", "Ask the gRPC health service; exit code 0: serving, 3: not, or no answer",
                   "signvotectl health\nsignvotectl --server fed.example.org:7401 health || echo down"})
      ->callback([=] { context->run = [=] { return Health(*context); }; });
}

}  // namespace signvote::ctl
