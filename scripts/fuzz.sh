#!/usr/bin/env bash
# Runs every libFuzzer target of a build folder over its kept corpus for a fixed number of executions.
#   scripts/fuzz.sh BUILD_DIR RUNS
set -euo pipefail
build=$1 runs=$2
root=$(cd "$(dirname "$0")/.." && pwd)
found=0
for target in "$build"/fuzz/*_fuzz; do
  [ -x "$target" ] || continue
  found=1
  name=$(basename "$target")
  scratch=$(mktemp -d)
  # New inputs go to the scratch folder, which libFuzzer reads and writes first; the kept corpus is only read.
  "$target" "$scratch" "$root/fuzz/corpus/${name%_fuzz}" -runs="$runs" -max_len=65536 -timeout=10 \
    -rss_limit_mb=2048 -artifact_prefix="$build/" 2>&1 | tail -n 3
  rm -rf "$scratch"
  echo "$name: $runs executions, no finding"
done
[ $found -eq 1 ] || { echo "no fuzz target in $build/fuzz" >&2; exit 1; }
