#!/usr/bin/env bash
# From a clone to trained models with one command: installs, builds, finds data, runs federations, shows what they did.
set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=deploy/federation.sh
source "$root/deploy/federation.sh"

usage() {
  cat <<'END'
usage: deploy/quickstart.sh [OPTION...]

Installs missing packages (Debian 12), builds into build/, finds MNIST, and trains the same network by three rules one
after the other, each with a server, 15 clients of unequal batches and an observer on this machine:

  majority     signSGD with majority vote, as published: carry 0, dither 0, constant step 3e-4
  it-signsgd   weights by error counts, as published:    carry 0, dither 0, prior 0, constant step 3e-4
  agreement    the defaults: carry 0.9, dither 2, step 6e-4 with cosine decay

Options (an override applies to every federation of the call):
  --rule RULE          this rule alone: majority, it-signsgd or agreement
  --mode 1..4          batches of 15 clients: 1: 15 of 64. 2: 9 of 4, 6 of 154. 3: 12 of 4, 3 of 304.
                       4: 14 of 4, 1 of 904 (default 4)
  --clients N          with N other than 15 as many large batches in proportion, at least one, and 64 samples a client
                       and round on the whole (default 15)
  --partition HOW      who holds which data: all, iid, labels:K or dirichlet:ALPHA (default all: everyone holds all)
  --rounds N           (default 150)
  --carry X --dither X --step SIZE --schedule cosine|constant|inverse-sqrt
  --assume HOW         agreement: honest or hostile voters (default honest)
  --evaluate K         the observer measures accuracy every K rounds (default 10)
  --seed N             of the initial parameters, minibatches and dither (default 0)
  --data DIR|digits    where MNIST is; digits: drawn digits, no files needed
  --help

MNIST is looked for in --data, $SIGNVOTE_DATA, ./data and ../shared/data (the four .gz files, there or in mnist/), then
downloaded into ./data; without a network the built-in digits serve.

Results: runs/TIMESTAMP/ (a directory a rule when there are several), runs/latest links to the newest. Each holds the
configurations, the logs, metrics.csv and summary.json; accuracy.png shows all.
Exit codes: 0 done, 1 something failed (the message says what), 2 usage, 130 interrupted (everything is stopped).
END
}

say() { printf '\n== %s\n' "$*"; }
fail() {
  echo "quickstart: $2" >&2
  exit "$1"
}

declare -A overrides=()  # of federation settings
rules=(majority it-signsgd agreement)
data=${SIGNVOTE_DATA:-}

# choice OPTION VALUE EXPECTED...
choice() {
  local option=$1 value=$2 expected
  shift 2
  for expected in "$@"; do
    [[ $value != "$expected" ]] || return 0
  done
  fail 2 "$option is $value; expected one of: $*"
}

# matching OPTION VALUE REGEX WORDS
matching() { [[ $2 =~ ^($3)$ ]] || fail 2 "$1 is $2; expected $4"; }

