#include "server/service/memory_plan.h"

#include <gmock/gmock.h>

#include <fstream>

#include "common/status.h"
#include "tests/common/scratch.h"

namespace signvote {
namespace {

using testing::AllOf;
using testing::HasSubstr;

uint64_t BytesOf(const MemoryPlan& plan, const std::string& what) {
  for (const MemoryPlan::Line& line : plan.lines) {
    if (line.what == what) return line.bytes;
  }
  return 0;
}

ServerOptions Options(const std::string& rule, uint64_t voters) {
  ServerOptions options;
  options.vote.rule = rule;
  options.rounds.voters = voters;
  return options;
}

const BlockRange kTenMillion = BlockRange::All(10'000'000);

TEST(MemoryPlan, ItSignSgdCountsEveryVoterOnEveryCoordinate) {
  ServerOptions options = Options("it-signsgd", 15);
  options.vote.carry = 0;
  options.vote.prior = 0;
  options.dither = 0;
  const MemoryPlan plan = PlanMemory(options, kTenMillion);
  EXPECT_EQ(BytesOf(plan, "parameters"), 40'000'000u);
  EXPECT_EQ(BytesOf(plan, "error counts"), 300'000'000u);
  EXPECT_EQ(BytesOf(plan, "evidence"), 0u);
  EXPECT_EQ(BytesOf(plan, "agreement of pairs"), 0u);
  EXPECT_EQ(BytesOf(plan, "ballots in flight"), 2 * 18'750'000u) << "signs and zeros";
  options.vote.counter_bits = 8;
  EXPECT_EQ(BytesOf(PlanMemory(options, kTenMillion), "error counts"), 150'000'000u);
}

TEST(MemoryPlan, AgreementTakesEvidenceAloneHoweverManyVote) {
  const MemoryPlan few = PlanMemory(Options("agreement", 15), kTenMillion);
  const MemoryPlan many = PlanMemory(Options("agreement", 1000), kTenMillion);
  EXPECT_EQ(BytesOf(few, "error counts"), 0u);
  EXPECT_EQ(BytesOf(few, "evidence"), 20'000'000u) << "16 bits suffice";
  EXPECT_EQ(BytesOf(many, "evidence"), 40'000'000u);
  EXPECT_EQ(BytesOf(many, "agreement of pairs"), 10u * 1000 * 64 * 16);
  EXPECT_EQ(BytesOf(many, "ballots in flight"), 1'250'000'000u);
  EXPECT_EQ(BytesOf(many, "samples of the last ballots"), 10u * 1000 * 16 * 16);
  EXPECT_EQ(BytesOf(many, "blocks decided ahead"), 40'000'000u + 10 * 1000 * (64 + 16) * 16);
  EXPECT_EQ(BytesOf(PlanMemory(Options("it-signsgd", 15), kTenMillion), "blocks decided ahead"), 0u);
}

TEST(MemoryPlan, AnElectorateAndAFractionBoundTheBallots) {
  ServerOptions options = Options("agreement", 10'000);
  options.rounds.electorate = 200;
  EXPECT_EQ(BytesOf(PlanMemory(options, kTenMillion), "ballots in flight"), 250'000'000u);
  options.fraction = 8;
  EXPECT_EQ(BytesOf(PlanMemory(options, kTenMillion), "ballots in flight"), 31'250'000u);
}

TEST(MemoryPlan, AShardPlansForItsBlocksAlone) {
  const MemoryPlan plan = PlanMemory(Options("it-signsgd", 4), {10'000'000, 0, 5});
  EXPECT_EQ(BytesOf(plan, "parameters"), 4 * 5 * kBlockCoordinates);
}

TEST(MemoryPlan, IsRefusedWithItsFormulasWhereTheMachineIsTooSmall) {
  const MemoryPlan plan = PlanMemory(Options("it-signsgd", 1000), kTenMillion);
  EXPECT_TRUE(CheckMemory(plan, {plan.Bytes(), "/proc/meminfo"}).ok());
  const absl::Status status = CheckMemory(plan, {plan.Bytes() - 1, "/proc/meminfo"});
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(Message(status), AllOf(HasSubstr("M*N*2"), HasSubstr("20.0 GB"), HasSubstr("N = 10000000"),
                                     HasSubstr("M = 1000 voters"), HasSubstr("/proc/meminfo")));
}

class MachineMemoryFiles : public testing::Test {
 protected:
  void Write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  MachineMemory Read() { return ReadMachineMemory(root_.path()); }
  Scratch root_;
};

TEST_F(MachineMemoryFiles, IsThatOfTheMachineWithoutAGroup) {
  Write("proc/meminfo", "MemTotal:       1000 kB\nMemFree:  10 kB\n");
  EXPECT_EQ(Read().bytes, 1'024'000u);
  EXPECT_EQ(Read().source, "/proc/meminfo");
}

TEST_F(MachineMemoryFiles, IsTheTightestLimitOfAllGroupsAround) {
  Write("proc/meminfo", "MemTotal:       1000 kB\n");
  Write("proc/self/cgroup", "0::/outer/inner\n");
  Write("sys/fs/cgroup/outer/inner/memory.max", "max\n");
  EXPECT_EQ(Read().bytes, 1'024'000u);
  Write("sys/fs/cgroup/outer/memory.max", "5000\n");
  EXPECT_EQ(Read().bytes, 5000u);
  EXPECT_EQ(Read().source, "/sys/fs/cgroup/outer/memory.max");
  Write("sys/fs/cgroup/memory.max", "4000\n");
  EXPECT_EQ(Read().bytes, 4000u);
}

TEST_F(MachineMemoryFiles, KnowsTheFirstVersionOfGroups) {
  Write("proc/meminfo", "MemTotal:       1000 kB\n");
  Write("proc/self/cgroup", "3:cpu:/x\n2:memory:/x\n");
  Write("sys/fs/cgroup/memory/x/memory.limit_in_bytes", "700\n");
  EXPECT_EQ(Read().bytes, 700u);
}

}  // namespace
}  // namespace signvote
