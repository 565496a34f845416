#!/usr/bin/env bash
# webvtt-py 0.5.1 (PyPI): the text of a caption with tags and a character reference, both part of WebVTT's cue text.
# Guess: Caption.text is what a viewer reads: tags are taken away and &amp; is &.
# Seen: tags go, references stay: "salt &amp; pepper", so a tokenizer sees the word "amp".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install webvtt-py==0.5.1
cd "$work"
printf 'WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n<v Anna>salt &amp; <i>pepper</i></v>\n' >clip.vtt
"$work/venv/bin/python" - <<'PYTHON'
import sys, webvtt
caption = webvtt.read("clip.vtt")[0]
print("text:", caption.text, " voice:", caption.voice)
sys.exit(0 if caption.text == "salt &amp; pepper" and caption.voice == "Anna" else 1)
PYTHON
