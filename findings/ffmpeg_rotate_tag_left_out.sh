#!/usr/bin/env bash
# The ffmpeg programs of imageio-ffmpeg 0.4.9 (4.2.2) and 0.6.0 (7.0.2), both from PyPI: `-metadata:s:v rotate=90`, with
# which data sets of upright clips are made from phone videos, and tests of them.
# Guess: it turns the video in both, or the newer one says that the tag means nothing any more.
# Seen: the older one turns it and does not list the tag. The newer one lists "rotate : 90" among the tags of its output,
# ends with exit code 0, and the file has neither the tag nor a rotation: who writes -display_rotation before -i gets one.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
program() { # VERSION
  python3 -m venv "$work/$1"
  "$work/$1/bin/pip" -q install setuptools==75.8.0 imageio-ffmpeg=="$1" >&2
  "$work/$1/bin/python" -c 'import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())'
}
turned() { # PROGRAM: what it says of its output, and what the file says
  local said held
  "$1" -v error -y -f lavfi -i testsrc=size=96x64:rate=10:duration=1 -c:v libx264 -pix_fmt yuv420p "$work/stored.mp4"
  said=$("$1" -y -i "$work/stored.mp4" -c copy -metadata:s:v rotate=90 "$work/turned.mp4" 2>&1)
  if grep -q 'rotate *: 90' <<<"$said"; then printf 'listed '; fi
  held=$("$1" -i "$work/turned.mp4" 2>&1 || true)  # without an output it ends with 1
  if grep -qE 'rotation of|rotate *:' <<<"$held"; then printf 'turned'; else printf 'as stored'; fi
}
old=$(program 0.4.9) new=$(program 0.6.0)
was=$(turned "$old") is=$(turned "$new")
printf '%s: %s\n%s: %s\n' "$("$old" -version | head -n 1 | cut -d' ' -f1-3)" "$was" "$("$new" -version | head -n 1 | cut -d' ' -f1-3)" "$is"
[ "$was" = "turned" ] && [ "$is" = "listed as stored" ]
