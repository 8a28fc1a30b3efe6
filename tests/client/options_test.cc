#include "client/options.h"

#include <gmock/gmock.h>

#include "common/status.h"
#include "tests/client/temporary_directory.h"

namespace signvote {
namespace {

using testing::AllOf;
using testing::HasSubstr;

absl::StatusOr<ClientOptions> Load(const std::string& yaml, const std::vector<std::string>& overrides = {},
                                   const std::string& role = "") {
  TemporaryDirectory directory;
  return LoadClientOptions(directory.Write("client.yaml", yaml), overrides, role);
}

constexpr char kSmallest[] = "server: 127.0.0.1:7400\nname: ada\n";

TEST(ClientOptions, TheSmallestFileIsEnough) {
  const auto options = Load(kSmallest);
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->session.name, "ada");
  EXPECT_EQ(options->session.role, v1::VOTER);
  EXPECT_EQ(options->threads, 1u);
}

TEST(ClientOptions, AServerMayBeASocketOfThisMachine) {
  const auto options = Load("server: unix:/run/signvote/clients\nname: ada\n");
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->servers.front(), "unix:/run/signvote/clients");
  EXPECT_TRUE((*Credentials::Load(options->transport))->Permit("server", options->servers.front()).ok());
  EXPECT_THAT(Message(Load("server: 'unix:'\nname: ada\n").status()), HasSubstr("HOST:PORT or unix:PATH"));
}

TEST(ClientOptions, ReadsEveryKey) {
  const auto options = Load(R"(
server: host:1
name: client-01
role: observer
batch: 4
micro_batch: 128
fraction: 2
threads: 3
device: cuda:1
seed: 9
data: {format: cifar10, path: /data, partition: "labels:2", index: 3, count: 15, crop: 4, flip: true}
evaluate: {every: 5, metrics: [mae, mse], export: out, calibration: 64}
loss: mse
simulate: {attack: flip-half, batch: 9, late: 2, from_round: 100}
connect: {give_up: 30s}
log: warn
)");
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->session.role, v1::OBSERVER);
  EXPECT_EQ(options->session.batch, 4u);
  EXPECT_EQ(options->session.fraction, 2u);
  EXPECT_EQ(options->session.evaluate_every, 5u);
  EXPECT_THAT(options->metrics, testing::ElementsAre("mae", "mse"));
  EXPECT_EQ(options->export_directory, "out");
  EXPECT_EQ(options->calibration, 64u);
  EXPECT_EQ(options->module.loss, "mse");
  EXPECT_EQ(options->module.micro_batch, 128u);
  EXPECT_EQ(options->module.device, "cuda:1");
  EXPECT_EQ(options->data.partition.kind, "labels:2");
  EXPECT_EQ(options->data.partition.index, 3u);
  EXPECT_EQ(options->data.partition.seed, 9u);
  EXPECT_EQ(options->data.augmentation.crop, 4u);
  EXPECT_TRUE(options->data.augmentation.flip);
  EXPECT_EQ(options->simulation.attack, "flip-half");
  EXPECT_EQ(options->simulation.batch, 9u);
  EXPECT_EQ(options->simulation.late, 2u);
  EXPECT_EQ(options->simulation.from_round, 100u);
  EXPECT_EQ(options->give_up, absl::Seconds(30));
}

TEST(ClientOptions, NamesOneServerOrAllShards) {
  EXPECT_THAT(Load(kSmallest)->servers, testing::ElementsAre("127.0.0.1:7400"));
  const auto sharded = Load("name: ada\n", {"shards=[a:1, b:2]"});
  ASSERT_TRUE(sharded.ok()) << sharded.status();
  EXPECT_THAT(sharded->servers, testing::ElementsAre("a:1", "b:2"));
}

TEST(ClientOptions, TheCommandLineOverrides) {
  const auto options = Load(kSmallest, {"batch=7", "data.partition=iid", "data.count=3"}, "observer");
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->session.batch, 7u);
  EXPECT_EQ(options->data.partition.count, 3u);
  EXPECT_EQ(options->session.role, v1::OBSERVER);
}

