#!/usr/bin/env bash
# The direction of the parts: proto <- common <- server/vote <- server/round <- server/store <- server/service, and
# common <- client. An include that points back fails.
set -euo pipefail
cd "$(dirname "$0")/.."

failed=0
# forbid ROOM PATTERN: no file of ROOM includes what matches PATTERN.
forbid() {
  if grep -rnE "#include \"($2)" "$1" --include='*.h' --include='*.cc'; then
    echo "$1 must not include $2"
    failed=1
  fi
}
forbid common 'server/|client/'
forbid client 'server/'
forbid server 'client/'
forbid server/vote 'server/(round|store|http|service|ctl)/'
forbid server/round 'server/(store|http|service|ctl)/'
forbid server/store 'server/(http|service|ctl)/'
forbid server/http 'server/(vote|round|store|service|ctl)/'
forbid server/ctl 'server/(vote|round|store|http|service)/'
# The core has no clock, no I/O, no threads, no gRPC.
for room in server/vote server/round; do
  if grep -rnE '#include <(grpc|thread|mutex|fstream|absl/time/clock)' $room; then
    echo "$room must stay pure"
    failed=1
  fi
done
exit $failed
