#!/usr/bin/env bash
# deploy/experiments: a small figure is drawn, and the same command again repeats no run. Usage: experiments_test.sh BIN_DIR
set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
bin=$1
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

fail() {
  echo "experiments_test: $1" >&2
  exit 1
}

figure() {
  "$root/deploy/experiments/figure1.sh" --dataset digits --rounds 4 --evaluate 2 --seeds 3 --modes 4 --rules majority,agreement --bin "$bin" --out "$work/out"
}

figure >"$work/first" || fail "$(cat "$work/first")"
rows=$(cat "$work/out/figure1-digits.csv")
[[ $(head -n 1 <<<"$rows") == dataset,model,rule,mode,step,seed,round,accuracy ]] || fail "columns: $rows"
[[ $(grep -cE '^digits,mlp,majority,4,3e-4,3,[24],0\.[0-9]+$' <<<"$rows") == 2 ]] || fail "rows of majority: $rows"
[[ $(grep -cE '^digits,mlp,agreement,4,6e-4,3,[24],0\.[0-9]+$' <<<"$rows") == 2 ]] || fail "rows of agreement: $rows"
for kind in png svg; do
  [[ -s $work/out/figure1-digits.$kind ]] || fail "no $kind"
done
grep -q '^| 4 | agreement | ' "$work/out/figure1-digits.md" || fail "no table: $(cat "$work/out/figure1-digits.md")"

figure >"$work/second" || fail "$(cat "$work/second")"
[[ $(grep -c 'done before' "$work/second") == 2 ]] || fail "a finished run was repeated: $(cat "$work/second")"
[[ $rows == "$(cat "$work/out/figure1-digits.csv")" ]] || fail "the rows are others the second time"
[[ -z $(ls -A "$work/out/unfinished") ]] || fail "left over: $(ls -A "$work/out/unfinished")"

# What float32.py lacks is said before the first federation: there are no programs here to run one.
beyond() {
  PATH="$work/path:$PATH" "$root/deploy/experiments/beyond.sh" --panels bytes --data-dir "$work/data" --bin "$work/none" --out "$work/beyond" "$@" >"$work/said" 2>&1
}
mkdir -p "$work/path" "$work/data/mnist"
: >"$work/data/mnist/train-images-idx3-ubyte"
printf '#!/bin/sh\nexit 1\n' >"$work/path/python3"
chmod +x "$work/path/python3"
status=0
beyond --model mnist_mlp2 || status=$?
[[ $status == 2 && $(<"$work/said") == *'knows mnist_cnn and mlp'* ]] || fail "a model that float32.py lacks: $status $(cat "$work/said")"
status=0
beyond || status=$?
[[ $status == 1 && $(<"$work/said") == *'python3 imports no torch'* ]] || fail "a python3 without torch: $status $(cat "$work/said")"
