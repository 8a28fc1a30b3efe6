#!/usr/bin/env bash
# Downloads MNIST: four gzip files, checked by the MD5 sums of what they decompress to.
set -euo pipefail

readonly mirrors=(
  https://ossci-datasets.s3.amazonaws.com/mnist
  https://storage.googleapis.com/cvdf-datasets/mnist
  https://raw.githubusercontent.com/fgnt/mnist/master
)
readonly connect_seconds=5 file_seconds=120

declare -rA sums=(
  [train-images-idx3-ubyte]=6bbc9ace898e44ae57da46a324031adb
  [train-labels-idx1-ubyte]=a25bea736e30d166cdddb491f175f624
  [t10k-images-idx3-ubyte]=2646ac647ad5339dbf082846283269ea
  [t10k-labels-idx1-ubyte]=27ae3e4e09519cfbb04c329615203637
)

usage() {
  cat <<'END'
usage: deploy/fetch-data.sh DIR
Downloads the four MNIST files (11 MB) into DIR/mnist from the first mirror that has them whole. Files that are there
already and intact are kept. Exit codes: 0 done, 1 no mirror could be reached or none had the right bytes, 2 usage.
END
}

# intact FILE.gz MD5: FILE.gz decompresses to bytes with this sum.
intact() {
  local sum
  [[ -f $1 ]] || return 1
  sum=$(gzip -dc -- "$1" 2>/dev/null | md5sum) && [[ ${sum%% *} == "$2" ]]
}

# fetch NAME DIRECTORY: DIRECTORY/NAME.gz appears whole or not at all.
fetch() {
  local name=$1 target=$2/$1.gz mirror problem
  if intact "$target" "${sums[$name]}"; then
    echo "fetch-data: $target is here already"
    return
  fi
  for mirror in "${mirrors[@]}"; do
    if ! problem=$(curl --fail --silent --show-error --location --connect-timeout "$connect_seconds" \
      --max-time "$file_seconds" --output "$target.part" "$mirror/$name.gz" 2>&1); then
      echo "fetch-data: $mirror: $problem" >&2
    elif ! intact "$target.part" "${sums[$name]}"; then
      echo "fetch-data: $mirror: $name.gz has other bytes than expected (MD5 of the content)" >&2
    else
      mv -- "$target.part" "$target"
      echo "fetch-data: $target from $mirror"
      return
    fi
    rm -f -- "$target.part"
  done
  return 1
}

main() {
  if [[ ${1:-} == --help || ${1:-} == -h ]]; then
    usage
    return
  fi
  if (($# != 1)); then
    usage >&2
    exit 2
  fi
  if ! command -v curl >/dev/null; then
    echo "fetch-data: curl is not installed; on Debian: apt-get install curl ca-certificates" >&2
    exit 1
  fi
  local directory=$1/mnist name
  mkdir -p -- "$directory"
  for name in "${!sums[@]}"; do
    if ! fetch "$name" "$directory"; then
      rmdir --ignore-fail-on-non-empty -- "$directory"
      echo "fetch-data: no mirror gave $name.gz. Is there a way to the internet? Else put the four MNIST .gz files into $directory by hand." >&2
      exit 1
    fi
  done
}

main "$@"
