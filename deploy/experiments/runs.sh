#!/usr/bin/env bash
# A list of federations run one after the other on this machine, each once: what is finished is not repeated. To be
# sourced; the caller sets `experiments[...]` after experiments_defaults, and calls
#
#   experiments_parse OWN ARGUMENT...  reads the command line: --help (`usage`), --dry-run, the options that every experiment
#                                  has; `OWN OPTION VALUE` takes one of the caller's own, or returns 1
#   experiment NAME KEY=VALUE...   adds a run to the plan; the keys are those of federation.sh and `network`, a built-in
#                                  model. NAME says all settings that may change from call to call
#   experiments_list               prints the plan, and which of it is done
#   experiments_run                runs what is missing; 0 when all of the plan is there
#   experiments_rows COLUMNS NAME  prints the rows of a finished run, each after COLUMNS
#   experiments_columns N          the measured rounds that a table shows: N or fewer, about alike apart, and the last
#   experiments_draw OUT WIDTH HEIGHT <COMMANDS   OUT.png and OUT.svg by gnuplot
#
# The result of a run is OUT/runs/NAME.csv, which appears whole or not at all:
#   round,accuracy,bytes_up,bytes_down     bytes sent and received by a client until then, the mean over clients
# Beside it lies NAME.json, the run's summary.json.

experiments_root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=deploy/federation.sh
source "$experiments_root/deploy/federation.sh"

declare -gA experiments=()          # settings
declare -ga experiments_plan=()     # names, in order
declare -gA experiments_settings=() # name -> lines KEY=VALUE

experiments_defaults() {
  experiments=(
    [bin]=$experiments_root/build/bin
    [out]=""                  # directory of the results
    [data]=${SIGNVOTE_DATA:-} # directory of the data sets
    [rounds]=300
    [seeds]=0                 # with commas
    [evaluate]=25             # rounds between two measurements
    [dry_run]=false
  )
}

experiments_matching() { [[ $2 =~ ^($3)$ ]] || experiments_fail 2 "$1 is $2; expected $4"; }

# experiments_option OPTION VALUE: those that every experiment has.
experiments_option() {
  local option=$1 value=$2 whole='[1-9][0-9]{0,8}' words='a whole number above 0'
  case $option in
    --rounds) experiments_matching "$option" "$value" "$whole" "$words" && experiments[rounds]=$value ;;
    --seeds) experiments_matching "$option" "$value" '[0-9]{1,9}(,[0-9]{1,9})*' 'whole numbers with commas, such as 0,1,2' && experiments[seeds]=$value ;;
    --evaluate) experiments_matching "$option" "$value" "$whole" "$words" && experiments[evaluate]=$value ;;
    --data-dir) experiments[data]=$value ;;
    --bin) experiments[bin]=$value ;;
    --out) experiments[out]=$value ;;
    *) experiments_fail 2 "unknown option $option; see --help" ;;
  esac
}

experiments_parse() {
  local own=$1 option
  shift
  while (($# > 0)); do
    option=$1
    case $option in
      --help | -h) usage && exit 0 ;;
      --dry-run) experiments[dry_run]=true && shift && continue ;;
    esac
    (($# >= 2)) || experiments_fail 2 "$option has no value, or is unknown; see --help"
    "$own" "$option" "$2" || experiments_option "$option" "$2"
    shift 2
  done
}

# experiments_out DEFAULT: makes the directory of the results; experiments[out] becomes absolute.
experiments_out() {
  experiments[out]=${experiments[out]:-$1}
  mkdir -p -- "${experiments[out]}"
  experiments[out]=$(cd -- "${experiments[out]}" && pwd)
}

experiments_fail() {
  echo "${0##*/}: $2" >&2
  exit "$1"
}

# experiments_data DATASET: prints the directory of its files.
experiments_data() {
  local dataset=$1 place directory first
  case $dataset in
    digits) return ;;
    mnist) first=train-images-idx3-ubyte ;;
    cifar10) first=data_batch_1.bin ;;
  esac
  for place in "${experiments[data]}" "$experiments_root/data" "$experiments_root/../shared/data"; do
    for directory in "$place/$dataset" "$place"; do
      if [[ -n $place && (-f $directory/$first || -f $directory/$first.gz) ]]; then
        (cd -- "$directory" && pwd)
        return
      fi
    done
  done
  experiments_fail 1 "no $first in DIR/$dataset of --data-dir (or \$SIGNVOTE_DATA), ./data or ../shared/data; deploy/fetch-data.sh downloads MNIST, and CIFAR-10 in its binary version is at https://www.cs.toronto.edu/~kriz/cifar.html"
}

experiment() {
  local name=$1
  shift
  [[ -z ${experiments_settings[$name]:-} ]] || return 0
  experiments_plan+=("$name")
  experiments_settings[$name]=$(printf '%s\n' "$@")
}

experiments_is_done() { [[ -s ${experiments[out]}/runs/$1.csv ]]; }

# experiments_setting NAME KEY DEFAULT
experiments_setting() {
  local line
  while IFS= read -r line; do
    [[ $line != "$2="* ]] || { echo "${line#*=}" && return; }
  done <<<"${experiments_settings[$1]}"
  echo "$3"
}

