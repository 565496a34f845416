#!/usr/bin/env bash
# transformers 5.24.0 beside tokenizers 0.23.3 (PyPI): BertTokenizer reads a tokenizer.json whose normalizer keeps capitals.
# Guess: the folder holds only that file, so its normalizer applies: "Good film" gives the pieces Good and film in both.
# Seen: BertTokenizer takes the words of the file but not its normalizer and lower-cases: a cased model gets the ids of other words.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install transformers==5.24.0 tokenizers==0.23.3
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import json, os, sys
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import BertTokenizer
words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "Good", "film"]
bare = Tokenizer(models.WordPiece({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
bare.normalizer = normalizers.BertNormalizer(lowercase=False)
bare.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
os.mkdir("cased")
bare.save("cased/tokenizer.json")

seen = (bare.encode("Good film").tokens, BertTokenizer.from_pretrained("cased").tokenize("Good film"))
print("tokenizers, transformers:", seen)
sys.exit(0 if seen == (["Good", "film"], ["good", "film"]) else 1)
PYTHON
