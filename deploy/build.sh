#!/usr/bin/env bash
# Builds with a preset of CMakePresets.json; does nothing when nothing changed.
set -euo pipefail

usage() {
  cat <<'END'
usage: deploy/build.sh [--preset release|asan|tsan] [TARGET...]
Builds the targets (default: all) into the preset's directory: build/ for release, build-PRESET/ for the others.
JOBS=N sets how many compilers run at once; default: one a core, and no more than memory allows.
END
}

# LibTorch's headers take about 1.5 GB a compiler.
jobs() {
  local cores memory
  cores=$(nproc)
  memory=$(awk '/^MemAvailable:/ {print int($2 / 1572864)}' /proc/meminfo)
  ((memory < 1)) && memory=1
  echo $((cores < memory ? cores : memory))
}

main() {
  local preset=release
  while (($# > 0)); do
    case $1 in
      --preset) preset=${2:?--preset needs a name} && shift 2 ;;
      --help | -h) usage && exit 0 ;;
      -*) usage >&2 && exit 2 ;;
      *) break ;;
    esac
  done
  cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
  local directory=build
  [[ $preset == release ]] || directory=build-$preset
  [[ -f $directory/build.ninja ]] || cmake --preset "$preset"
  ninja -C "$directory" -j "${JOBS:-$(jobs)}" "$@"
}

main "$@"
