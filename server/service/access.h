// Who a caller is and what its role allows, by its certificate.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/clock.h>
#include <grpcpp/grpcpp.h>

#include <optional>
#include <string>

#include "common/credentials.h"
#include "common/status.h"

namespace signvote {

class Access {
 public:
  explicit Access(const Credentials* credentials) : credentials_(credentials) {}

  // Nothing without TLS: then whoever reaches the address is trusted. UNAUTHENTICATED: a certificate without name or
  // role. PERMISSION_DENIED: revoked. UNAVAILABLE: expired.
  absl::StatusOr<std::optional<Identity>> Caller(const grpc::ServerContextBase& context) const {
    if (!credentials_->IsTls()) return std::nullopt;
    ASSIGN_OR_RETURN(const Identity identity, IdentityOf(*context.auth_context()));
    RETURN_IF_ERROR(credentials_->Check(identity, absl::Now()));
    return identity;
  }

  // OK for administrators; without TLS for everyone.
  absl::Status RequireAdmin(const grpc::ServerContextBase& context) const {
    ASSIGN_OR_RETURN(const std::optional<Identity> caller, Caller(context));
    if (!caller || caller->role == "admin") return absl::OkStatus();
    return Error(absl::StatusCode::kPermissionDenied,
                 "{} is {} by its certificate, and this takes the role admin (deploy/certs.sh admin NAME)",
                 caller->name, caller->role);
  }

 private:
  const Credentials* const credentials_;
};

}  // namespace signvote
