#!/usr/bin/env bash
# Installs the Debian packages that building, testing and plotting need: those that are missing, and nothing else.
set -euo pipefail

usage() {
  cat <<'END'
usage: deploy/install-deps.sh [--dev] [--print]
  --dev    also what the lanes with sanitizers and developers use: clang, clang-format, shellcheck
  --print  only print the apt-get line of what is missing
Needs root or sudo when something is missing. Written for Debian 12.
END
}

packages=(
  # tools
  build-essential cmake ninja-build pkg-config ccache mold git curl ca-certificates openssl
  # network and messages
  libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc libabsl-dev libssl-dev
  # numbers; the BLAS is chosen at run time, and LibTorch is slow with the generic one
  libtorch-dev libopenblas0-pthread libhwy-dev
  # metrics and dashboard
  libcpp-httplib-dev prometheus-cpp-dev libjs-chart.js
  # files and text
  libyaml-cpp-dev nlohmann-json3-dev libcli11-dev libspdlog-dev libfmt-dev libxxhash-dev libzstd-dev zlib1g-dev
  # images
  libstb-dev
  # tests and pictures
  libgtest-dev libgmock-dev libbenchmark-dev gnuplot-nox fonts-dejavu-core
  # examples
  python3-torch python3-numpy
  # tests of the dashboard: a browser and what drives it, Prometheus
  chromium chromium-driver python3-selenium prometheus
  # manual pages, completion
  help2man zsh
)

missing_packages() {
  local installed name
  # dpkg-query fails when it does not know one of them, and prints the others.
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null || true)
  for name in "${packages[@]}"; do
    grep -qxF -- "installed $name" <<<"$installed" || printf '%s\n' "$name"
  done
}

main() {
  local print=false argument
  for argument in "$@"; do
    case $argument in
      --dev) packages+=(clang libclang-rt-dev llvm clang-format shellcheck) ;;
      --print) print=true ;;
      --help | -h) usage && exit 0 ;;
      *) usage >&2 && exit 2 ;;
    esac
  done
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "install-deps: this is no Debian (no apt-get). Install by other means: ${packages[*]}" >&2
    exit 1
  fi

  local missing
  mapfile -t missing < <(missing_packages)
  if ((${#missing[@]} == 0)); then
    echo "install-deps: all ${#packages[@]} packages are installed"
    return
  fi
  local line="apt-get install -y --no-install-recommends ${missing[*]}"
  if $print; then
    echo "$line"
    return
  fi

  local as_root=()
  if ((EUID != 0)); then
    if ! command -v sudo >/dev/null; then
      printf 'install-deps: %d packages are missing, and there is neither root nor sudo here. Ask an administrator to run:\n  %s\n' \
        "${#missing[@]}" "$line" >&2
      exit 1
    fi
    as_root=(sudo)
  fi
  echo "install-deps: installing ${missing[*]}"
  "${as_root[@]}" apt-get update -q
  if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -q --no-install-recommends "${missing[@]}"; then
    printf 'install-deps: apt-get failed; its message is above. The line was:\n  %s\n' "$line" >&2
    exit 1
  fi
}

main "$@"
