#!/usr/bin/env bash
# How much `kuda serve` answers, and how fast, with batches and without; and whether its memory stays flat (README.md).
#   bench/serve_load.sh KUDA RUN [--only load|memory] [--connections "1 16"] [--repeats N] [--seconds S]
#                       [--lengths mixed|equal] [--requests N]
# KUDA is the program, RUN a run folder whose model reads raw text. Drives servers of its own on 127.0.0.1 with wrk.
# Exit code 1: an answer other than 200, a request without an answer, or a server that did not end well.
set -euo pipefail

usage() {
  sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
  exit 2
}
[ $# -ge 2 ] || usage
kuda=$1 run=$2
shift 2
only=both connections="1 16" repeats=3 seconds=10 lengths=mixed requests=100000
while [ $# -gt 0 ]; do
  [ $# -ge 2 ] || usage
  case $1 in
    --only) only=$2 ;;
    --connections) connections=$2 ;;
    --repeats) repeats=$2 ;;
    --seconds) seconds=$2 ;;
    --lengths) lengths=$2 ;;
    --requests) requests=$2 ;;
    *) usage ;;
  esac
  shift 2
done
case $only in both | load | memory) ;; *) usage ;; esac
case $lengths in mixed | equal) ;; *) usage ;; esac
if ! command -v wrk >/dev/null; then
  echo "wrk is not installed: apt-get install wrk" >&2
  exit 1
fi

work=$(mktemp -d)
failed=0
clean_up() {
  local child
  for child in $(jobs -pr); do kill -KILL "$child" 2>/dev/null || true; done
  rm -rf "$work"
}
trap clean_up EXIT

# start NAME OPTION... : sets $server and $port.
start() {
  local name=$1
  shift
  : >"$work/$name.out"  # the child makes it a moment later than it is read
  "$kuda" serve "$run" --port 0 "$@" >"$work/$name.out" 2>"$work/$name.err" &
  server=$!
  until grep -q 'http://' "$work/$name.out"; do
    if ! kill -0 "$server" 2>/dev/null; then
      cat "$work/$name.err" >&2
      exit 1
    fi
    sleep 0.1
  done
  port=$(sed -n 's/.*http:.*://p' "$work/$name.out" | head -n 1)
}

stop() {  # SERVER
  local code=0
  kill -TERM "$1"
  wait "$1" || code=$?
  if [ "$code" -ne 0 ]; then
    echo "the server ended with exit code $code" >&2
    failed=1
  fi
}

metrics() {  # PORT
  exec 3<>"/dev/tcp/127.0.0.1/$1"
  printf 'GET /metrics HTTP/1.0\r\n\r\n' >&3
  cat <&3
  exec 3>&-
}

# How many requests were answered with 200.
answered() {  # PORT
  metrics "$1" | awk '/^kuda_requests_total.*"\/v1\/predict",status="200"/ { count = $2 } END { print count + 0 }'
}

other_answers() {  # PORT NAME
  local others
  others=$(metrics "$1" | grep '^kuda_requests_total' | grep -v 'status="200"' | tr -d '\r' || true)
  [ -n "$others" ] || return 0
  printf 'answers other than 200 (%s):\n%s\n' "$2" "$others"
  failed=1
}

# Texts of 3 to 60 words, the same ones in the same order every time, or all of 16 words.
cat >"$work/clips.lua" <<'LUA'
local words = {"the", "film", "is", "a", "fine", "and", "quiet", "one", "but", "I", "did", "not", "like", "how", "it",
               "ends", "really", "great", "terrible", "acting", "slow", "story", "music", "loved", "boring"}
local lengths = os.getenv("KUDA_LENGTHS") == "equal" and {16} or {3, 5, 8, 12, 16, 22, 30, 42, 60}
local requests, next_request = {}, 0
wrk.method = "POST"
wrk.path = "/v1/predict"
wrk.headers["Content-Type"] = "application/json"

function init()
  math.randomseed(1111)
  for i = 1, 360 do
    local text = {}
    for j = 1, lengths[(i - 1) % #lengths + 1] do text[j] = words[math.random(#words)] end
    requests[i] = wrk.format(nil, nil, nil, '{"text": "' .. table.concat(text, " ") .. '"}')
  end
end

function request()
  next_request = next_request % #requests + 1
  return requests[next_request]
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format("RESULT %.3f %.4f %.4f %d %d", summary.requests / (summary.duration / 1e6),
                      latency:percentile(50) / 1000, latency:percentile(99) / 1000, errors.status,
                      errors.connect + errors.read + errors.write + errors.timeout))
end
LUA
export KUDA_LENGTHS=$lengths

drive() {  # PORT CONNECTIONS SECONDS
  wrk -t 1 -c "$2" -d "${3}s" --timeout 60s -s "$work/clips.lua" "http://127.0.0.1:$1" >"$work/wrk.out" 2>&1
  sed -n 's/^RESULT //p' "$work/wrk.out"
}

