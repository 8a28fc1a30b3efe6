// Who may be in a session: the certificate's name and role, and limits for those who never join.
#include <gmock/gmock.h>

#include "common/status.h"
#include "tests/server/service/federation_harness.h"

namespace signvote {
namespace {

using testing::HasSubstr;
using H = FederationHarness;

Identity Holder(const std::string& name, const std::string& role = "voter") {
  return {name, role, {"CN=authority", "01"}, absl::InfiniteFuture()};
}

absl::Status JoinAs(H* h, const Identity& holder, const v1::ClientMessage& join) {
  const SessionId session = h->federation->Open(holder);
  h->federation->Receive(session, join);
  return h->Read(session).end.value_or(absl::OkStatus());
}

TEST(FederationAccess, TheCertificateGivesNameAndRole) {
  H h;
  EXPECT_TRUE(JoinAs(&h, Holder("a"), H::JoinOf("a")).ok());
  EXPECT_TRUE(JoinAs(&h, Holder("o", "observer"), H::JoinOf("o", v1::OBSERVER)).ok());
  const absl::Status name = JoinAs(&h, Holder("a"), H::JoinOf("b"));
  EXPECT_EQ(name.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(Message(name), HasSubstr("the certificate is a's, and the client says that it is b"));
  for (const Identity& holder : {Holder("b", "observer"), Holder("b", "admin")}) {
    const absl::Status role = JoinAs(&h, holder, H::JoinOf("b"));
    EXPECT_EQ(role.code(), absl::StatusCode::kPermissionDenied);
    EXPECT_THAT(Message(role), HasSubstr("b is " + holder.role + " by its certificate"));
  }
  EXPECT_EQ(JoinAs(&h, Holder("b"), H::JoinOf("b", v1::OBSERVER)).code(), absl::StatusCode::kPermissionDenied);
}

TEST(FederationAccess, ARevokedVotersSessionEndsAndItsBallotDoesNotCount) {
  ServerOptions options = H::DefaultOptions();
  options.rounds.quorum = 1;
  H h(options);
  const SessionId a = h.federation->Open(Holder("a")), b = h.federation->Open(Holder("b"));
  h.federation->Receive(a, H::JoinOf("a"));
  h.federation->Receive(b, H::JoinOf("b"));
  h.Read(b);
  h.Vote(b, 1);
  h.federation->CheckCallers(
      [](const Identity& who) { return who.name == "b" ? absl::PermissionDeniedError("revoked") : absl::OkStatus(); });
  EXPECT_EQ(h.Read(b).end.value_or(absl::OkStatus()).code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(h.federation->events().After(0).back().detail(), "revoked");
  h.Work();
  EXPECT_EQ(h.federation->Status().round(), 0u) << "the ballot of the revoked is gone";
  h.Vote(a, 1);
  h.Work();
  EXPECT_EQ(h.federation->Status().round(), 1u) << "nobody waits for the revoked";
  ASSERT_EQ(h.rows.size(), 1u);
  EXPECT_EQ(h.rows[0].ballots, 1u);
}

TEST(FederationAccess, ASessionThatNeverJoinsEnds) {
  H h;
  const SessionId silent = h.federation->Open(), member = h.Join("a");
  h.now += Federation::kJoinLimit - absl::Seconds(1);
  h.federation->Tick();
  EXPECT_FALSE(h.Read(silent).end);
  h.now += absl::Seconds(1);
  h.federation->Tick();
  EXPECT_EQ(h.Read(silent).end.value_or(absl::OkStatus()).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(h.Read(member).end);
}

TEST(FederationAccess, OneCertificateOpensOnlyAFewSessions) {
  H h;
  SessionId last = 0;
  for (int i = 0; i < 8; ++i) last = h.federation->Open(Holder("a"));
  EXPECT_FALSE(h.Read(last).end);
  EXPECT_EQ(h.Read(h.federation->Open(Holder("a"))).end.value_or(absl::OkStatus()).code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_FALSE(h.Read(h.federation->Open(Holder("b"))).end);
}

}  // namespace
}  // namespace signvote
