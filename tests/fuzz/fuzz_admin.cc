// Requests of an administrator through the service, parsed from arbitrary bytes, while a few clients vote.
#include "server/service/admin_service.h"
#include "tests/fuzz/federation_driver.h"

using namespace signvote;

namespace {

// Calls a method with a request parsed from the input; what does not parse never reaches a service.
template <typename Request, typename Response>
void Call(FuzzInput& input, AdminService& service,
          grpc::Status (AdminService::*method)(grpc::ServerContext*, const Request*, Response*)) {
  const std::string_view bytes = input.Text();
  Request request;
  if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  Response response;
  grpc::ServerContext context;
  const grpc::Status status = (service.*method)(&context, &request, &response);
  FUZZ_CHECK(status.ok() || !status.error_message().empty());
  FUZZ_CHECK(status.error_code() != grpc::StatusCode::UNKNOWN && status.error_code() != grpc::StatusCode::INTERNAL);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzInput input(data, size);
  FederationDriver driver(input);
  static const auto plain_text = Credentials::Load({});
  const Access access(plain_text->get());
  AdminService service(driver.harness().federation.get(), &access,
                       {.stop = [] {},
                        .rounds = [](uint64_t) { return std::vector<v1::RoundSummary>(); },
                        .config = [](float, const std::string&) { return std::string("log: info"); },
                        .settle =
                            [&] {
                              absl::Status status = absl::UnknownError("nobody answered");
                              driver.harness().federation->Settle([&](absl::Status s) { status = std::move(s); });
                              driver.harness().Work();
                              return status;
                            }});
  for (int steps = 0; steps < 100 && !input.IsEmpty(); ++steps) {
    switch (input.Below(14)) {
      case 0:
        Call(input, service, &AdminService::GetStatus);
        break;
      case 1:
        Call(input, service, &AdminService::ListClients);
        break;
      case 2:
        Call(input, service, &AdminService::GetClient);
        break;
      case 3:
        Call(input, service, &AdminService::Pause);
        break;
      case 4:
        Call(input, service, &AdminService::Resume);
        break;
      case 5:
        Call(input, service, &AdminService::SetStepSize);
        break;
      case 6:
        Call(input, service, &AdminService::Evict);
        break;
      case 7:
        Call(input, service, &AdminService::Readmit);
        break;
      case 8:
        Call(input, service, &AdminService::Stop);
        break;
      case 9:
        Call(input, service, &AdminService::GetConfig);
        break;
      case 10:
        Call(input, service, &AdminService::SetLogLevel);
        break;
      case 11:
        driver.Administer();
        break;
      default:
        driver.Step();
    }
    driver.Check();
  }
  driver.Finish();
  return 0;
}
