// Real servers and load generators for the rows of the benchmark that need them, in one directory of scratch.
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/e2e/process.h"

namespace signvote {

// What goes wrong ends the program: a benchmark has nobody to tell.
class BenchDirectory {
 public:
  BenchDirectory();
  ~BenchDirectory();
  BenchDirectory(const BenchDirectory&) = delete;

  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  // A bundle of N parameters, written once.
  std::string Bundle(uint64_t parameters);
  std::string NewName(const std::string& stem) { return *this / (stem + "-" + std::to_string(++names_)); }

 private:
  std::filesystem::path path_;
  std::map<uint64_t, std::string> bundles_;
  int names_ = 0;
};

class BenchServer {
 public:
  // `settings` as --set takes them; quorum, deadline, durability none and free ports go without saying. With `core` it
  // runs on that core alone.
  BenchServer(BenchDirectory* directory, uint64_t parameters, uint64_t quorum, std::vector<std::string> settings,
              int core = -1);
  ~BenchServer();

  const std::string& address() const { return address_; }
  uint64_t PeakBytes() const;  // of resident memory
  // Means a round of columns of metrics.csv, without the first round's.
  std::map<std::string, double> Metrics() const;

 private:
  std::string run_, address_;
  std::unique_ptr<Process> process_;
};

// Voters in one process.
nlohmann::json RunLoad(BenchDirectory* directory, const BenchServer& server, uint64_t voters, uint64_t rounds,
                       const std::vector<std::string>& more = {});
// One voter a process; the report of the first.
nlohmann::json RunLoadProcesses(BenchDirectory* directory, const BenchServer& server, uint64_t voters, uint64_t rounds,
                                const std::vector<std::string>& more = {});
// Median seconds of a round in which each client, a process, sends and gets `bytes` over a bare stream.
double RunEcho(BenchDirectory* directory, uint64_t clients, uint64_t bytes, uint64_t rounds);

}  // namespace signvote
