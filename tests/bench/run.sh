#!/usr/bin/env bash
# Builds and runs all benchmarks; prints one table and writes build/bench.json.
set -euo pipefail

usage() {
  cat <<'END'
usage: tests/bench/run.sh [--only PART] [--no-build]
  --only PART   only rows whose name contains PART
  --no-build    with what is built already
Each row is measured beside its bound or rival in the same run. build/bench.json: an array of
{row, measured, unit, reference, ratio, reach, met}. It takes under 10 minutes and wants the machine to itself;
about 4 GB of memory and 5 GB below TMPDIR (default /tmp).
END
}

programs=(bench_decode bench_torch bench_signs bench_rounds)

main() {
  local only="" build=true
  while (($# > 0)); do
    case $1 in
      --only) only=${2:?--only needs a part of row names} && shift 2 ;;
      --no-build) build=false && shift ;;
      --help | -h) usage && exit 0 ;;
      *) usage >&2 && exit 2 ;;
    esac
  done
  cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."
  if $build; then
    deploy/build.sh signvote-server signvote-loadgen bench_echo bench_table "${programs[@]}" >&2
  fi

  scratch=$(mktemp -d "${TMPDIR:-/tmp}/signvote-bench-XXXXXX")
  trap 'rm -rf -- "$scratch"' EXIT
  export TMPDIR=$scratch
  printf '%s processors, load %s\n' "$(nproc)" "$(cut -d ' ' -f 1-3 /proc/loadavg)"
  local program
  for program in "${programs[@]}"; do
    "build/bin/$program" "$only"
  done | build/bin/bench_table build/bench.json
}

main "$@"
