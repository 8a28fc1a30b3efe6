#include "tests/bench/bench_servers.h"

#include <fmt/format.h>
#include <signal.h>
#include <stdlib.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "tests/bench/measure.h"

namespace signvote {
namespace {

using Seconds = std::chrono::seconds;
constexpr Seconds kLimit(150);

[[noreturn]] void Die(const std::string& what) {
  fmt::print(stderr, "bench_rounds: {}\n", what);
  std::exit(1);
}

std::vector<std::string> LoadArguments(const BenchServer& server, uint64_t voters, uint64_t rounds,
                                       const std::vector<std::string>& more) {
  std::vector<std::string> arguments{Program("signvote-loadgen"), "--server", server.address(),       "--voters",
                                     std::to_string(voters),      "--rounds", std::to_string(rounds), "--json"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

std::string Finish(Process* process) {
  if (process->Wait(kLimit) != 0) Die(process->Output());
  return process->Output();
}

}  // namespace

BenchDirectory::BenchDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "signvote-bench-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) Die("cannot make a directory like " + name);
  path_ = name;
}

BenchDirectory::~BenchDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string BenchDirectory::Bundle(uint64_t parameters) {
  auto [entry, is_new] = bundles_.try_emplace(parameters, *this / fmt::format("bundle-{}", parameters));
  if (is_new) {
    Process make(
        {Program("signvote-loadgen"), "bundle", "--parameters", std::to_string(parameters), "--out", entry->second},
        NewName("bundle.log"));
    Finish(&make);
  }
  return entry->second;
}

BenchServer::BenchServer(BenchDirectory* directory, uint64_t parameters, uint64_t quorum,
                         std::vector<std::string> settings, int core)
    : run_(directory->NewName("run")) {
  const std::string config = run_ + ".yaml";
  std::ofstream(config) << "model: " << directory->Bundle(parameters) << "\ndirectory: " << run_
                        << "\nlisten: 127.0.0.1:0\nadmin: {listen: 127.0.0.1:0}\ndurability: none\nlog: warn\n"
                        << "rounds: {total: 1000000, deadline: 600s, quorum: " << quorum << "}\n";
  std::vector<std::string> arguments;
  if (core >= 0) arguments = {"/usr/bin/taskset", "-c", std::to_string(core)};
  arguments.insert(arguments.end(), {Program("signvote-server"), "--config", config});
  for (const std::string& setting : settings) arguments.insert(arguments.end(), {"--set", setting});
  process_ = std::make_unique<Process>(arguments, run_ + ".log");
  const std::string addresses = run_ + "/addresses.json";
  if (!Eventually([&] { return std::filesystem::exists(addresses) || !process_->IsRunning(); }, kLimit) ||
      !process_->IsRunning()) {
    Die(process_->Output());
  }
  address_ = nlohmann::json::parse(std::ifstream(addresses))["listen"];
}

BenchServer::~BenchServer() {
  process_->Kill();
  std::error_code ignored;
  std::filesystem::remove_all(run_, ignored);
}

uint64_t BenchServer::PeakBytes() const {
  std::ifstream status(fmt::format("/proc/{}/status", process_->id()));
  for (std::string word; status >> word;) {
    uint64_t kilobytes = 0;
    if (word == "VmHWM:" && status >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

std::map<std::string, double> BenchServer::Metrics() const {
  const std::string path = run_ + "/metrics.csv";
  Eventually([&] { return std::filesystem::exists(path); }, Seconds(5));
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  std::vector<std::string> names;
  std::istringstream head(line);
  for (std::string name; std::getline(head, name, ',');) names.push_back(name);
  std::map<std::string, double> sums;
  size_t rounds = 0;
  for (size_t number = 0; std::getline(file, line); ++number) {
    if (number == 0) continue;
    ++rounds;
    std::istringstream cells(line);
    std::string cell;
    for (size_t i = 0; i < names.size() && std::getline(cells, cell, ','); ++i)
      sums[names[i]] += std::atof(cell.c_str());
  }
  for (auto& [name, sum] : sums) sum /= static_cast<double>(rounds);
  return sums;
}

nlohmann::json RunLoad(BenchDirectory* directory, const BenchServer& server, uint64_t voters, uint64_t rounds,
                       const std::vector<std::string>& more) {
  Process load(LoadArguments(server, voters, rounds, more), directory->NewName("load.log"));
  return nlohmann::json::parse(Finish(&load));
}

nlohmann::json RunLoadProcesses(BenchDirectory* directory, const BenchServer& server, uint64_t voters, uint64_t rounds,
                                const std::vector<std::string>& more) {
  std::vector<Process> loads;
  for (uint64_t i = 0; i < voters; ++i) {
    std::vector<std::string> arguments = LoadArguments(server, 1, rounds, more);
    arguments.insert(arguments.end(), {"--first", std::to_string(i)});
    loads.emplace_back(arguments, directory->NewName("load.log"));
  }
  const nlohmann::json first = nlohmann::json::parse(Finish(&loads[0]));
  for (Process& load : loads) load.Wait(kLimit);
  return first;
}

double RunEcho(BenchDirectory* directory, uint64_t clients, uint64_t bytes, uint64_t rounds) {
  Process server({Program("bench_echo"), "serve", std::to_string(clients)}, directory->NewName("echo.log"));
  if (!Eventually([&] { return server.Output().ends_with('\n'); }, kLimit)) Die("bench_echo does not serve");
  std::string port = server.Output();
  port.pop_back();
  std::vector<Process> loads;
  for (uint64_t i = 0; i < clients; ++i) {
    loads.emplace_back(
        std::vector<std::string>{Program("bench_echo"), "client", port, std::to_string(bytes), std::to_string(rounds)},
        directory->NewName("echo.log"));
  }
  std::vector<double> seconds;
  for (Process& load : loads) seconds.push_back(std::stod(Finish(&load)));
  return Median(seconds);
}

}  // namespace signvote
