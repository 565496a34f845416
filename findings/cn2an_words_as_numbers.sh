#!/usr/bin/env bash
# cn2an 0.5.24 (PyPI; Chinese numerals to digits, a step of text normalisation): words that hold a character for a number.
# Guess: transform() changes numbers (三百五 to 350) and leaves words such as 一般 (so-so), 十分 (very) and 一塌糊涂 (a mess).
# Seen: 1般, 10分 and 1塌糊涂: "very good" reads as "10 points, good", and no word list or vocabulary knows the others.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install cn2an==0.5.24 setuptools==65.5.0
"$work/venv/bin/python" - <<'PYTHON'
import sys, cn2an
texts = "看了三百五十遍", "这部电影一般", "十分好看", "剧情一塌糊涂", "乱七八糟"
seen = [cn2an.transform(text, "cn2an") for text in texts]
print(dict(zip(texts, seen)))
sys.exit(0 if seen == ["看了350遍", "这部电影1般", "10分好看", "剧情1塌糊涂", "乱78糟"] else 1)
PYTHON