parse() {
  local number='[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?' option value
  while (($# > 0)); do
    option=$1
    [[ $option != --help && $option != -h ]] || { usage && exit 0; }
    (($# >= 2)) || fail 2 "$option has no value, or is unknown; see --help"
    value=$2
    shift 2
    case $option in
      --rule) choice "$option" "$value" majority it-signsgd agreement ;;
      --mode) choice "$option" "$value" 1 2 3 4 ;;
      --schedule) choice "$option" "$value" cosine constant inverse-sqrt ;;
      --assume) choice "$option" "$value" honest hostile ;;
      --clients | --rounds | --evaluate) matching "$option" "$value" '[1-9][0-9]{0,8}' "a whole number above 0" ;;
      --seed) matching "$option" "$value" '[0-9]{1,18}' "a whole number" ;;
      --carry | --dither | --step) matching "$option" "$value" "$number" "a number such as 0.9 or 3e-4" ;;
      --partition) matching "$option" "$value" "all|iid|labels:[0-9]+|dirichlet:$number" "all, iid, labels:K or dirichlet:ALPHA" ;;
      --data) ;;
      *) fail 2 "unknown option $option; see --help" ;;
    esac
    case $option in
      --rule) rules=("$value") ;;
      --data) data=$value ;;
      *) overrides[${option#--}]=$value ;;
    esac
  done
}

# mnist_in DIR: prints where under DIR the MNIST files are.
mnist_in() {
  local directory
  for directory in "$1/mnist" "$1"; do
    if [[ -f $directory/train-images-idx3-ubyte.gz || -f $directory/train-images-idx3-ubyte ]]; then
      (cd -- "$directory" && pwd)
      return
    fi
  done
  return 1
}

# Sets data_format and data_path.
find_data() {
  local place
  data_format=mnist data_path=''
  if [[ $data == digits ]]; then
    data_format=digits
    return
  fi
  if [[ -n $data ]]; then
    data_path=$(mnist_in "$data") || fail 1 "no MNIST in $data (nor in $data/mnist): expected train-images-idx3-ubyte.gz and its three siblings"
    return
  fi
  for place in "$root/data" "$root/../shared/data"; do
    if data_path=$(mnist_in "$place"); then return; fi
  done
  if "$root/deploy/fetch-data.sh" "$root/data" && data_path=$(mnist_in "$root/data"); then return; fi
  data_format=digits data_path=''
  echo "MNIST could not be had: training on the built-in digits instead. Their accuracies are not MNIST's."
}

# The settings of a rule: as published, or ours; then what the command line overrides.
settings() {
  local rule=$1 key
  federation_defaults
  federation[bin]=$root/build/bin
  federation[rule]=$rule
  federation[format]=$data_format
  federation[path]=$data_path
  if [[ $rule != agreement ]]; then
    federation[carry]=0 federation[dither]=0 federation[prior]=0
    federation[step]=3e-4 federation[schedule]=constant
  fi
  for key in "${!overrides[@]}"; do
    federation[$key]=${overrides[$key]}
  done
}

# A new directory runs/TIMESTAMP, which runs/latest then links to.
new_run() {
  local stamp name suffix=2
  stamp=$(date +%Y%m%d-%H%M%S)
  name=$stamp
  mkdir -p -- "$root/runs"
  until mkdir -- "$root/runs/$name" 2>/dev/null; do
    name=$stamp-$suffix
    suffix=$((suffix + 1))
    ((suffix < 100)) || fail 1 "cannot make a directory in $root/runs"
  done
  ln -sfn -- "$name" "$root/runs/latest"
  run=$root/runs/$name
}

make_model() {
  federation[model]=$1/model
  "${federation[bin]}/signvote-client" init-model --model mnist_cnn --seed "${federation[seed]}" --out "$1/model"
}

train() {
  local rule=$1 directory=$2
  settings "$rule"
  say "$rule: carry ${federation[carry]}, dither ${federation[dither]}, step ${federation[step]} ${federation[schedule]}, ${federation[clients]} clients in mode ${federation[mode]}, ${federation[rounds]} rounds on ${federation[format]}"
  make_model "$directory" && federation_configure "$directory" &&
    federation_start "$directory" && federation_follow "$directory"
}

main() {
  parse "$@"
  say "packages"
  "$root/deploy/install-deps.sh"
  say "build"
  "$root/deploy/build.sh" signvote-server signvote-client signvotectl
  say "data"
  find_data
  echo "$data_format ${data_path:+in $data_path}"
  new_run

  trap federation_stop EXIT
  trap 'echo "quickstart: interrupted, stopping everything" >&2; exit 130' INT TERM HUP
  local rule directories=()
  for rule in "${rules[@]}"; do
    directories+=("$run$([[ ${#rules[@]} == 1 ]] || echo "/$rule")")
    train "$rule" "${directories[-1]}" || fail 1 "the federation of $rule failed; its files are in ${directories[-1]}"
  done

  say "results"
  "$root/build/bin/signvotectl" summary "${directories[@]}"
  echo
  echo "picture:  $("$root/build/bin/signvotectl" plot "${directories[@]}" --out "$run/accuracy.png")"
  echo "files:    $run"
}

main "$@"
