#include "server/ctl/connection.h"

#include <gmock/gmock.h>

#include "tests/e2e/fault_proxy.h"
#include "tests/server/ctl/local_admin.h"

namespace signvote::ctl {
namespace {

TEST(CtlConnection, AStreamOverALinkThatDiesWithoutAWordEnds) {
  LocalAdmin server({});
  FaultProxy proxy;
  proxy.SetTarget(server.address());
  Connection connection(proxy.address(), {grpc::InsecureChannelCredentials(), false, kLeastKeepalive});
  grpc::ClientContext call;
  call.set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(1));
  const auto stream = connection.stub().Watch(&call, {});
  v1::RunStatus status;
  ASSERT_TRUE(stream->Read(&status));
  proxy.BlackHole();
  EXPECT_FALSE(stream->Read(&status));
  const absl::Status end = connection.Explain(stream->Finish());
  EXPECT_EQ(end.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(end.message()), testing::Not(testing::HasSubstr("in time"))) << "not the call's deadline";
  proxy.Reset();
}

}  // namespace
}  // namespace signvote::ctl
