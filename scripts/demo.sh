#!/usr/bin/env bash
# The demonstration behind `make demo`: synthetic clips, both training stages, evaluation, a table. A run that was
# stopped goes on; a finished one is not done again (`rm -r FOLDER` starts afresh).
#   scripts/demo.sh KUDA FOLDER
set -euo pipefail
kuda=$1 folder=$2
root=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$folder"
options=(-d "$folder/clips" -c "$root/configs/kuda_demo.toml" --encoder "$folder/encoder")
say() { printf '\n== %s\n' "$*"; }

cat <<'END'

The demonstration takes about half a minute on two cores. It
  1. makes 520 synthetic clips in which it is known which modality carries the truth;
  2. trains KuDA on text, vision and audio (the longest step, about half of the time);
  3. trains the same model with text alone;
  4. scores the test clips, with intervals;
  5. asks whether the other modalities helped, clip by clip;
  6. asks which modality decided, and whether it was the one that carries the truth.
END

say "1/6  Synthetic clips: which modality carries the truth, and which is noise, is known (docs/synthetic.md)"
if [ ! -f "$folder/clips/truth.csv" ]; then
  # Few and short clips: what a minute allows.
  "$kuda" data synth "$folder/clips" --train 240 --valid 80 --test 200 --text-length 12 --vision-length 12 --audio-length 16
fi
# Two layers of the text encoder, and the words that occur.
[ -f "$folder/encoder/config.json" ] ||
  "$kuda" data encoder "$folder/clips" "$root/encoders/minilm" "$folder/encoder" --layers 2

say "2/6  KuDA: stage 1 (each modality alone), then stage 2 (all three)"
"$kuda" train "${options[@]}" --out "$folder/kuda" >/dev/null

say "3/6  The same model with text alone"
"$kuda" train "${options[@]}" --modalities T --pretrained "$folder/kuda/pretrain" --out "$folder/text-only" >/dev/null

say "4/6  KuDA on the test clips, beside its own text decoder and the predictors that look at no clip"
"$kuda" evaluate "$folder/kuda" -d "$folder/clips" --out "$folder/report"

say "5/6  KuDA against the same model trained on text alone"
"$kuda" compare "$folder/kuda" "$folder/text-only" -d "$folder/clips" --clips 3

say "6/6  Which modality decided? (ratio: how much KuDA leans on each; part: what each adds to the score)"
"$kuda" explain "$folder/kuda" -d "$folder/clips" --most 5
echo
echo "report:      $folder/report (report.json, predictions.csv)"
echo "run folders: $folder/kuda, $folder/text-only (config.toml, epochs.jsonl, metrics.json, model/)"
echo "next:        $kuda predict $folder/kuda -d $folder/clips --split test"
