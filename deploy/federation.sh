#!/usr/bin/env bash
# One federation on this machine: a server (or several shards), its clients and an observer as processes of the calling shell. To be
# sourced; the caller sets `federation[...]` after federation_defaults, and calls
#
#   federation_configure DIR   writes DIR/server.yaml (DIR/shard-I/server.yaml with several) and one for each client
#   federation_start DIR       starts the server, waits for its addresses, starts the clients
#   federation_follow DIR      shows progress until the run ends; fails as soon as a process fails
#   federation_stop            ends what still runs, by TERM and after a grace by KILL; for exit traps, repeatable
#
# Each returns not 0 after saying why on stderr. One federation at a time: state is in the two arrays below.

declare -gA federation=()            # settings
declare -gA federation_processes=()  # of running processes: pid -> name

federation_defaults() {
  federation=(
    [bin]=build/bin           # directory of the three programs
    [model]=""                # model bundle
    [rule]=agreement [carry]=0.9 [dither]=2 [prior]=100 [warmup]=100 [assume]=honest
    [step]=6e-4 [schedule]=cosine [rounds]=150 [seed]=0
    [shards]=1                # servers that share the model's blocks
    [mode]=4 [clients]=15     # how unequal the batches are: federation_batches
    [format]=digits [path]="" # data
    [data]=""                 # more keys of `data`, a line each
    [loss]=""                 # empty: the client's default
    [export]=""               # where the observer leaves the model
    [partition]=all
    [local_steps]=1 [local_step_size]=0.05 [flip_probability]=0
    [fraction]=1 [quorum]=""  # quorum: all, unless given
    [deadline]=10m [max_staleness]=0
    # what some clients do wrong on purpose, as signvote-client's `simulate`: the first `attackers` and `late` ones, and
    # at half time the first and the last change places (drift=1)
    [attack]=none [attackers]=0 [attack_from]=1 [late]=0 [drift]=0
    [evaluate]=10             # the observer measures every so many rounds
    [grace]=10                # seconds between TERM and KILL
    [patience]=60             # seconds to wait for stragglers at the end
  )
}

# A pipe on which nothing ever comes: reading it with a time limit is a sleep that starts no process.
exec {federation_silence}<> <(:)
federation_pause() { read -r -t "$1" -u "$federation_silence" || true; }

federation_say() { printf '%s\n' "federation: $*" >&2; }

# federation_batches MODE CLIENTS: a line a client. 64 samples a client and round on the whole, in every mode; in modes
# 2 to 4 most clients take 4 and the last few share the rest. With 15 clients: 15 x 64; 9 x 4 + 6 x 154;
# 12 x 4 + 3 x 304; 14 x 4 + 1 x 904. With another number the few are the same share of all, at least one.
federation_batches() {
  local mode=$1 clients=$2 large small i
  case $mode in
    1) large=$clients ;;
    2) large=$(((clients * 6 + 7) / 15)) ;;
    3) large=$(((clients * 3 + 7) / 15)) ;;
    4) large=$(((clients + 7) / 15)) ;;
    *) federation_say "mode is $mode; expected 1, 2, 3 or 4" && return 2 ;;
  esac
  ((large > 0)) || large=1
  small=$((clients - large))
  for ((i = 0; i < small; i++)); do echo 4; done
  for ((i = 0; i < large; i++)); do echo $(((64 * clients - 4 * small) / large)); done
}

# YAML of the data a client holds; `count` 0 is the observer's, who only measures.
federation_data() {
  local index=$1 count=$2
  printf 'data:\n  format: %s\n' "${federation[format]}"
  [[ -z ${federation[path]} ]] || printf '  path: "%s"\n' "${federation[path]}"
  [[ -z ${federation[data]} ]] || printf '%s\n' "${federation[data]}" | sed 's/^/  /'
  ((count == 0)) || printf '  partition: %s\n  index: %d\n  count: %d\n' "${federation[partition]}" "$index" "$count"
}

federation_loss() {
  [[ -z ${federation[loss]} ]] || printf 'loss: %s\n' "${federation[loss]}"
}

# federation_shards: the names of the servers, a line each.
federation_shards() {
  local i
  if ((federation[shards] == 1)); then echo server && return; fi
  for ((i = 0; i < federation[shards]; i++)); do echo "shard-$i"; done
}

# federation_run DIR SERVER: the run's directory of this server.
federation_run() {
  if [[ $2 == server ]]; then echo "$1"; else echo "$1/$2"; fi
}

