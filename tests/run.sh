#!/usr/bin/env bash
# Installs what is missing, builds everything, runs every test. The last line is "N passed, M failed".
set -euo pipefail

# attribute FILE NAME: a number of the JUnit file's <testsuite>.
attribute() {
  grep -m 1 -o "\b$2=\"[0-9]*\"" -- "$1" | tr -dc '0-9'
}

# A tree that does not build counts as one failed test.
fail() {
  echo "tests: $1" >&2
  echo "0 passed, 1 failed"
  exit 1
}

main() {
  cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
  deploy/install-deps.sh || fail "packages are missing"
  deploy/build.sh || fail "the build failed"

  local report=build/tests.xml code=0
  rm -f -- "$report"
  ctest --test-dir build --parallel "$(nproc)" --output-on-failure --output-junit tests.xml || code=$?
  [[ -f $report ]] || fail "ctest wrote no report (exit code $code)"

  local total failed skipped
  total=$(attribute "$report" tests)
  failed=$(attribute "$report" failures)
  skipped=$(($(attribute "$report" disabled) + $(attribute "$report" skipped)))
  ((skipped == 0)) || echo "tests: $skipped skipped"
  ((total > 0)) || fail "ctest found no tests"
  if ((code != 0 && failed == 0)); then
    fail "ctest ended with exit code $code"
  fi
  echo "$((total - failed - skipped)) passed, $failed failed"
  ((failed == 0))
}

main "$@"
