#!/usr/bin/env bash
# docs/configuration.md names every key that the programs read, and no other.
set -euo pipefail
cd "$(dirname "$0")/.."

# read_by FILE...: the keys that these sources ask for.
read_by() { grep -ohE '(Read|ReadChoice|Require)\("[a-z0-9_.-]+"' "$@" | cut -d'"' -f2 | grep -v '^data\.' | sort -u; }
# told_in SECTION: the keys in the first column of its table.
told_in() {
  awk -v section="## $1" '/^## / { inside = $0 == section } inside && /^\| `/' docs/configuration.md |
    cut -d'|' -f2 | grep -oE '`[^`]+`' | tr -d '`' | sort -u
}

failed=0
check() {
  local section=$1
  shift
  if ! diff <(read_by "$@") <(told_in "$section"); then
    echo "docs/configuration.md, $section: < is read and not told, > is told and not read"
    failed=1
  fi
}
check server.yaml server/service/options.cc common/credentials.cc
check client.yaml client/options.cc common/credentials.cc
exit $failed