# experiments_result METRICS OBSERVER_LOG CLIENTS: the rows of the evaluated rounds. Everyone who follows is sent decisions: the
# clients and the observer, who may measure the last rounds after the server's end: what it measured is in its log.
experiments_result() {
  awk -F, -v clients="$3" '
    NR == FNR && match($0, /round [0-9]+: /) { measured = substr($0, RSTART + 6, RLENGTH - 8) + 0 }
    NR == FNR { if (match($0, /accuracy [0-9.]+/)) accuracy[measured] = substr($0, RSTART + 9, RLENGTH - 9); next }
    FNR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; print "round,accuracy,bytes_up,bytes_down"; next }
    { up += $column["bytes_up"] / clients; down += $column["bytes_down"] / (clients + 1); round = $column["round"] + 0 }
    round in accuracy { printf "%d,%s,%.0f,%.0f\n", round, accuracy[round], up, down }
  ' "$2" "$1"
}

# experiments_is_whole METRICS ROUNDS: the run went to its end. A server that is told to stop ends in peace before it.
experiments_is_whole() {
  local last
  last=$(awk -F, 'FNR == 1 { for (i = 1; i <= NF; i++) if ($i == "round") column = i } { last = $column } END { print last + 0 }' "$1")
  ((last == $2)) || { printf "%s\n" "the server stopped after round $last of $2: no result" >&2 && return 1; }
}

# experiments_train NAME: one federation, from its model to its result.
experiments_train() {
  local name=$1 directory=${experiments[out]}/unfinished/$1 result=${experiments[out]}/runs/$1 line network=mnist_cnn
  rm -rf -- "$directory"
  mkdir -p -- "$directory" "${experiments[out]}/runs"
  federation_defaults
  federation[bin]=${experiments[bin]}
  federation[evaluate]=${experiments[evaluate]}
  federation[grace]=60
  federation[patience]=3600  # the observer measures what it was given, however busy the machine is
  while IFS= read -r line; do
    if [[ $line == network=* ]]; then network=${line#*=}; else federation[${line%%=*}]=${line#*=}; fi
  done <<<"${experiments_settings[$name]}"
  federation[model]=$directory/model
  "${federation[bin]}/signvote-client" init-model --model "$network" --seed "${federation[seed]}" --out "$directory/model" >"$directory/model.log" &&
    federation_configure "$directory" && federation_start "$directory" && federation_follow "$directory" &&
    experiments_is_whole "$directory/metrics.csv" "${federation[rounds]}" &&
    cp -- "$directory/summary.json" "$result.json" &&
    experiments_result "$directory/metrics.csv" "$directory/clients/observer.log" "${federation[clients]}" >"$directory/result.csv" &&
    mv -- "$directory/result.csv" "$result.csv" && rm -rf -- "$directory"
}

experiments_duration() {
  if (($1 >= 3600)); then printf '%d h %02d min' $(($1 / 3600)) $(($1 % 3600 / 60)); else printf '%d min %02d s' $(($1 / 60)) $(($1 % 60)); fi
}

# experiments_remaining SECONDS ROUNDS: for what is missing, at the speed of this call so far.
experiments_remaining() {
  local name left=0
  for name in "${experiments_plan[@]}"; do
    experiments_is_done "$name" || left=$((left + $(experiments_setting "$name" rounds 150)))
  done
  echo $((left * $1 / $2))
}

experiments_list() {
  local name
  for name in "${experiments_plan[@]}"; do
    echo "$name: $(if experiments_is_done "$name"; then echo "done"; else echo missing; fi)"
  done
}

experiments_lock() {
  mkdir -p -- "${experiments[out]}"
  exec {experiments_locked}>"${experiments[out]}/.lock"
  flock --nonblock "$experiments_locked" || experiments_fail 1 "another call is working in ${experiments[out]}; wait for it, or choose another --out"
}

experiments_run() {
  local name number=0 seconds=0 rounds=0 began
  experiments_lock
  trap federation_stop EXIT
  trap 'echo "${0##*/}: interrupted; what is finished stays, the same command goes on from here" >&2; exit 130' INT TERM HUP
  for name in "${experiments_plan[@]}"; do
    number=$((number + 1))
    if experiments_is_done "$name"; then
      echo "[$number/${#experiments_plan[@]}] $name: done before"
      continue
    fi
    echo "[$number/${#experiments_plan[@]}] $name$( ((rounds == 0)) || echo ", all done in about $(experiments_duration "$(experiments_remaining $seconds $rounds)")")"
    began=$SECONDS
    experiments_train "$name" || experiments_fail 1 "$name failed; its files are in ${experiments[out]}/unfinished/$name. The same command tries again"
    seconds=$((seconds + SECONDS - began + 1))
    rounds=$((rounds + $(experiments_setting "$name" rounds 150)))
  done
}

experiments_rows() {
  awk -v columns="$1" 'NR > 1 { print columns "," $0 }' "${experiments[out]}/runs/$2.csv"
}

experiments_columns() {
  awk -v n="$1" -v rounds="${experiments[rounds]}" -v every="${experiments[evaluate]}" 'BEGIN {
    for (i = 1; i <= n; i++) {
      round = i == n ? rounds : int(rounds * i / n / every + 0.5) * every
      if (round > 0 && round != before) printf "%d ", round
      before = round
    }
  }'
}

experiments_draw() {
  local out=$1 size=$2,$3 commands terminal
  commands=$(cat)
  for terminal in "pngcairo font 'sans,12'|png" "svg font 'sans,13'|svg"; do
    gnuplot <<END_OF_PLOT || experiments_fail 1 "gnuplot failed (deploy/install-deps.sh installs it)"
set terminal ${terminal%|*} noenhanced size $size linewidth 1.4 background 'white'
set output '$out.${terminal##*|}'
set grid linetype 1 linecolor '#e0e0e0' linewidth 0.7
set format y '%.2f'
$commands
END_OF_PLOT
  done
}
