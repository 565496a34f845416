#!/usr/bin/env bash
# liwc 0.5.0 (PyPI; reads LIWC dictionaries): a stem that begins with a shorter stem.
# Guess: with "hope*" (positive) and "hopeless*" (negative) in the dictionary, "hopeless" is negative: the longest entry decides.
# Seen: it is positive, and so is it when "hopeless" stands there as a whole word: the shortest stem ends the search.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install liwc==0.5.0
"$work/venv/bin/python" - "$work" <<'PYTHON'
import sys, liwc
path = sys.argv[1] + "/words.dic"
with open(path, "w") as file:
    file.write("%\n1\tpositive\n2\tnegative\n%\nhope*\t1\nhopeless*\t2\ncare*\t1\ncareless\t2\n")
parse, _ = liwc.load_token_parser(path)
seen = {word: list(parse(word)) for word in ("hopeful", "hopeless", "careless")}
print(seen)
sys.exit(0 if all(found == ["positive"] for found in seen.values()) else 1)
PYTHON
