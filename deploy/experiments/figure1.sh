#!/usr/bin/env bash
# The paper's experiment: three rules in four batch modes, by real server and client processes.
set -euo pipefail

# shellcheck source=deploy/experiments/runs.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/runs.sh"

usage() {
  cat <<'END_OF_USAGE'
usage: deploy/experiments/figure1.sh [OPTION...]

Trains the same network by three rules, each with 15 clients in each of four batch modes (1: 15 of 64 samples; 2: 9 of 4,
6 of 154; 3: 12 of 4, 3 of 304; 4: 14 of 4, 1 of 904):

  majority     signSGD with majority vote, as published: carry 0, dither 0, constant step
  it-signsgd   weights by error counts, as published:    carry 0, dither 0, prior 0, constant step
  agreement    the defaults: carry 0.9, dither 2, step 6e-4 with cosine decay over the run

Options:
  --dataset mnist|cifar10|digits   (default mnist)
  --model NAME      a built-in model (default mnist_cnn, cifar_cnn or mlp, by data set; see signvote-client init-model --help)
  --rounds N        (default 600)
  --seeds LIST      of initial parameters, minibatches and dither, such as 0,1,2 (default 0,1,2)
  --modes LIST      (default 1,2,3,4)
  --rules LIST      (default majority,it-signsgd,agreement)
  --step SIZE       of the published rules (default 3e-4)
  --evaluate K      measure accuracy every K rounds (default 25)
  --data-dir DIR    holds mnist/ or cifar10/ (default $SIGNVOTE_DATA, then ./data and ../shared/data)
  --bin DIR         the three programs (default build/bin)
  --out DIR         results (default runs/figure1)
  --dry-run         only list the runs, and which of them are done
  --help

A finished run is not repeated: the same command goes on where it was stopped, and a longer list adds to what is there.
Remove DIR/runs when the programs have changed. In DIR: runs/, a file a run; figure1-DATASET.csv, .png, .svg and .md (tables);
under another model than the default, or another step, these are in the name. They show the runs that this command
lists.
Exit codes: 0 done, 1 something failed (the message says what), 2 usage, 130 interrupted (everything is stopped).
END_OF_USAGE
}

dataset=mnist model='' modes=1,2,3,4 rules=majority,it-signsgd,agreement step=3e-4

own_option() {
  local option=$1 value=$2
  case $option in
    --dataset) experiments_matching "$option" "$value" 'mnist|cifar10|digits' 'mnist, cifar10 or digits' && dataset=$value ;;
    --model) experiments_matching "$option" "$value" '[a-z0-9_]+' 'the name of a built-in model' && model=$value ;;
    --modes) experiments_matching "$option" "$value" '[1-4](,[1-4])*' 'some of 1,2,3,4' && modes=$value ;;
    --rules) experiments_matching "$option" "$value" '(majority|it-signsgd|agreement)(,(majority|it-signsgd|agreement))*' 'some of majority,it-signsgd,agreement' && rules=$value ;;
    --step) experiments_matching "$option" "$value" '[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?' 'a number such as 3e-4' && step=$value ;;
    *) return 1 ;;
  esac
}

parse() {
  local plain=mnist_cnn
  experiments_parse own_option "$@"
  case $dataset in
    cifar10) plain=cifar_cnn ;;
    digits) plain=mlp ;;
  esac
  [[ -n $model ]] || model=$plain
  experiments_out "$experiments_root/runs/figure1"
  figure=${experiments[out]}/figure1-$dataset
  [[ $model == "$plain" ]] || figure+=-$model
  [[ $step == 3e-4 ]] || figure+=-step$step
}

# published RULE: is it run as published?
published() { [[ $1 != agreement ]]; }
step_of() { if published "$1"; then echo "$step"; else echo 6e-4; fi; }
run_name() { echo "$dataset-$model-$1-mode$2-$(step_of "$1")-rounds${experiments[rounds]}-seed$3"; }

