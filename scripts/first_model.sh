#!/usr/bin/env bash
# A model to start with, for `kuda predict FOLDER/text --video clip.mp4`. It learns from the texts and labels of CMU-MOSI
# and from nothing else: of a video it reads the words, neither voice nor face, and says so. It is stage 1 of KuDA, the
# text alone. Takes minutes.
#   scripts/first_model.sh KUDA LABELS FOLDER [options of kuda pretrain]
# LABELS is MOSI's label.csv (video_id, clip_id, text, label, mode), which is not ours to pass on: it comes with the data
# sets of https://github.com/thuiar/MMSA as MOSI/label.csv. Any such table with scores from -3 to 3 will do, MOSEI's too.
# What is finished is not done again.
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

mkdir -p "$folder"
texts=$folder/mosi-texts
if [ ! -f "$texts/dataset.toml" ]; then
  "$kuda" data import "$labels" "$texts" --name mosi-texts --language en --family mosi --range -3 3
fi
# How the words of raw video are heard: a checkpoint takes the recipe of its data along.
"$kuda" config --recipe >"$texts/recipe.toml"

"$kuda" pretrain -d "$texts" -c "$root/configs/text_only_mosi.toml" --encoder "$root/encoders/minilm" --out "$folder" "$@"
# And the weights that the recipe names, as links where the file system has them.
kept=$folder/text/model/extractor
if [ ! -d "$kept" ]; then
  rm -rf "$kept.tmp"
  mkdir "$kept.tmp"
  cp -RLl "$root/extractors/default/." "$kept.tmp" 2>/dev/null || cp -RL "$root/extractors/default/." "$kept.tmp"
  mv "$kept.tmp" "$kept"
fi
"$kuda" evaluate "$folder/text" -d "$texts"
echo
echo "next: $kuda predict $folder/text --video clip.mp4 --json    (English; the words alone)"
