#!/usr/bin/env bash
# Runs every libFuzzer target of a build folder for a fixed number of executions, starting from the kept corpus and the
# test files. A finding ends the run and leaves the input beside the target.
#   scripts/fuzz.sh BUILD_DIR RUNS
set -euo pipefail
build=$(cd "$1" && pwd) runs=$2
root=$(cd "$(dirname "$0")/.." && pwd)
found=0
for target in "$build"/fuzz/fuzz_*; do
  [ -f "$target" ] && [ -x "$target" ] || continue
  found=1
  reader=${target##*/fuzz_}
  folders=("$root/fuzz/corpus/$reader")
  case $reader in
    pickle) folders+=("$root/tests/data/pickle") ;;
    npy | npz) folders+=("$root/tests/data/numpy") ;;
    torch_zip) folders+=("$root/tests/data/torch") ;;
  esac
  new=$(mktemp -d) # libFuzzer writes new inputs to the first folder and only reads the others
  printf '%s: ' "$reader"
  if ! "$target" "$new" "${folders[@]}" -seed=1 -runs="$runs" -max_len=65536 -timeout=10 -rss_limit_mb=2048 \
    -artifact_prefix="$build/fuzz/$reader-" -print_final_stats=1 >"$build/fuzz/$reader.log" 2>&1; then
    tail -n 40 "$build/fuzz/$reader.log"
    exit 1
  fi
  echo "$(sed -n 's/^stat::number_of_executed_units: *//p' "$build/fuzz/$reader.log") executions, no finding," \
    "$(find "$new" -type f | wc -l) new inputs"
  rm -rf "$new"
done
[ $found -eq 1 ] || { echo "no fuzz target in $build/fuzz" >&2; exit 1; }
