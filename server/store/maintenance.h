// What an administrator does with a run's directory that no server uses: signvote-server verify, replay and recover.
// All need the directory alone. FAILED_PRECONDITION: a server uses it (says which process).
#pragma once

#include <absl/status/statusor.h>

#include <string>

#include "server/round/tally.h"
#include "server/store/disk.h"

namespace signvote {

// Reads every checkpoint and every record of the journal against their checksums, and checks that rounds follow each
// other. The report has one line a file. DATA_LOSS: something is damaged; the message is the report.
absl::StatusOr<std::string> VerifyRun(const std::string& directory, Disk& disk = PosixDisk());

// Computes the run again from the ballots, from the oldest checkpoint that was kept, and compares every decision, every
// fingerprint, and everything learnt at each later checkpoint. The report says what was compared, and which rounds were
// put aside by RecoverFrom and are no part of it.
// DATA_LOSS: damage, or a difference; says where. FAILED_PRECONDITION as well: the journal has no ballots.
absl::StatusOr<std::string> ReplayRun(const std::string& directory, const ParallelFor& parallel,
                                      Disk& disk = PosixDisk());

// Lets the run go on from `checkpoint` (a directory of DIR/checkpoints, as path or name), which must be whole: newer
// checkpoints and the journal after it are renamed (to NAME.aside, NAME.aside-2, ...), never deleted. The report says
// what was put aside. NOT_FOUND: there is no such checkpoint; the message lists those that there are.
absl::StatusOr<std::string> RecoverFrom(const std::string& directory, const std::string& checkpoint,
                                        Disk& disk = PosixDisk());

}  // namespace signvote
