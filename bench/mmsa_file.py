"""A synthetic feature file in the layout of MMSA (docs/data-formats.md), and a small BERT for its words. Needs numpy.

Every modality says something of the label, so that models learn within a few epochs; nothing of it is real data.
"""

import pickle

import numpy

WORDS = [f"{kind}{number}" for kind in ("good", "bad", "film") for number in range(40)]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def _frames(random, labels, length, width, scale):
    """[clips, length, width] float32 and the lengths: noise, and the label in the first half of the features."""
    lengths = random.integers(length // 3, length + 1, len(labels))
    values = random.standard_normal((len(labels), length, width), dtype=numpy.float32)
    values[:, :, : max(1, width // 2)] += (labels / scale).astype(numpy.float32)[:, None, None]
    values *= (numpy.arange(length) < lengths[:, None])[:, :, None]
    return values, lengths.tolist()


def _words(random, labels, length, scale):
    """Texts and their word pieces [clips, 3, length]: ids, mask, segments."""
    texts, pieces = [], numpy.zeros((len(labels), 3, length), numpy.float32)
    for row, label in enumerate(labels):
        shares = numpy.array([1 + label / scale, 1 - label / scale, 1], float)
        kinds = random.choice(3, random.integers(4, length - 1), p=shares / shares.sum())
        numbers = kinds * 40 + random.integers(0, 40, len(kinds))
        texts.append(" ".join(WORDS[number] for number in numbers))
        pieces[row, 0, : len(numbers) + 2] = [2, *(numbers + len(SPECIAL)), 3]
        pieces[row, 1, : len(numbers) + 2] = 1
    return texts, pieces


def write(path, clips, lengths, widths, scale=3.0, letters="", seed=1):
    """`clips`: of train, valid and test. `lengths`, `widths`: of text, audio and vision. `scale`: labels reach to it.

    `letters`: modalities that have the label too ("TAV" for sims).
    """
    random, content = numpy.random.default_rng(seed), {}
    for split, count in zip(("train", "valid", "test"), clips):
        labels = random.uniform(-scale, scale, count).astype(numpy.float32)
        texts, pieces = _words(random, labels, lengths[0], scale)
        text, _ = _frames(random, labels, lengths[0], widths[0], scale)
        text *= pieces[:, 1, :, None]
        audio, audio_lengths = _frames(random, labels, lengths[1], widths[1], scale)
        vision, vision_lengths = _frames(random, labels, lengths[2], widths[2], scale)
        content[split] = dict(
            raw_text=texts, text=text, text_bert=pieces, audio=audio, vision=vision, audio_lengths=audio_lengths,
            vision_lengths=vision_lengths, id=[f"{split}$_${row:05d}" for row in range(count)],
            regression_labels=labels, annotations=["Neutral"] * count, classification_labels=numpy.zeros(count),
        )
        content[split] |= {f"regression_labels_{letter}": labels for letter in letters}
    with open(path, "wb") as file:
        pickle.dump(content, file, protocol=4)


def write_encoder(folder, layers=1):
    """A BERT of random weights as wide as MMSA wants it (768), with the words above. Needs transformers."""
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(1)
    names = [*SPECIAL, *WORDS]
    config = BertConfig(vocab_size=len(names), num_hidden_layers=layers, intermediate_size=768,
                        max_position_embeddings=64)
    BertModel(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(names) + "\n")
