#!/usr/bin/env bash
# Beyond the paper: what each part of the algorithm does, differing data, hostile, changing and late clients, bytes.
set -euo pipefail

# shellcheck source=deploy/experiments/runs.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/runs.sh"

usage() {
  cat <<'END_OF_USAGE'
usage: deploy/experiments/beyond.sh [OPTION...]

Trains a network on MNIST with 15 clients under conditions that the paper does not have, a panel of the figure each:

  parts     rule (majority, it-signsgd, it-signsgd with prior, agreement) x carry (0, 0.9, 0.95) x dither (0, 2, 4), in
            mode 4; parts-equal: in mode 1; parts-labels: in mode 1 with two classes a client (36 runs each)
  steps     agreement with 0.5, 1 and 2 times the step and other schedules, in modes 4 and 1 and with two classes a client
  data      two classes a client (modes 1 and 4), dirichlet 0.3, two groups (8 clients with digits 0 to 4, 7 with 5 to 9; 12 with
            0 to 7, 3 with 8 and 9): agreement against majority with the same carry and dither
  hostile   in mode 1: 3, 5 and 7 of 15 flip every sign; 7 flip the last layer alone; 5 vote at random; 5 flip half of their
            ballots; 3 and 6 vote one and the same wrong vector, and the same with an eighth of each one's signs flipped; 5
            flip from round 100 on; under assume honest and hostile, against published majority
  change    in mode 4 the strongest and a weak client change places at half time
  late      in mode 1, 7 clients are 1 to 4 rounds late: counted (max_staleness 4), dropped, or everyone waited for
  local     1, 5 and 20 local SGD steps of 0.05 a round, in modes 1 and 4, with two classes a client
  privacy   signs flipped with probability 0, 0.1, 0.25, 0.4 (epsilon 2.20, 1.10, 0.41 a sign), in modes 1 and 4
  bytes     fraction 1, 1/2, 1/4, 1/8, 1/16, against float32: Adam on pooled gradients, and FedAvg (needs python3-torch,
            python3-numpy)

Where nothing else is said: carry 0.9, dither 2, a step with cosine decay; published majority has half that step, constant.

Options:
  --panels LIST     (default parts,data,hostile,change,late,local,privacy,bytes,steps)
  --model NAME      a built-in model (default mnist_cnn)
  --step SIZE       (default 6e-4)
  --rounds N        (default 300)
  --seeds LIST      of initial parameters, minibatches and dither, such as 0,1,2 (default 0)
  --evaluate K      measure accuracy every K rounds (default 25)
  --data-dir DIR    holds mnist/ (default $SIGNVOTE_DATA, then ./data and ../shared/data)
  --bin DIR         the three programs (default build/bin)
  --out DIR         results (default runs/beyond)
  --dry-run         only list the runs, and which of them are done
  --help

A finished run is not repeated: the same command goes on where it was stopped. Remove DIR/runs when the programs have
changed. In DIR: runs/, a file a run; beyond.csv, .png, .svg and .md (beyond-MODEL under another model than the default), of the
runs that this command lists.
Exit codes: 0 done, 1 something failed (the message says what), 2 usage, 130 interrupted (everything is stopped).
END_OF_USAGE
}

panels=parts,data,hostile,change,late,local,privacy,bytes,steps model=mnist_cnn step=6e-4

own_option() {
  local option=$1 value=$2 panel='parts|parts-equal|parts-labels|steps|data|hostile|change|late|local|privacy|bytes'
  case $option in
    --panels) experiments_matching "$option" "$value" "($panel)(,($panel))*" "some of ${panel//|/,}" && panels=$value ;;
    --model) experiments_matching "$option" "$value" '[a-z0-9_]+' 'the name of a built-in model' && model=$value ;;
    --step) experiments_matching "$option" "$value" '[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?' 'a number such as 6e-4' && step=$value ;;
    *) return 1 ;;
  esac
}

parse() {
  experiments_parse own_option "$@"
  [[ ,$panels, != *,bytes,* || $model == mnist_cnn || $model == mlp ]] ||
    experiments_fail 2 "--model is $model, and panel bytes compares with float32.py, which knows mnist_cnn and mlp; give --panels without bytes"
  experiments_out "$experiments_root/runs/beyond"
  figure=${experiments[out]}/beyond
  [[ $model == mnist_cnn ]] || figure+=-$model
  half=$(awk -v step="$step" 'BEGIN { printf "%g", step / 2 }')
}

# The plan: name -> panel, variant, step, seed.
declare -A run_panel=() run_variant=() run_step=() run_seed=()

