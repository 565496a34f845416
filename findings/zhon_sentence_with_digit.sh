#!/usr/bin/env bash
# zhon 2.1.1 (PyPI): its pattern of a Chinese sentence, on sentences that hold a digit or a Latin word.
# Guess: re.findall(zhon.hanzi.sentence, text) gives the sentence: "我不会看第2遍。" (I will not watch it a second time).
# Seen: "遍。": what stands before the last digit or Latin letter is left out, and the negation with it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install zhon==2.1.1
"$work/venv/bin/python" - <<'PYTHON'
import re, sys
import zhon.hanzi
seen = [re.findall(zhon.hanzi.sentence, text) for text in ("我不会看第二遍。", "我不会看第2遍。", "我不喜欢这个vlog的结尾。")]
print(seen)
sys.exit(0 if seen == [["我不会看第二遍。"], ["遍。"], ["的结尾。"]] else 1)
PYTHON
