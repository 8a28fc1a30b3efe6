#include "common/status.h"

#include <gtest/gtest.h>

#include <memory>

namespace signvote {
namespace {

TEST(Status, AnnotateKeepsTheCodeAndPutsTheContextFirst) {
  const absl::Status status = Annotate(absl::NotFoundError("no such file"), "model");
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Message(status), "model: no such file");
}

TEST(Status, AnnotateLeavesOkAlone) { EXPECT_TRUE(Annotate(absl::OkStatus(), "model").ok()); }

TEST(Status, FormatsTheSentence) {
  EXPECT_EQ(Message(InvalidArgument("k is {}: expected {}", 0, "at least 1")), "k is 0: expected at least 1");
}

TEST(Status, AssignOrReturnMovesTheValueOrReturnsTheError) {
  auto half = [](int n) -> absl::StatusOr<std::unique_ptr<int>> {
    if (n % 2 != 0) return InvalidArgument("{} is odd", n);
    return std::make_unique<int>(n / 2);
  };
  auto quarter = [&](int n) -> absl::StatusOr<int> {
    ASSIGN_OR_RETURN(const std::unique_ptr<int> first, half(n));
    ASSIGN_OR_RETURN(const std::unique_ptr<int> second, half(*first));
    return *second;
  };
  EXPECT_EQ(*quarter(12), 3);
  EXPECT_EQ(Message(quarter(6).status()), "3 is odd");
}

TEST(Status, EachKindOfErrorHasItsExitCode) {
  EXPECT_EQ(ExitCodeOf(absl::OkStatus()), 0);
  EXPECT_EQ(ExitCodeOf(absl::InternalError("")), 1);
  EXPECT_EQ(ExitCodeOf(absl::InvalidArgumentError("")), 2);
  EXPECT_EQ(ExitCodeOf(absl::UnavailableError("")), 3);
  EXPECT_EQ(ExitCodeOf(absl::DataLossError("")), 4);
  EXPECT_EQ(ExitCodeOf(absl::PermissionDeniedError("")), 5);
}

}  // namespace
}  // namespace signvote
