#!/usr/bin/env bash
# Rounds without compute over slow links: each voter in a network namespace of its own behind a link of a given rate.
set -euo pipefail

usage() {
  cat <<'END'
usage: tests/bench/slow_links.sh [--rate RATE] [--voters M] [--parameters N] [--rounds R] [--rule RULE] [--bin DIR]
  --rate RATE      of each voter's link, up and down, in the words of tc (default 20mbit)
  --voters M       1 to 200 (default 15)
  --parameters N   (default 10000000)
  --rounds R       (default 10)
  --rule RULE      (default agreement)
  --bin DIR        signvote-server and signvote-loadgen (default build/bin)
Prints the median round beside the time that a ballot's bytes alone take. Needs root, and ip and tc (Debian: iproute2); makes
network namespaces and links named svPID-I, and removes them.
END
}

fail() {
  echo "slow_links: $2" >&2
  exit "$1"
}

clean() {
  local process i
  for process in "${processes[@]}"; do kill "$process" 2>/dev/null || true; done
  for ((i = 1; i <= made; i++)); do
    ip link delete "$name-$i" 2>/dev/null || true
    ip netns delete "$name-$i" 2>/dev/null || true
  done
  rm -rf -- "$scratch"
}

# link I: namespace and link number I, 10.78.I.1 here and 10.78.I.2 there.
link() {
  local here=$name-$1 there=$name-$1p
  ip netns add "$here"
  made=$1
  ip link add "$here" type veth peer name "$there" netns "$here"
  ip address add "10.78.$1.1/24" dev "$here"
  ip link set "$here" up
  ip -n "$here" address add "10.78.$1.2/24" dev "$there"
  ip -n "$here" link set "$there" up
  tc qdisc add dev "$here" root tbf rate "$rate" burst 64k latency 400ms
  ip netns exec "$here" tc qdisc add dev "$there" root tbf rate "$rate" burst 64k latency 400ms
}

main() {
  local root voters=15 parameters=10000000 rounds=10 rule=agreement bin i
  root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
  rate=20mbit bin=$root/build/bin
  while (($# > 0)); do
    case $1 in
      --help | -h) usage && exit 0 ;;
      --rate) rate=${2:?} ;;
      --voters) voters=${2:?} ;;
      --parameters) parameters=${2:?} ;;
      --rounds) rounds=${2:?} ;;
      --rule) rule=${2:?} ;;
      --bin) bin=${2:?} ;;
      *) usage >&2 && exit 2 ;;
    esac
    shift 2
  done
  ((voters >= 1 && voters <= 200)) || fail 2 "--voters is $voters, expected 1 to 200"
  ((EUID == 0)) || fail 2 "makes network namespaces, which needs root"
  command -v tc >/dev/null || fail 2 "there is no tc; Debian has it in iproute2"

  processes=() made=0 name=sv$$ scratch=$(mktemp -d)
  trap clean EXIT
  trap 'exit 130' INT TERM
  for ((i = 1; i <= voters; i++)); do link "$i"; done
  "$bin/signvote-loadgen" bundle --parameters "$parameters" --out "$scratch/model" >/dev/null
  cat >"$scratch/server.yaml" <<END
{model: $scratch/model, directory: $scratch/run, listen: "0.0.0.0:7411", insecure: true, admin: {listen: "unix:$scratch/admin"}, durability: decisions,
 rule: $rule, rounds: {total: $rounds, quorum: $voters, deadline: 600s}}
END
  "$bin/signvote-server" --config "$scratch/server.yaml" >"$scratch/server.log" 2>&1 &
  processes+=($!)
  until grep -q 'listening on' "$scratch/server.log"; do
    kill -0 "${processes[0]}" 2>/dev/null || break
    sleep 0.1
  done
  for ((i = 1; i <= voters; i++)); do
    ip netns exec "$name-$i" "$bin/signvote-loadgen" --server "10.78.$i.1:7411" --voters 1 --first "$i" --rounds 0 >"$scratch/voter-$i.log" 2>&1 &
    processes+=($!)
  done
  wait "${processes[0]}" || fail 1 "the server failed: $(tail -n 3 -- "$scratch/server.log")"
  # A round's time is from one row to the next.
  awk -F, -v what="$voters voters behind $rate each, $parameters parameters, $rule" -v bytes=$((parameters / 8)) \
    -v rate="$(tc -s qdisc show dev "$name-1" | sed -n 's/.* rate \([0-9]*\)Mbit.*/\1/p')" '
    NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
    NR > 2 { took[++n] = $column["seconds"] - before }
    { before = $column["seconds"] }
    END {
      for (i = 2; i <= n; i++) for (j = i; j > 1 && took[j] < took[j - 1]; j--) { t = took[j]; took[j] = took[j - 1]; took[j - 1] = t }
      median = took[int((n + 1) / 2)]
      printf "%s: %.3f s a round", what, median
      if (rate > 0) printf ", a ballot'"'"'s bytes alone %.3f s: %.2f", bytes * 8e-6 / rate, median / (bytes * 8e-6 / rate)
      print ""
    }' "$scratch/run/metrics.csv"
}

main "$@"