federation_server_yaml() {
  local directory=$1 index=$2
  cat <<END
listen: 127.0.0.1:0
admin: {listen: "127.0.0.1:0"}
model: "${federation[model]}"
directory: "$directory"
shard: {index: $index, count: ${federation[shards]}}
seed: ${federation[seed]}
rule: ${federation[rule]}
carry: ${federation[carry]}
dither: ${federation[dither]}
fraction: ${federation[fraction]}
local_steps: ${federation[local_steps]}
local_step_size: ${federation[local_step_size]}
privacy: {flip_probability: ${federation[flip_probability]}}
agreement: {assume: ${federation[assume]}}
it-signsgd: {warmup_rounds: ${federation[warmup]}, prior: ${federation[prior]}}
step: {size: ${federation[step]}, schedule: ${federation[schedule]}}
rounds:
  total: ${federation[rounds]}
  quorum: ${federation[quorum]:-${federation[clients]}}
  deadline: ${federation[deadline]}
  max_staleness: ${federation[max_staleness]}
durability: none  # a demonstration starts again rather than recovers
labels: {mode: "${federation[mode]}", partition: "${federation[partition]}", data: ${federation[format]}}
END
}

# federation_simulate INDEX BATCHES...: YAML of what this client does wrong; most do nothing.
federation_simulate() {
  local index=$1 half=$((federation[rounds] / 2 + 1)) last=$((federation[clients] - 1))
  shift
  if ((index < federation[attackers])); then
    printf 'simulate: {attack: %s, from_round: %d}\n' "${federation[attack]}" "${federation[attack_from]}"
  elif ((index < federation[late])); then
    printf 'simulate: {late: %d}\n' $((index % 4 + 1))
  elif ((federation[drift] == 1 && index == 0)); then
    printf 'simulate: {batch: %d, from_round: %d}\n' "${!#}" "$half"
  elif ((federation[drift] == 1 && index == last)); then
    printf 'simulate: {batch: %d, from_round: %d}\n' "$1" "$half"
  fi
}

# A large batch may use all cores: the others are done long before.
federation_client_yaml() {
  local index=$1 name=$2 batch=$3 threads=1
  ((batch < 256)) || threads=$(nproc)
  cat <<END
shards: SERVERS
name: $name
role: voter
batch: $batch
threads: $threads
seed: ${federation[seed]}
connect: {give_up: 60s}
END
  federation_loss
  federation_data "$index" "${federation[clients]}"
}

federation_observer_yaml() {
  cat <<END
shards: SERVERS
name: observer
role: observer
threads: $(nproc)
seed: ${federation[seed]}
evaluate: {every: ${federation[evaluate]}, export: "${federation[export]}"}
connect: {give_up: 60s}
END
  federation_loss
  federation_data 0 0
}

federation_configure() {
  local directory=$1 batches index name server run
  batches=$(federation_batches "${federation[mode]}" "${federation[clients]}") || return
  mkdir -p -- "$directory/clients"
  index=0
  for server in $(federation_shards); do
    run=$(federation_run "$directory" "$server")
    mkdir -p -- "$run"
    federation_server_yaml "$run" "$index" >"$run/server.yaml"
    index=$((index + 1))
  done
  federation_observer_yaml >"$directory/clients/observer.yaml"
  index=0
  for batch in $batches; do
    printf -v name 'client-%02d' $((index + 1))
    {
      federation_client_yaml "$index" "$name" "$batch"
      # shellcheck disable=SC2086  # one word a batch
      federation_simulate "$index" $batches
    } >"$directory/clients/$name.yaml"
    index=$((index + 1))
  done
}

# federation_spawn NAME LOG COMMAND... More threads than cores share this machine: those that wait must not spin (that
# alone doubled the processor time of a round).
federation_spawn() {
  local name=$1 log=$2
  shift 2
  OMP_WAIT_POLICY=passive "$@" >"$log" 2>&1 &
  federation_processes[$!]=$name
}

# federation_obituary NAME CODE LOG: why the federation ends.
federation_obituary() {
  federation_say "$1 ended with exit code $2; the end of $3:"
  tail -n 15 -- "$3" | sed 's/^/  | /' >&2
}

# federation_address DIR listen|admin: from what the server wrote when it began to listen.
federation_address() {
  sed -n "s/.*\"$2\": *\"\([^\"]*\)\".*/\1/p" "$1/addresses.json"
}

federation_log() {
  case $2 in
    server | shard-*) echo "$(federation_run "$1" "$2")/server.log" ;;
    *) echo "$1/clients/$2.log" ;;
  esac
}

# federation_await NAME PID LOG COMMAND...: waits at most a minute until COMMAND succeeds.
federation_await() {
  local name=$1 pid=$2 log=$3 code tries
  shift 3
  for ((tries = 0; tries < 600; tries++)); do
    ! "$@" || return 0
    if ! kill -0 "$pid" 2>/dev/null; then
      wait "$pid" && code=0 || code=$?
      unset "federation_processes[$pid]"
      federation_obituary "$name" "$code" "$log"
      return 1
    fi
    federation_pause 0.1
  done
  federation_obituary "$name" "none (it is not ready after a minute)" "$log"
  return 1
}