median() {  # FILE COLUMN
  awk -v column="$2" '{ print $column }' "$1" | sort -g |
    awk '{ value[NR] = $1 } END { print NR % 2 ? value[(NR + 1) / 2] : (value[NR / 2] + value[NR / 2 + 1]) / 2 }'
}

sum() { awk -v column="$2" '{ total += $column } END { print total + 0 }' "$1"; }  # FILE COLUMN

load() {
  start off --max-batch 1
  local off=$server off_port=$port
  start on
  local on=$server on_port=$port
  echo "load: $lengths lengths, medians of $repeats turns of $seconds s each; off: --max-batch 1, on: the default"
  drive "$off_port" 4 2 >/dev/null
  drive "$on_port" 4 2 >/dev/null
  printf '%11s %9s %12s %9s %9s %9s %9s\n' connections batching requests/s 'p50 ms' 'p99 ms' 'not 200' unanswered
  local count turn name
  for count in $connections; do
    for turn in $(seq "$repeats"); do  # in turn, so that whatever else the machine does meets both
      drive "$off_port" "$count" "$seconds" >>"$work/off-$count"
      drive "$on_port" "$count" "$seconds" >>"$work/on-$count"
    done
    for name in off on; do
      local file=$work/$name-$count
      printf '%11s %9s %12.1f %9.2f %9.2f %9s %9s\n' "$count" "$name" "$(median "$file" 1)" "$(median "$file" 2)" \
        "$(median "$file" 3)" "$(sum "$file" 4)" "$(sum "$file" 5)"
      [ "$(sum "$file" 5)" = 0 ] || failed=1
    done
    paste -d ' ' <(for i in 1 2 3; do median "$work/on-$count" $i; done) \
      <(for i in 1 2 3; do median "$work/off-$count" $i; done) |
      awk -v count="$count" '{ ratio[NR] = $2 > 0 ? $1 / $2 : 0 }
        END { printf "%11s %9s %12.2f %9.2f %9.2f\n", count, "on/off", ratio[1], ratio[2], ratio[3] }'
  done
  other_answers "$off_port" "batching off"
  other_answers "$on_port" "batching on"
  stop "$off"
  stop "$on"
}

resident() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; }  # SERVER

memory() {
  start memory
  local memory_server=$server memory_port=$port
  drive "$memory_port" 16 1 >/dev/null  # what is made at the first request is no growth
  local begin count driver
  begin=$(answered "$memory_port")
  echo "0 $(resident "$memory_server")" >"$work/samples"
  wrk -t 1 -c 16 -d 86400s --timeout 60s -s "$work/clips.lua" "http://127.0.0.1:$memory_port" >"$work/wrk.out" 2>&1 &
  driver=$!
  for (( ; ; )); do
    sleep 1
    if ! kill -0 "$memory_server" "$driver" 2>/dev/null; then
      echo "the server or wrk has ended:" >&2
      cat "$work/memory.err" "$work/wrk.out" >&2
      exit 1
    fi
    count=$(($(answered "$memory_port") - begin))
    echo "$count $(resident "$memory_server")" >>"$work/samples"
    [ "$count" -lt "$requests" ] || break
  done
  kill -INT "$driver"
  wait "$driver" || true
  awk -v requests="$requests" '
    { count[NR] = $1; size[NR] = $2; if ($2 > most) most = $2 }
    function at(share,   i) { for (i = 1; i < NR && count[i] < share * requests; ++i); return size[i] / 1024 }
    END {
      for (i = 1; i <= NR; ++i) if (count[i] >= 0.75 * requests) {
        ++n; x += count[i]; y += size[i]; xx += count[i] * count[i]; xy += count[i] * size[i]
      }
      spread = n * xx - x * x
      printf "memory: %d requests answered with 200, resident MiB\n", count[NR]
      printf "%9s %9s %9s %9s %9s %33s\n", "start", "10 %", "20 %", "end", "most", "KiB per 1000 in the last quarter"
      printf "%9.1f %9.1f %9.1f %9.1f %9.1f %33s\n", size[1] / 1024, at(0.1), at(0.2), size[NR] / 1024, most / 1024,
             (spread > 0 ? sprintf("%.2f", 1000 * (n * xy - x * y) / spread) : "too few samples")
    }' "$work/samples"
  local unanswered
  unanswered=$(sed -n 's/^RESULT //p' "$work/wrk.out" | awk '{ print $5 }')
  echo "requests without an answer: ${unanswered:-unknown}"
  [ "${unanswered:-1}" = 0 ] || failed=1
  other_answers "$memory_port" memory
  stop "$memory_server"
}

[ "$only" = memory ] || load
[ "$only" = load ] || memory
exit "$failed"
