#!/usr/bin/env bash
# Installs what is missing, builds everything, runs every test. The last line is "N passed, M failed".
set -euo pipefail
exec "$(dirname -- "${BASH_SOURCE[0]}")/lanes.sh" --lane release
