"""Makes the small feature files of this folder (needs numpy). The same script gives the same content."""
import pickle

import numpy as np

N = {"train": 3, "valid": 2, "test": 2}


def save(name, data, protocol=4):
    with open(name, "wb") as file:
        pickle.dump(data, file, protocol=protocol)


def frames(n, length, width, first):
    """Value first + row + frame / 10 in every feature."""
    values = first + np.arange(n)[:, None, None] + np.arange(length)[None, :, None] / 10
    return np.broadcast_to(values, (n, length, width)).astype(np.float32).copy()


def aligned():
    """One frame per word piece, no lengths, no unimodal labels, three pieces of each text are real."""
    data = {}
    for split, n in N.items():
        tokens = np.zeros((n, 3, 5), np.float32)
        tokens[:, 0, :3] = [101, 2003, 102]
        tokens[:, 1, :3] = 1
        vision, audio = frames(n, 5, 2, 1), frames(n, 5, 4, 1)
        vision[:, 3:] = 0
        audio[:, 2:] = 0
        audio[0, 3] = 7  # a frame beyond the text
        data[split] = dict(raw_text=["yes"] * n, audio=audio, vision=vision, text_bert=tokens,
                           id=[f"{split}{i}$_${i}" for i in range(n)], annotations=["Neutral"] * n,
                           classification_labels=np.zeros(n), regression_labels=np.linspace(-3, 3, n))
    save("aligned.pkl", data)


def odd():
    """Everything that is legal but unusual: bytes, [N, 1] labels, float lengths, Fortran order, other dtypes, extras."""
    data = {}
    for split, n in N.items():
        vision = np.asfortranarray(frames(n, 4, 2, 1).astype(np.float64))
        audio = frames(n, 3, 1, 1).round().astype(np.int16)
        data[split] = dict(raw_text=np.array([["a b"]] * n, dtype=object), audio=audio, vision=vision,
                           id=[f"clip_{split}_{i}".encode() for i in range(n)],
                           audio_lengths=np.full((n, 1), 3.0), vision_lengths=tuple(np.int64(2) for _ in range(n)),
                           text_bert=np.ones((n, 3, 4), np.int64),
                           regression_labels=np.linspace(-1, 1, n).reshape(n, 1),
                           regression_labels_T=[float("nan")] * n, speaker=["x"] * n, version=2)
    save("odd.pkl", data, protocol=2)


def left_padded():
    """Zeros in front, lengths as if they were behind; no texts but ids of word pieces."""
    data = {}
    for split, n in N.items():
        vision = np.zeros((n, 6, 2), np.float32)
        vision[:, 4:] = 1
        data[split] = dict(audio=frames(n, 6, 1, 1), vision=vision, text_bert=np.ones((n, 3, 4), np.int64),
                           id=[f"v$_${split}{i}" for i in range(n)], vision_lengths=[2] * n, audio_lengths=[6] * n,
                           regression_labels=np.zeros(n))
    save("left_padded.pkl", data)


if __name__ == "__main__":
    aligned()
    odd()
    left_padded()
