#!/usr/bin/env bash
# Asks `kuda serve` what its OpenAPI document allows and what it does not, with schemathesis, and fails where an answer is
# another than the document promises. Not in the default suite: it takes minutes, and a package from the net.
#
#   tests/openapi_fuzz.sh build/release/src/kuda/apps/kuda [SECONDS, 600 by default]
set -euo pipefail
kuda=$(realpath "$1") seconds=${2:-600}
root=$(cd "$(dirname "$0")/.." && pwd)
folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet 'schemathesis==4.32.5' numpy
"$kuda" data synth clips --train 16 --valid 6 --test 6 --vision-length 16 --audio-length 20 >/dev/null
"$kuda" train -d clips -m tfn --encoder "$root/encoders/minilm" --out run --set train.epochs=1 >/dev/null
"$kuda" serve run -d clips --port 0 >serving & server=$!
until grep -q http: serving; do kill -0 "$server"; sleep 0.2; done
url=$(sed 's/.*on //' serving)
# An unknown clip is 404, too many requests are 503: both are promised. Without an extractor no video gets a time line.
PYTHONDONTWRITEBYTECODE=1 KUDA_URL=$url SCHEMATHESIS_HOOKS=openapi_fuzz PYTHONPATH=$root/tests venv/bin/st run "$url/openapi.json" \
  --exclude-path /v1/timeline --max-time "$seconds" --workers 1 --continue-on-failure --no-color --generation-database none
kill -0 "$server"  # it lives