# each FUNCTION: FUNCTION RULE MODE SEED for every run. Seeds last: a first picture comes early.
each() {
  local rule mode seed
  for seed in ${experiments[seeds]//,/ }; do
    for mode in ${modes//,/ }; do
      for rule in ${rules//,/ }; do "$1" "$rule" "$mode" "$seed"; done
    done
  done
}

plan_run() {
  local settings=(rule="$1" mode="$2" seed="$3" rounds="${experiments[rounds]}" network="$model" format="$dataset" path="$data_path" step="$(step_of "$1")")
  if published "$1"; then settings+=(carry=0 dither=0 prior=0 schedule=constant); fi
  experiment "$(run_name "$@")" "${settings[@]}"
}

csv_run() { experiments_rows "$dataset,$model,$1,$2,$(step_of "$1"),$3" "$(run_name "$@")" | cut -d, -f1-8; }

bytes_run() { tail -n 1 "${experiments[out]}/runs/$(run_name "$@").csv" | sed "s/^/$1,$2,/"; }

# Means over seeds, a line a round that all of them measured: RULE MODE ROUND MEAN LOWEST HIGHEST.
means() {
  awk -F, -v seeds="$(tr , '\n' <<<"${experiments[seeds]}" | sort -u | wc -l)" 'NR > 1 { k = $3 " " $4 " " $7; if (!(k in n)) { low[k] = high[k] = $8 }
    n[k]++; sum[k] += $8; if ($8 < low[k]) low[k] = $8; if ($8 > high[k]) high[k] = $8 }
    END { for (k in n) if (n[k] == seeds) printf "%s %.4f %.4f %.4f\n", k, sum[k] / n[k], low[k], high[k] }' "$1" | sort -k1,1 -k2,2n -k3,3n
}

# Markdown: accuracy at sixths of the run, rounds to reach 90 and 95 percent of what majority reaches in mode 1, bytes.
table() {
  awk -v rounds="${experiments[rounds]}" -v columns="$(experiments_columns 6)" -v bytes_file="$2" -v title="$3" '
    function at(key, round,  r, best) {  # the last measurement until then
      best = "-"
      for (r = 1; r <= round; r++) if ((key, r) in mean) best = sprintf("%.1f", 100 * mean[key, r])
      return best
    }
    function reach(key, goal,  r) {
      if (goal == 0) return "?"
      for (r = 1; r <= rounds; r++) if ((key, r) in mean && mean[key, r] >= goal) return r
      return "never"
    }
    function size(bytes) { return bytes ? sprintf("%.1f MB", bytes / 1e6) : "-" }
    { key = $1 " " $2; mean[key, $3] = $4; seen[key] = 1 }
    key == "majority 1" { reference = $4 }
    END {
      while ((getline line < bytes_file) > 0) { split(line, b, ","); k = b[1] " " b[2]; runs[k]++; up[k] += b[5]; down[k] += b[6] }
      columns = split(columns, shown, " ")
      for (i = 1; i <= columns; i++) { head = head " " shown[i] " |"; line_below = line_below "--:|" }
      printf "# %s\n\nTest accuracy in percent by round, mean over seeds.\n\n", title
      printf "| mode | rule |%s 90 %% after | 95 %% after | sent | received |\n|---|---|%s--:|--:|--:|--:|\n", head, line_below
      split("majority it-signsgd agreement", rules, " ")
      for (mode = 1; mode <= 4; mode++) for (j = 1; j <= 3; j++) {
        k = rules[j] " " mode
        if (!(k in seen)) continue
        line = ""
        for (i = 1; i <= columns; i++) line = line " " at(k, shown[i]) " |"
        printf "| %d | %s |%s %s | %s | %s | %s |\n", mode, rules[j], line, reach(k, 0.9 * reference), reach(k, 0.95 * reference), size(up[k] / runs[k]), size(down[k] / runs[k])
      }
      if (reference) printf "\n90 and 95 percent: of the %.1f that majority ends with in mode 1. Sent and received: by one client in the whole run.\n", 100 * reference
    }' "$1"
}

# panels MEANS: gnuplot commands, a panel a mode that has rows.
panels() {
  local means=$1 mode rule curves
  local -A titles=([1]='15 clients of 64 samples' [2]='9 of 4, 6 of 154' [3]='12 of 4, 3 of 304' [4]='14 of 4, 1 of 904')
  local -A colours=([majority]='#D55E00' [it-signsgd]='#0072B2' [agreement]='#009E73')
  for mode in 1 2 3 4; do
    curves=''
    for rule in majority it-signsgd agreement; do
      grep -q "^$rule $mode " "$means" || continue
      curves+="${curves:+, }'< grep \"^$rule $mode \" $means' using 3:5:6 with filledcurves fillcolor '${colours[$rule]}' notitle"
      curves+=", '< grep \"^$rule $mode \" $means' using 3:4 with lines linewidth 2 linecolor '${colours[$rule]}' title '$rule'"
    done
    [[ -z $curves ]] || printf "set title 'mode %d: %s'\nplot %s\n" "$mode" "${titles[$mode]}" "$curves"
  done
}

# draw MEANS OUT: a panel a mode, two in a row.
draw() {
  local count=$(((${#modes} + 1) / 2))
  local rows=$(((count + 1) / 2))
  experiments_draw "$2" 1300 $((475 * rows)) <<END_OF_PLOT
set multiplot layout $rows,$((count > 1 ? 2 : 1)) title 'Test accuracy by round: $dataset, $model, 15 clients; mean and range over seeds ${experiments[seeds]}'
set key bmargin center horizontal Left reverse
set xrange [0:${experiments[rounds]}]
set style fill transparent solid 0.2 noborder
$(panels "$1")
unset multiplot
END_OF_PLOT
}

main() {
  experiments_defaults
  experiments[rounds]=600 experiments[seeds]=0,1,2
  parse "$@"
  data_path=$(experiments_data "$dataset")
  each plan_run
  if ${experiments[dry_run]}; then
    experiments_list
    return
  fi
  experiments_run

  local work
  work=$(mktemp -d)
  { echo dataset,model,rule,mode,step,seed,round,accuracy && each csv_run; } >"$work/rows"
  each bytes_run >"$work/bytes"
  means "$work/rows" >"$figure.means"
  table "$figure.means" "$work/bytes" "$dataset, $model, ${experiments[rounds]} rounds, published rules at step $step, seeds ${experiments[seeds]}" >"$work/table"
  draw "$figure.means" "$figure"
  mv -- "$work/rows" "$figure.csv"
  mv -- "$work/table" "$figure.md"
  rm -rf -- "$work" "$figure.means"
  cat "$figure.md"
  echo
  echo "figure: $figure.png, $figure.svg; rows: $figure.csv; table: $figure.md"
}

main "$@"
