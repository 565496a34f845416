"""Writes answers.json: ids that transformers gives for small tokenizer folders of every kind that people have.

    pip install transformers==5.24.0 && python make.py

Each entry holds the files of one folder as text, and texts with the ids of AutoTokenizer.from_pretrained(folder).
"""

import json
import os
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
import transformers  # noqa: E402
from transformers import AutoTokenizer  # noqa: E402

WORDS = ("[PAD] [UNK] [CLS] [SEP] [MASK] a the film fine bad good is not Great great GOOD Bad café cafe NBA nba 情 感 很 "
         "好 看 Café 情感 ! , . ' é É e ##é ##e i ##i İ i̇").split()
LETTERS = [before + c for c in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" for before in ("", "##")]
VOCABULARY = WORDS + [piece for piece in LETTERS if piece not in WORDS]
TEXTS = ["Great GOOD café NBA", "cafe\u0301 Cafe\u0301 CAFÉ Café", "NBA很好看!", "good [LAUGH] film", "good [laugh] film",
         "good[LAUGH]film", "[MASK] a[SEP]b", "", "  ", "İi i̇", "情感 很好", "NBA. nba,NBA", "naïve \u200bgood\u00a0film\x00bad",
         "<unk> <s> good", "a[BOO]b [boo] x[BOO]", "Bad! It isn't GREAT, is it?", "我看了NBA的Film，很好看。"]


def tokenizer_json(lowercase, strip_accents, chinese, added=()):
    special = {"[CLS]": 2, "[SEP]": 3}
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": list(added),
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": chinese,
                       "strip_accents": strip_accents, "lowercase": lowercase},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                       {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
            "pair": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                     {"SpecialToken": {"id": "[SEP]", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}},
                     {"SpecialToken": {"id": "[SEP]", "type_id": 1}}],
            "special_tokens": {k: {"id": k, "ids": [v], "tokens": [k]} for k, v in special.items()}},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": {piece: i for i, piece in enumerate(VOCABULARY)}}}


def token(content, **flags):
    return {"content": content, "lstrip": False, "rstrip": False, "normalized": False, "single_word": False,
            "special": False, **flags}


LINES = "\n".join(VOCABULARY) + "\n"
N = len(VOCABULARY)
RENAMED = LINES.replace("[UNK]\n", "<unk>\n", 1).replace("[PAD]\n", "<pad>\n", 1)
FOLDERS = {
    "nothing but vocab.txt": {"vocab.txt": LINES},
    "cased": {"vocab.txt": LINES, "tokenizer_config.json": {"do_lower_case": False}},
    "accents kept": {"vocab.txt": LINES, "tokenizer_config.json": {"do_lower_case": True, "strip_accents": False}},
    "case kept, accents stripped": {"vocab.txt": LINES,
                                    "tokenizer_config.json": {"do_lower_case": False, "strip_accents": True}},
    "ideographs together": {"vocab.txt": LINES,
                            "tokenizer_config.json": {"do_lower_case": False, "tokenize_chinese_chars": False}},
    "null for default": {"vocab.txt": LINES, "tokenizer_config.json": {"do_lower_case": True, "strip_accents": None}},
    "added_tokens.json": {"vocab.txt": LINES, "tokenizer_config.json": {"do_lower_case": True},
                          "added_tokens.json": {"[LAUGH]": N}},
    "added_tokens.json, cased": {"vocab.txt": LINES, "tokenizer_config.json": {"do_lower_case": False},
                                 "added_tokens.json": {"[LAUGH]": N, "[BOO]": N + 1}},
    "added_tokens_decoder": {"vocab.txt": LINES, "tokenizer_config.json": {
        "do_lower_case": True, "added_tokens_decoder": {str(N): token("[BOO]", special=True),
                                                        str(N + 1): token("[LAUGH]", normalized=True)}}},
    "single word": {"vocab.txt": LINES, "tokenizer_config.json": {
        "do_lower_case": True, "added_tokens_decoder": {str(N): token("[LAUGH]", single_word=True)}}},
    "tokenizer.json alone": {"tokenizer.json": tokenizer_json(True, None, True),
                             "tokenizer_config.json": {"do_lower_case": True, "tokenizer_class": "BertTokenizer"}},
    "tokenizer.json, cased": {"tokenizer.json": tokenizer_json(False, None, True),
                              "tokenizer_config.json": {"do_lower_case": False, "tokenizer_class": "BertTokenizer"}},
    "tokenizer.json, added": {
        "tokenizer.json": tokenizer_json(True, None, True, [{"id": N, **token("[LAUGH]")},
                                                            {"id": N + 1, **token("[BOO]", normalized=True)}]),
        "tokenizer_config.json": {"do_lower_case": True, "tokenizer_class": "BertTokenizer"}},
    "other names of special tokens": {
        "vocab.txt": RENAMED, "tokenizer_config.json": {"do_lower_case": True},
        "special_tokens_map.json": {"unk_token": "<unk>", "pad_token": {**token("<pad>")}}},
    "additional special tokens": {"vocab.txt": LINES, "tokenizer_config.json": {"do_lower_case": True},
                                  "special_tokens_map.json": {"additional_special_tokens": ["[LAUGH]"]}},
}


def answers(files):
    with tempfile.TemporaryDirectory() as folder:
        for name, content in {"config.json": {"model_type": "bert", "vocab_size": N + 10}, **files}.items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
                f.write(content if isinstance(content, str) else json.dumps(content, ensure_ascii=False))
        tokenizer = AutoTokenizer.from_pretrained(folder)
        return [{"text": text, "ids": tokenizer(text)["input_ids"]} for text in TEXTS]


if __name__ == "__main__":
    folders = [{"name": name, "files": files, "answers": answers(files)} for name, files in FOLDERS.items()]
    with open("answers.json", "w", encoding="utf-8") as f:
        json.dump({"made_with": "transformers " + transformers.__version__, "folders": folders}, f, ensure_ascii=False,
                  indent=None, separators=(",", ":"))
        f.write("\n")