# add PANEL VARIANT KEY=VALUE...: a run for each seed. VARIANT goes into a CSV: no commas.
add() {
  local panel=$1 variant=$2 seed name setting size=$step
  shift 2
  for setting in "$@"; do
    [[ $setting != step=* ]] || size=${setting#*=}
  done
  for seed in ${experiments[seeds]//,/ }; do
    name="$panel--${variant//[^a-zA-Z0-9.]/-}--$model-$size-rounds${experiments[rounds]}-seed$seed"
    experiment "$name" seed="$seed" rounds="${experiments[rounds]}" format=mnist path="$data_path" network="$model" step="$size" "$@"
    run_panel[$name]=$panel run_variant[$name]=$variant run_step[$name]=$size run_seed[$name]=$seed
  done
}

plan_parts() {
  local panel=$1 rule carry dither prior
  shift
  for rule in majority it-signsgd it-signsgd+prior agreement; do
    prior=0
    [[ $rule != *+prior ]] || prior=100
    for carry in 0 0.9 0.95; do
      for dither in 0 2 4; do
        add "$panel" "carry $carry dither $dither: $rule" rule="${rule%+prior}" prior=$prior carry=$carry dither=$dither "$@"
      done
    done
  done
}

plan_steps() {
  local how times schedule size
  for how in '0.5 constant' '0.5 cosine' '1 constant' '1 cosine' '1 inverse-sqrt' '2 cosine'; do
    read -r times schedule <<<"$how"
    size=$(awk -v step="$step" -v times="$times" 'BEGIN { printf "%g", step * times }')
    add steps "mode 4: $times $schedule" mode=4 step="$size" schedule="$schedule"
    add steps "mode 1: $times $schedule" mode=1 step="$size" schedule="$schedule"
    add steps "two classes: $times $schedule" mode=1 partition=labels:2 step="$size" schedule="$schedule"
  done
}

plan_data() {
  local rule
  for rule in majority agreement; do
    add data "two classes: $rule" rule=$rule mode=1 partition=labels:2
    add data "two classes in mode 4: $rule" rule=$rule mode=4 partition=labels:2
    add data "dirichlet 0.3: $rule" rule=$rule mode=1 partition=dirichlet:0.3
    add data "groups 8 and 7: $rule" rule=$rule mode=1 partition=groups:8:5
    add data "groups 12 and 3: $rule" rule=$rule mode=1 partition=groups:12:8
  done
}

plan_hostile() {
  local attack number from words settings
  for attack in none:0 flip:3 flip:5 flip:7 flip-last:7 random:5 flip-half:5 same:3 same:6 alike:3 alike:6 flip:5:100; do
    IFS=: read -r attack number from <<<"$attack"
    from=${from:-1}
    words="$number $attack"
    ((from == 1)) || words+=" from round $from"
    settings=(mode=1 attack="$attack" attackers="$number" attack_from="$from")
    add hostile "$words: majority" "${settings[@]}" rule=majority carry=0 dither=0 step="$half" schedule=constant
    add hostile "$words: honest" "${settings[@]}" assume=honest
    add hostile "$words: hostile" "${settings[@]}" assume=hostile
  done
}

plan_change() {
  local drift words
  for drift in 0 1; do
    words="places $( ((drift == 0)) && echo kept || echo changed)"
    add change "$words: majority" mode=4 drift=$drift rule=majority
    add change "$words: agreement" mode=4 drift=$drift
  done
}

plan_late() {
  # Longer than the gradients take of those who are not late, or rounds would close on late ballots without them.
  local deadline=1s
  [[ $model != mlp ]] || deadline=50ms
  add late "everyone waited for" mode=1
  add late "7 late and counted" mode=1 late=7 max_staleness=4 quorum=8 deadline=$deadline
  add late "7 late and dropped" mode=1 late=7 max_staleness=0 quorum=8 deadline=$deadline
}

plan_local() {
  local k
  for k in 1 5 20; do
    add local "mode 1: $k steps" mode=1 local_steps=$k
    add local "mode 4: $k steps" mode=4 local_steps=$k
    add local "two classes: $k steps" mode=1 partition=labels:2 local_steps=$k
  done
}

plan_privacy() {
  local p mode
  for mode in 1 4; do
    for p in 0 0.1 0.25 0.4; do add privacy "mode $mode: flipped with $p" mode=$mode flip_probability=$p; done
  done
}

plan_bytes() {
  local k mode
  for mode in 1 4; do
    for k in 1 2 4 8 16; do add bytes "mode $mode: fraction 1/$k" mode=$mode fraction=$k; done
  done
}

plan() {
  local panel
  for panel in ${panels//,/ }; do
    case $panel in
      parts) plan_parts parts mode=4 ;;
      parts-equal) plan_parts parts-equal mode=1 ;;
      parts-labels) plan_parts parts-labels mode=1 partition=labels:2 ;;
      *) "plan_$panel" ;;
    esac
  done
}

