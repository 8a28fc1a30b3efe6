#!/usr/bin/env bash
# Installs what is missing, builds, runs every test; in one way or in several, a lane each. The last line is
# "N passed, M failed", over all lanes that ran.
set -euo pipefail

all_lanes=(release asan tsan)

usage() {
  cat <<END
usage: tests/run.sh [--lane NAME]...
Lanes, by default all:
  release  GCC, optimised, with LibTorch: every test
  asan     Clang, its thread-safety analysis an error; AddressSanitizer, UndefinedBehaviorSanitizer and libFuzzer,
           without LibTorch: every test, and each fuzz target a little further than its corpus
  tsan     Clang, ThreadSanitizer, without LibTorch: the tests that start threads, simulations, a server under load
JOBS=N sets how many compilers and tests run at once.
END
}

passed=0 failed=0

# attribute FILE NAME: a number of the JUnit file's <testsuite>.
attribute() {
  grep -m 1 -o "\b$2=\"[0-9]*\"" -- "$1" | tr -dc '0-9'
}

# A lane that does not build, or has nothing to run, counts as one failed test.
fail() {
  echo "tests: $1" >&2
  ((++failed))
}

# run_tests LANE CTEST_ARGUMENT...
run_tests() {
  local lane=$1 directory=build-$1 code=0
  shift
  [[ $lane == release ]] && directory=build
  local report=$directory/tests.xml
  rm -f -- "$report"
  ctest --preset "$lane" --parallel "${JOBS:-$(nproc)}" --output-junit tests.xml "$@" || code=$?
  if [[ ! -f $report ]]; then
    fail "$lane: ctest wrote no report (exit code $code)"
    return
  fi
  local total bad skipped
  total=$(attribute "$report" tests)
  bad=$(attribute "$report" failures)
  skipped=$(($(attribute "$report" disabled) + $(attribute "$report" skipped)))
  ((skipped == 0)) || echo "tests: $lane: $skipped skipped"
  passed=$((passed + total - bad - skipped))
  failed=$((failed + bad))
  if ((total == 0)); then
    fail "$lane: ctest found no tests"
  elif ((code != 0 && bad == 0)); then
    fail "$lane: ctest ended with exit code $code"
  fi
}

run_lane() {
  local lane=$1 begin=$SECONDS targets=() tests=()
  echo "tests: lane $lane"
  [[ $lane != tsan ]] || targets=(threads) tests=(-L threads)
  if deploy/build.sh --preset "$lane" "${targets[@]}"; then
    echo "tests: lane $lane was built after $((SECONDS - begin)) s"
    run_tests "$lane" "${tests[@]}"
  else
    fail "$lane: the build failed"
  fi
  echo "tests: lane $lane took $((SECONDS - begin)) s"
}

main() {
  cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
  local lanes=() lane
  while (($# > 0)); do
    case $1 in
      --lane) lanes+=("${2:?--lane needs a name}") && shift 2 ;;
      --help | -h) usage && exit 0 ;;
      *) usage >&2 && exit 2 ;;
    esac
  done
  ((${#lanes[@]} > 0)) || lanes=("${all_lanes[@]}")
  local packages=()
  for lane in "${lanes[@]}"; do
    if ! [[ " ${all_lanes[*]} " == *" $lane "* ]]; then
      usage >&2
      exit 2
    fi
    [[ $lane == release ]] || packages=(--dev)
  done

  if deploy/install-deps.sh "${packages[@]}"; then
    for lane in "${lanes[@]}"; do run_lane "$lane"; done
  else
    fail "packages are missing"
  fi
  echo "$passed passed, $failed failed"
  ((failed == 0))
}

main "$@"
