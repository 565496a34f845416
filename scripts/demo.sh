#!/usr/bin/env bash
# The demonstration behind `make demo`: synthetic clips, both training stages, evaluation, a table. A run that was
# stopped goes on; a finished one is not done again (`rm -r FOLDER` starts afresh).
#   scripts/demo.sh KUDA FOLDER
set -euo pipefail
kuda=$1 folder=$2
root=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$folder"
options=(-d "$folder/clips" -c "$root/configs/kuda_demo.toml" --encoder "$root/encoders/minilm")
say() { printf '\n== %s\n' "$*"; }

cat <<'END'

The demonstration takes about a minute on two cores. It
  1. makes 520 synthetic clips in which it is known which modality carries the truth;
  2. trains KuDA on text, vision and audio (the longest step, about half of the time);
  3. trains the same model with text alone;
  4. scores the test clips, with intervals;
  5. asks whether the other modalities helped, clip by clip.
END

say "1/5  Synthetic clips: which modality carries the truth, and which is noise, is known (docs/synthetic.md)"
if [ ! -f "$folder/clips/truth.csv" ]; then
  # Few and short clips: what a minute allows.
  "$kuda" data synth "$folder/clips" --train 240 --valid 80 --test 200 --text-length 12 --vision-length 12 --audio-length 16
fi

say "2/5  KuDA: stage 1 (each modality alone), then stage 2 (all three)"
"$kuda" train "${options[@]}" --out "$folder/kuda" >/dev/null

say "3/5  The same model with text alone"
"$kuda" train "${options[@]}" --modalities T --pretrained "$folder/kuda/pretrain" --out "$folder/text-only" >/dev/null

say "4/5  KuDA on the test clips, beside its own text decoder and the predictors that look at no clip"
"$kuda" evaluate "$folder/kuda" -d "$folder/clips" --out "$folder/report"

say "5/5  KuDA against the same model trained on text alone"
"$kuda" compare "$folder/kuda" "$folder/text-only" -d "$folder/clips" --clips 3
echo
echo "report:      $folder/report (report.json, predictions.csv)"
echo "run folders: $folder/kuda, $folder/text-only (config.toml, epochs.jsonl, metrics.json, model/)"
echo "next:        $kuda predict $folder/kuda -d $folder/clips --split test"
