// A small federation of real processes on loopback, on procedural digits, in a directory of its own.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/e2e/process.h"

namespace signvote {

class FederationFixture : public testing::Test {
 protected:
  using Seconds = std::chrono::seconds;

  virtual std::string Model() const { return "mlp"; }

  void SetUp() override {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    directory_ = std::filesystem::path(testing::TempDir()) /
                 (std::string("signvote-") + info->name() + "-" + std::to_string(getpid()));
    std::filesystem::create_directories(directory_);
    Process init({Program("signvote-client"), "init-model", "--model", Model(), "--seed", "3", "--out", Path("bundle")},
                 Path("init.log"));
    ASSERT_EQ(init.Wait(Seconds(60)), 0) << init.Output();
  }

  void TearDown() override {
    clients_.clear();
    server_.reset();
    if (!HasFailure()) std::filesystem::remove_all(directory_);
  }

  std::string Path(const std::string& name) const { return (directory_ / name).string(); }

  void Write(const std::string& name, const std::string& text) { std::ofstream(Path(name)) << text; }

  std::vector<std::string> ServerArguments(const std::string& run, const std::vector<std::string>& settings,
                                           const std::string& listen) const {
    std::vector<std::string> arguments{Program("signvote-server"), "--config", Path(run + ".yaml")};
    for (const char* own : {"admin.listen=127.0.0.1:0", "http.listen=127.0.0.1:0"}) {
      arguments.insert(arguments.end(), {"--set", own});
    }
    arguments.insert(arguments.end(), {"--set", "listen=" + listen});
    for (const std::string& setting : settings) arguments.insert(arguments.end(), {"--set", setting});
    return arguments;
  }

  // Starts the server on `run`; with another `listen` than port 0 it takes the place of one that died.
  void StartServer(const std::string& run, const std::vector<std::string>& settings,
                   const std::string& listen = "127.0.0.1:0") {
    Write(run + ".yaml", "model: " + Path("bundle") + "\ndirectory: " + Path(run) + "\n");
    std::filesystem::remove(Path(run + "/addresses.json"));
    server_.emplace(ServerArguments(run, settings, listen), Path(run + ".log"));
    ASSERT_TRUE(Eventually(
        [&] { return std::filesystem::exists(Path(run + "/addresses.json")) || !server_->IsRunning(); }, Seconds(30)));
    ASSERT_TRUE(server_->IsRunning()) << server_->Output();
    const nlohmann::json addresses = Json(run + "/addresses.json");
    listen_ = addresses["listen"];
    admin_ = addresses["admin"];
  }

  nlohmann::json Json(const std::string& name) const { return nlohmann::json::parse(std::ifstream(Path(name))); }

  Process StartClient(const std::string& name, const std::vector<std::string>& settings) {
    return StartClientOf("server=" + listen_, name, settings);
  }

  // `where`: the setting that names the server or the shards.
  Process StartClientOf(const std::string& where, const std::string& name, const std::vector<std::string>& settings) {
    Write(name + ".yaml", "name: " + name + "\ndata: {format: digits}\n");
    std::vector<std::string> arguments{Program("signvote-client"), "--config", Path(name + ".yaml"), "--set", where};
    for (const std::string& setting : settings) arguments.insert(arguments.end(), {"--set", setting});
    return Process(arguments, Path(name + ".log"));
  }

  // An observer, which has joined when this returns: voters that start afterwards cannot end the run before it is
  // there.
  void StartObserver(const std::string& where, const std::string& every) {
    std::filesystem::remove(Path("observer.log"));  // of an earlier run
    Process observer = StartClientOf(where, "observer", {"role=observer", "evaluate.every=" + every});
    EXPECT_TRUE(Eventually([&] { return observer.Output().find("joined run") != std::string::npos; }, Seconds(60)))
        << observer.Output();
    clients_.insert_or_assign("observer", std::move(observer));
  }

  // signvotectl with these words; its exit code and output.
  std::pair<int, std::string> Control(const std::vector<std::string>& words) {
    std::vector<std::string> arguments{Program("signvotectl"), "--server", admin_};
    if (!admin_tls_.empty()) arguments.insert(arguments.end(), {"--tls", admin_tls_});
    arguments.insert(arguments.end(), words.begin(), words.end());
    const std::string log = Path("control-" + std::to_string(++controls_) + ".log");
    Process process(arguments, log);
    const std::optional<int> code = process.Wait(Seconds(30));
    return {code.value_or(-1), process.Output()};
  }

  // 0 where the server does not answer in time, as on a busy machine: ask again.
  uint64_t Round() {
    const auto [code, output] = Control({"status", "--json"});
    if (code != 0) std::printf("status: %s", output.c_str());
    return code == 0 ? nlohmann::json::parse(output)["round"].get<uint64_t>() : 0;
  }

  std::filesystem::path directory_;
  std::optional<Process> server_;
  std::map<std::string, Process> clients_;
  std::string listen_, admin_;
  std::string admin_tls_;  // directory of the administrator's certificate; empty: plain text
  int controls_ = 0;
};

}  // namespace signvote
