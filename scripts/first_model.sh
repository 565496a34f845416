#!/usr/bin/env bash
# A model to start with, for `kuda predict FOLDER --video clip.mp4`. It learns from the texts and labels of CMU-MOSI and
# from nothing else: of a video it reads the words, neither voice nor face, and says so. Takes minutes on two cores.
#   scripts/first_model.sh KUDA LABELS FOLDER [options of kuda train]
# LABELS is MOSI's label.csv (video_id, clip_id, text, label, mode), which is not ours to pass on: it comes with the data
# sets of https://github.com/thuiar/MMSA as MOSI/label.csv. Any such table with scores from -3 to 3 will do, MOSEI's too.
# The data set goes to FOLDER-texts, the run to FOLDER. What is finished is not done again.
set -euo pipefail
stop() { printf 'first_model: %s\n' "$*" >&2; exit 2; }
[ $# -ge 3 ] || stop "expected KUDA LABELS FOLDER, found $# arguments"
kuda=$1 labels=$2 folder=$3
shift 3
root=$(cd "$(dirname "$0")/.." && pwd)
[ -f "$labels" ] || stop "$labels: there is no such file; MOSI/label.csv of https://github.com/thuiar/MMSA is what is needed"
for weights in encoders/minilm extractors/default; do
  [ -d "$root/$weights" ] || stop "$weights is not there: scripts/setup.sh --extractor brings it"
done

texts=$folder-texts
if [ ! -f "$texts/dataset.toml" ]; then
  "$kuda" data import "$labels" "$texts" --name mosi-texts --language en --family mosi --range -3 3
fi
# How the words of raw video are heard: the checkpoint takes the recipe of its data along, and the weights.
"$kuda" config --recipe >"$texts/recipe.toml"

"$kuda" train -d "$texts" -c "$root/configs/text_only_mosi.toml" --encoder "$root/encoders/minilm" \
  --extractor "$root/extractors/default" --out "$folder" "$@" >/dev/null
"$kuda" evaluate "$folder" -d "$texts"
echo
echo "next: $kuda predict $folder --video clip.mp4 --json    (English; the words alone)"
