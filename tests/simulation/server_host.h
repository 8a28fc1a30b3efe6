// The machine of the server: the process over its disk, started, stopped, killed, and started again by whoever watches
// over it, always by OpenRun. Does what server.cc and federation_service.cc do, on simulated time and streams.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/bundle.h"
#include "server/service/federation.h"
#include "server/store/run_directory.h"
#include "tests/simulation/faulty_disk.h"
#include "tests/simulation/invariants.h"
#include "tests/simulation/network.h"

namespace signvote::simulation {

class ServerHost {
 public:
  ServerHost(World* world, Network* network, Invariants* invariants, const Scenario* scenario, ModelBundle bundle);

  // Tries until it runs, unless the run is finished.
  void Start();
  // SIGTERM.
  void Stop();
  // The process or the machine is gone now; it starts again after a while.
  void Crash(FaultyDisk::Loss loss);
  // What is found when the disk stops the machine (FaultyDisk::CrashAtCall).
  void SetLoss(FaultyDisk::Loss loss) { loss_ = loss; }

  FaultyDisk& disk() { return disk_; }
  // Null while no process runs.
  Federation* federation() { return process_ ? process_->federation.get() : nullptr; }
  // The run is complete, and the process has ended well.
  bool has_finished() const { return has_finished_; }
  uint64_t starts() const { return starts_; }

 private:
  struct Process {
    uint64_t number = 0;
    std::unique_ptr<Store> store;
    std::unique_ptr<Federation> federation;
    std::deque<std::function<void()>> work;  // of the runner
    bool is_working = false;
    bool is_ending = false;
    std::map<StreamId, SessionId> sessions;
    std::map<SessionId, StreamId> streams;
    std::set<SessionId> woken;
  };

  void Launch();
  Environment MakeEnvironment(Process* process);
  // Calls `event` later, if this process still runs then.
  void Later(absl::Duration delay, const Process* process, std::function<void(Process&)> event);
  void Work(Process& process);
  void Tick(Process& process);
  void End(Process& process, v1::Farewell::Reason reason, const std::string& why);
  void Exit(Process& process, bool finished);
  void Pump(Process& process, SessionId session);
  void Serve(Process* process);
  void Gone(Process& process, StreamId stream);
  void CheckSessions();

  World* const world_;
  Network* const network_;
  Invariants* const invariants_;
  const Scenario* const scenario_;
  const ModelBundle bundle_;
  FaultyDisk disk_;
  FaultyDisk::Loss loss_ = FaultyDisk::Loss::kNothing;
  std::unique_ptr<Process> process_;
  bool is_starting_ = false;
  bool has_finished_ = false;
  uint64_t starts_ = 0;
};

}  // namespace signvote::simulation