float32_name() { echo "bytes--float32-$1--$model-rounds${experiments[rounds]}-seed$2"; }

# What float32.py needs where it has yet to run: known before the federations, which take hours.
float32_check() {
  local rule seed
  for rule in adam fedavg; do
    for seed in ${experiments[seeds]//,/ }; do
      experiments_is_done "$(float32_name "$rule" "$seed")" || {
        python3 -c 'import numpy, torch' 2>/dev/null ||
          experiments_fail 1 "panel bytes needs python3-torch and python3-numpy, and python3 imports no torch or no numpy here; give --panels without bytes"
        return 0
      }
    done
  done
}

# float32 RULE: the accuracy that float32 values buy for their bytes; resumable as the others are.
float32() {
  local rule=$1 seed name result
  for seed in ${experiments[seeds]//,/ }; do
    name=$(float32_name "$rule" "$seed")
    result=${experiments[out]}/runs/$name.csv
    experiments_plan+=("$name")
    run_panel[$name]=bytes run_variant[$name]="float32 $rule" run_step[$name]=$([[ $rule == adam ]] && echo 1e-3 || echo 0.05) run_seed[$name]=$seed
    experiments_is_done "$name" && continue
    echo "$name"
    mkdir -p -- "${experiments[out]}/runs"
    # Without these the memory of every batch goes back to the system: three times the time.
    MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=4294967296 python3 "$experiments_root/deploy/experiments/float32.py" --rule "$rule" --model "$model" --rounds "${experiments[rounds]}" --seed "$seed" \
      --evaluate "${experiments[evaluate]}" --mnist "$data_path" >"$result.part" || experiments_fail 1 "float32.py failed"
    mv -- "$result.part" "$result"
  done
}

csv() {
  local name
  echo experiment,variant,step,seed,round,accuracy
  for name in "${experiments_plan[@]}"; do
    experiments_rows "${run_panel[$name]},${run_variant[$name]},${run_step[$name]},${run_seed[$name]}" "$name" | cut -d, -f1-6
  done
}

# Of one panel: VARIANT|ROUND|MEAN|LOWEST|HIGHEST|SENT AND RECEIVED, over seeds.
panel_means() {
  local name
  for name in "${experiments_plan[@]}"; do
    [[ ${run_panel[$name]} != "$1" ]] || experiments_rows "${run_variant[$name]}" "$name" | tr , '|'
  done | awk -F'|' '{ k = $1 "|" $2; if (!(k in n)) { order[++keys] = k; low[k] = high[k] = $3 }
    n[k]++; sum[k] += $3; bytes[k] += $4 + $5; if ($3 < low[k]) low[k] = $3; if ($3 > high[k]) high[k] = $3 }
    END { for (i = 1; i <= keys; i++) { k = order[i]; printf "%s|%.4f|%.4f|%.4f|%.0f\n", k, sum[k] / n[k], low[k], high[k], bytes[k] / n[k] } }'
}

table() {
  local panel
  echo "# Beyond the paper: MNIST, $model, ${experiments[rounds]} rounds, seeds ${experiments[seeds]}"
  echo
  echo "Test accuracy in percent by round, mean over seeds; the last column is what one client sent and received."
  for panel in ${panels//,/ }; do
    printf '\n## %s\n\n' "$panel"
    panel_means "$panel" | awk -F'|' -v columns="$(experiments_columns 4)" '
      { if (!($1 in seen)) { seen[$1] = 1; order[++keys] = $1 } mean[$1, $2] = $3; bytes[$1] = $6 }
      END {
        columns = split(columns, shown, " ")
        for (i = 1; i <= columns; i++) { head = head " " shown[i] " |"; line_below = line_below "--:|" }
        printf "| variant |%s bytes |\n|---|%s--:|\n", head, line_below
        for (j = 1; j <= keys; j++) {
          line = ""
          for (i = 1; i <= columns; i++) {
            best = "-"
            for (r = 1; r <= shown[i]; r++) if ((order[j], r) in mean) best = sprintf("%.1f", 100 * mean[order[j], r])
            line = line " " best " |"
          }
          printf "| %s |%s %.1f MB |\n", order[j], line, bytes[order[j]] / 1e6
        }
      }'
  done
}

# lines FILE: a gnuplot command that draws accuracy by bytes, a line a variant.
lines() {
  local file=$1 variant plot='' number=0
  while IFS= read -r variant; do
    number=$((number + 1))
    plot+="${plot:+, }'< grep -F \"$variant|\" $file' using (\$6 / 1e6):3 with lines linewidth 2 linetype $number dashtype $(((number - 1) / 8 + 1)) title '$variant'"
  done < <(cut -d'|' -f1 "$file" | awk '!seen[$0]++')
  printf '%s\n' "set logscale x; set xlabel 'MB sent and received by a client'; set ylabel 'test accuracy'" \
    "unset ytics; set ytics; set yrange [0.7:1]; set format y '%.2f'; set format x '%g'; plot $plot"
}

# dots FILE: a gnuplot command that draws a row a condition, a colour a rule or setting: a variant is CONDITION: COLOUR. Its line
# begins with the accuracy at a quarter of the rounds, and ends in a dot with the last.
dots() {
  local file=$1 rows colours plot='' colour number=0
  awk -F'|' -v rounds="${experiments[rounds]}" '
    { if (!($1 in last)) order[++keys] = $1; last[$1] = $3; if ($2 <= rounds / 4 || !($1 in first)) first[$1] = $3 }
    END {
      for (i = 1; i <= keys; i++) {
        cut = match(order[i], /: [^:]*$/)
        row[i] = cut ? substr(order[i], 1, cut - 1) : order[i]
        colour[i] = cut ? substr(order[i], cut + 2) : ""
        if (!(row[i] in place)) place[row[i]] = rows++
        if (!(colour[i] in shade)) shade[colour[i]] = colours++
      }
      for (i = 1; i <= keys; i++) {
        y = place[row[i]] + ((shade[colour[i]] + 0.5) / colours - 0.5) * 0.7
        printf "%s|%s|%.3f|%s|%s\n", row[i], colour[i], y, first[order[i]], last[order[i]]
      }
    }' "$file" >"$file.dots"
  rows=$(cut -d'|' -f1 "$file.dots" | awk '!seen[$0]++ { printf "%s\"%s\" %d", (n ? ", " : ""), $0, n++ }')
  mapfile -t colours < <(cut -d'|' -f2 "$file.dots" | awk '!seen[$0]++')
  for colour in "${colours[@]}"; do
    number=$((number + 1))
    plot+="${plot:+, }'< grep -F \"|$colour|\" $file.dots' using 4:3:(\$5 - \$4):(0) with vectors nohead linewidth 1.2 linetype $number notitle"
    plot+=", '' using 5:3 with points pointtype 7 pointsize 1.1 linetype $number title '${colour:- }'"
  done
  printf '%s\n' "unset logscale; set xlabel 'test accuracy: after a quarter of the rounds, and (dot) at the end'; unset ylabel" \
    "unset ytics; set ytics ($rows); set yrange [$(awk -F, '{ print NF - 0.5 }' <<<"$rows"):-0.5]; set format x '%.2f'; plot $plot"
}

draw() {
  local out=$1 panel work count=0 script=''
  work=$(mktemp -d)
  for panel in ${panels//,/ }; do
    panel_means "$panel" >"$work/$panel"
    count=$((count + 1))
    script+="set title '$panel'"$'\n'
    if [[ $panel == bytes ]]; then script+=$(lines "$work/$panel")$'\n'; else script+=$(dots "$work/$panel")$'\n'; fi
  done
  local rows=$(((count + 1) / 2))
  experiments_draw "$out" 1700 $((560 * rows)) <<END_OF_PLOT
set datafile separator '|'
set multiplot layout $rows,$((count > 1 ? 2 : 1)) title 'Test accuracy: MNIST, $model, 15 clients, ${experiments[rounds]} rounds, seeds ${experiments[seeds]}'
set key outside right top Left reverse font ',10'
$script
unset multiplot
END_OF_PLOT
  rm -rf -- "$work"
}

main() {
  experiments_defaults
  parse "$@"
  data_path=$(experiments_data mnist)
  plan
  if ${experiments[dry_run]}; then
    experiments_list
    return
  fi
  [[ ,$panels, != *,bytes,* ]] || float32_check
  experiments_run
  if [[ ,$panels, == *,bytes,* ]]; then
    float32 adam
    float32 fedavg
  fi
  csv >"$figure.csv.part" && mv -- "$figure.csv.part" "$figure.csv"
  table >"$figure.md.part" && mv -- "$figure.md.part" "$figure.md"
  draw "$figure"
  cat "$figure.md"
  echo
  echo "figure: $figure.png, $figure.svg; rows: $figure.csv; table: $figure.md"
}

main "$@"
