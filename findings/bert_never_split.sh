#!/usr/bin/env bash
# transformers 5.24.0 (PyPI): never_split in the tokenizer_config.json of a BERT folder.
# Guess: the words listed there stay whole, as in the versions up to 4, or a warning says that they no longer do.
# Seen: nothing is said, and the marker "<laugh>" is cut into "<", "laugh" and ">".
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
words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "film", "<laugh>", "<", "laugh", ">"]
bare = Tokenizer(models.WordPiece({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
bare.normalizer = normalizers.BertNormalizer(lowercase=False)
bare.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
os.mkdir("cased")
bare.save("cased/tokenizer.json")

with open("cased/tokenizer_config.json", "w") as file:
    json.dump({"do_lower_case": False, "never_split": ["<laugh>"]}, file)
seen = BertTokenizer.from_pretrained("cased").tokenize("film <laugh>")
print("pieces:", seen)
sys.exit(0 if seen == ["film", "<", "laugh", ">"] else 1)
PYTHON
