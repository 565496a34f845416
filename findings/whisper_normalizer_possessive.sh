#!/usr/bin/env bash
# whisper-normalizer 0.1.15 (PyPI; the text normaliser of Whisper's word error rates): a possessive, and words in parentheses.
# Guess: "John's film (really) moved me" keeps its words: "john's film really moved me".
# Seen: "john is film moved me": each 's becomes "is", and what stands in parentheses is dropped with them. Good for error
# rates, where both sides get it; as the text of a sentiment model it is another sentence.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install whisper-normalizer==0.1.15
"$work/venv/bin/python" - <<'PYTHON'
import sys
from whisper_normalizer.english import EnglishTextNormalizer
seen = EnglishTextNormalizer()("John's film (really) moved me")
print(seen)
sys.exit(0 if seen == "john is film moved me" else 1)
PYTHON