TEST(ClientOptions, ErrorsNameTheLineAndTheKey) {
  const auto problem = [](const std::string& more) { return Message(Load(kSmallest + more).status()); };
  EXPECT_THAT(problem("btach: 4\n"), AllOf(HasSubstr("client.yaml:3"), HasSubstr("btach"), HasSubstr("batch")));
  EXPECT_THAT(problem("batch: 0\n"), AllOf(HasSubstr("client.yaml:3"), HasSubstr("batch")));
  EXPECT_THAT(problem("data: {partition: halves}\n"), HasSubstr("labels:K"));
  EXPECT_THAT(problem("data: {format: svhn}\n"), HasSubstr("mnist, cifar10, digits"));
  EXPECT_THAT(problem("data: {format: csv, path: a.csv, targets: [y], lenght: 3}\n"),
              AllOf(HasSubstr("client.yaml:3"), HasSubstr("data.lenght")));
  EXPECT_THAT(problem("loss: hinge\n"), AllOf(HasSubstr("client.yaml:3"), HasSubstr("cross_entropy")));
  EXPECT_THAT(problem("evaluate: {metrics: [f1]}\n"), AllOf(HasSubstr("client.yaml:3"), HasSubstr("perplexity")));
  EXPECT_THAT(problem("loss: bce\nevaluate: {metrics: [perplexity]}\n"),
              HasSubstr("perplexity, which is not for loss bce"));
  EXPECT_THAT(problem("loss: bce\nevaluate: {metrics: [mae]}\n"),
              HasSubstr("mae, which is not for loss bce, expected some of: accuracy"))
      << "a logit is no number between 0 and 1";
  EXPECT_THAT(problem("loss: mse\nevaluate: {metrics: [mae, accuracy]}\n"),
              HasSubstr("accuracy, which is not for loss mse"));
  EXPECT_THAT(problem("batch: 16777217\n"), AllOf(HasSubstr("client.yaml:3"), HasSubstr("16777216")));
  EXPECT_THAT(problem("seed: 72057594037927936\n"), HasSubstr("below 2^56"));
  EXPECT_THAT(problem("data: {index: 4, count: 4}\n"), HasSubstr("data.index is 4"));
  EXPECT_THAT(problem("data: {format: digits, count: 4}\n"), HasSubstr("data.partition is missing beside data.count"));
  EXPECT_THAT(problem("data: {format: digits, index: 0}\n"), HasSubstr("data.partition is missing beside data.index"));
  EXPECT_TRUE(Load(std::string(kSmallest) + "data: {format: digits, partition: all, index: 1, count: 4}\n").ok());
  EXPECT_THAT(problem("device: gpu\n"), AllOf(HasSubstr("client.yaml:3"), HasSubstr("\"gpu\", expected cpu, cuda")));
  EXPECT_THAT(problem("device: 'cuda:'\n"), HasSubstr("expected cpu, cuda"));
  EXPECT_THAT(problem("simulate: {attack: shout}\n"), AllOf(HasSubstr("shout"), HasSubstr("flip-half")));
  EXPECT_THAT(Message(Load("server: nowhere\nname: ada\n").status()), HasSubstr("HOST:PORT"));
  EXPECT_THAT(Message(Load("server: a:1\nname: a b\n").status()), HasSubstr("\"a b\""));
  EXPECT_THAT(Message(Load("name: ada\n").status()), HasSubstr("server"));
  EXPECT_THAT(Message(Load("shards: [a:1, b]\nname: ada\n").status()), HasSubstr("\"b\", expected HOST:PORT"));
  EXPECT_THAT(Message(Load("shards: [a:1, a:1]\nname: ada\n").status()), HasSubstr("names a:1 twice"));
  EXPECT_THAT(problem("shards: [a:1]\n"), HasSubstr("beside `server`"));
}

}  // namespace
}  // namespace signvote
