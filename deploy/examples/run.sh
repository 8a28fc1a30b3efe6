#!/usr/bin/env bash
# Models and data of one's own: writes them in Python, trains them by real processes, and loads the result in Python.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
root=$(cd -- "$here/../.." && pwd)
# shellcheck source=deploy/federation.sh
source "$root/deploy/federation.sh"

usage() {
  cat <<'END'
usage: deploy/examples/run.sh [OPTION...] [tabular] [transformer]

  tabular      a number from six columns of a CSV file (loss mse), with batch normalisation
  transformer  the next byte of a text (loss cross_entropy)

For each (default: both): writes the TorchScript module and its data (prepare.py), trains it by a server, clients that
hold disjoint shares, and an observer; then loads the safetensors into the Python model and compares its predictions on
the test data with the observer's (check.py).

Options:
  --rounds N    (default 400)
  --clients N   of 64 samples a round each (default 4)
  --out DIR     where everything goes (default runs/examples)
  --bin DIR     the programs (default build/bin)
  --help
Needs Python 3 with torch and numpy (Debian: python3-torch); $PYTHON says which.
Exit codes: 0 done, 1 something failed or differs, 2 usage, 77 no such Python.
END
}

fail() {
  echo "examples: $2" >&2
  exit "$1"
}

find_python() {
  local candidate
  for candidate in ${PYTHON:+"$PYTHON"} python3 /usr/bin/python3; do
    if "$candidate" -c 'import torch, numpy' 2>/dev/null; then
      python=$candidate
      return
    fi
  done
  fail 77 "no Python with torch and numpy: apt-get install python3-torch python3-numpy, or set PYTHON"
}

# What differs between the two: keys of `data` and of the federation.
settings() {
  federation_defaults
  federation[bin]=$bin federation[rounds]=$rounds federation[clients]=$clients
  federation[mode]=1 federation[partition]=iid federation[evaluate]=$(((rounds + 7) / 8))
  federation[export]=$directory/export
  case $1 in
    tabular)
      federation[format]=csv federation[path]=$directory/train.csv federation[loss]=mse federation[step]=3e-3
      federation[data]="test_path: $directory/test.csv
targets: [y]
mean: [0, 0, 0, 0, 0, 50]
deviation: [1.15, 1.15, 1.15, 1.15, 1.15, 28.9]"
      ;;
    transformer)
      federation[format]=tokens federation[path]=$directory/train.txt federation[step]=2e-3
      federation[data]="test_path: $directory/test.txt
length: 32"
      ;;
  esac
}

train() {
  directory=$out/$1
  echo "== $1"
  rm -rf -- "$directory"
  mkdir -p -- "$directory"
  "$python" "$here/prepare.py" "$1" "$directory"
  settings "$1"
  "$bin/signvote-client" init-model --torchscript "$directory/user.pt" --out "$directory/model"
  federation[model]=$directory/model
  if ! { federation_configure "$directory" && federation_start "$directory" && federation_follow "$directory"; }; then
    fail 1 "the federation of $1 failed; its files are in $directory"
  fi
  "$python" "$here/check.py" "$1" "$directory"
}

main() {
  rounds=400 clients=4 out=$root/runs/examples bin=$root/build/bin
  local tasks=() task
  export PYTHONDONTWRITEBYTECODE=1
  while (($# > 0)); do
    case $1 in
      --help | -h) usage && exit 0 ;;
      --rounds | --clients)
        [[ ${2:-} =~ ^[1-9][0-9]{0,6}$ ]] || fail 2 "$1 is \"${2:-}\"; expected a whole number above 0"
        printf -v "${1#--}" %s "$2"
        shift 2
        ;;
      --out | --bin)
        [[ -n ${2:-} ]] || fail 2 "$1 has no value"
        printf -v "${1#--}" %s "$2"
        shift 2
        ;;
      tabular | transformer) tasks+=("$1") && shift ;;
      *) fail 2 "unknown argument $1; see --help" ;;
    esac
  done
  find_python
  mkdir -p -- "$out"
  out=$(cd -- "$out" && pwd)
  trap federation_stop EXIT
  trap 'echo "examples: interrupted, stopping everything" >&2; exit 130' INT TERM HUP
  ((${#tasks[@]} > 0)) || tasks=(tabular transformer)
  for task in "${tasks[@]}"; do train "$task"; done
}

main "$@"
