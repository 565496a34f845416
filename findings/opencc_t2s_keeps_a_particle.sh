#!/usr/bin/env bash
# OpenCC 1.4.2 (PyPI): "t2s", from traditional to simplified characters, on texts as people in Taiwan and speech
# recognisers write them.
# Guess: 他看著我 ("he is looking at me") becomes 他看着我: the particle of what is going on is one of the most frequent
# words, and all of these are traditional characters.
# Seen: 著 stays in each of them; "tw2s" changes it, and leaves it in 著名 ("famous"), where it is right.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install OpenCC==1.4.2
"$work/venv/bin/python" - <<'PYTHON'
import sys
import opencc
texts = ("他看著我", "孩子睡著了", "他很著急", "著名的電影")
seen = {name: [opencc.OpenCC(name).convert(text) for text in texts] for name in ("t2s", "tw2s")}
print(seen)
expected = {"t2s": ["他看著我", "孩子睡著了", "他很著急", "著名的电影"],
            "tw2s": ["他看着我", "孩子睡着了", "他很着急", "著名的电影"]}
sys.exit(0 if seen == expected else 1)
PYTHON