# federation_addresses DIR listen|admin: of all servers, with commas between them.
federation_addresses() {
  local server addresses=()
  for server in $(federation_shards); do
    addresses+=("$(federation_address "$(federation_run "$1" "$server")" "$2")")
  done
  (IFS=, && echo "${addresses[*]}")
}

federation_start() {
  local directory=$1 config name server run log
  for server in $(federation_shards); do
    run=$(federation_run "$directory" "$server")
    rm -f -- "$run/addresses.json"
    federation_spawn "$server" "$run/server.log" "${federation[bin]}/signvote-server" --config "$run/server.yaml"
    federation_await "$server" $! "$run/server.log" test -s "$run/addresses.json" || return
  done
  # The observer first: a short run could be over before it is there.
  for config in "$directory"/clients/{observer,client-*}.yaml; do
    name=$(basename -- "$config" .yaml)
    log=$(federation_log "$directory" "$name")
    sed -i "s/^shards: SERVERS\$/shards: [$(federation_addresses "$directory" listen)]/" "$config"
    rm -f -- "$log"
    federation_spawn "$name" "$log" "${federation[bin]}/signvote-client" --config "$config"
    [[ $name != observer ]] || federation_await "$name" $! "$log" grep -qs 'joined run' "$log" || return
  done
}

# A line every so many rounds where there is no terminal to redraw.
federation_spawn_watch() {
  "${federation[bin]}/signvotectl" --server "$(federation_addresses "$1" admin)" watch --every "${federation[evaluate]}" &
  federation_processes[$!]=watch
}

# federation_reap DIR: waits for the next process to end; sets `ended` to its name. Fails when it ended badly.
federation_reap() {
  local directory=$1 pid='' code=0 id
  wait -n -p pid "${!federation_processes[@]}" || code=$?
  while [[ -z ${pid-} ]]; do  # it names none where they were stopped for a while: ask one by one
    sleep 0.2
    for id in "${!federation_processes[@]}"; do
      kill -0 "$id" 2>/dev/null && continue
      pid=$id code=0
      wait "$id" || code=$?
      break
    done
  done
  ended=${federation_processes[$pid]}
  unset "federation_processes[$pid]"
  ((code != 0)) || return 0
  case $ended in
    watch) federation_say "signvotectl watch ended with exit code $code: no more progress is shown" ;;
    *) federation_obituary "$ended" "$code" "$(federation_log "$directory" "$ended")" && return 1 ;;
  esac
}

# The run is over when the servers have ended well; then the others have `patience` seconds to follow.
federation_follow() {
  local directory=$1 ended='' left=${federation[shards]} server run
  federation_spawn_watch "$directory"
  while ((left > 0)); do
    federation_reap "$directory" || return
    case $ended in server | shard-*) left=$((left - 1)) ;; esac
  done
  federation_await_end "$directory" || return
  for server in $(federation_shards); do
    run=$(federation_run "$directory" "$server")
    [[ ! -s $run/summary.json ]] || continue
    federation_obituary "$server" "0 and wrote no summary.json" "$run/server.log"
    return 1
  done
}

# federation_await_end DIR: waits at most `patience` seconds for all processes, and looks how they ended.
federation_await_end() {
  local directory=$1 ended='' alive='' tries
  for ((tries = 0; tries < 10 * federation[patience]; tries++)); do
    federation_any_alive "${!federation_processes[@]}" || break
    federation_pause 0.1
  done
  if federation_any_alive "${!federation_processes[@]}"; then
    federation_say "still running ${federation[patience]} s after the server's end:$alive"
    return 1
  fi
  while ((${#federation_processes[@]} > 0)); do
    federation_reap "$directory" || return
  done
}

# federation_any_alive PID...: sets `alive` to the names of those that are.
federation_any_alive() {
  local pid
  alive=''
  for pid in "$@"; do
    ! kill -0 "$pid" 2>/dev/null || alive+=" ${federation_processes[$pid]}"
  done
  [[ -n $alive ]]
}

federation_stop() {
  local pids=("${!federation_processes[@]}") alive='' tries
  ((${#pids[@]} > 0)) || return 0
  kill -TERM "${pids[@]}" 2>/dev/null || true
  for ((tries = 0; tries < 10 * federation[grace]; tries++)); do
    federation_any_alive "${pids[@]}" || break
    federation_pause 0.1
  done
  kill -KILL "${pids[@]}" 2>/dev/null || true
  wait "${pids[@]}" 2>/dev/null || true
  federation_processes=()
}
