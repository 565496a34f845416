"""Clips as a data set of Hugging Face, and scores as one more column of it.

    python huggingface_datasets.py RUN DATA
"""

import sys

import datasets
import numpy

import kuda

FRAMES = ("audio", "vision")


def as_table(data):
    """A row a clip: id, split, text, label, and the frames of each modality as lists of lists."""
    columns = {"id": data.ids, "split": data.splits, "text": data.texts, "label": data.labels}
    for name in FRAMES:
        feature = getattr(data, name)
        columns[name] = [feature.clip(row).tolist() for row in range(len(data))]
    types = {name: datasets.Value("string") for name in ("id", "split", "text")} | {"label": datasets.Value("float32")}
    types |= {name: datasets.List(datasets.List(datasets.Value("float32"))) for name in FRAMES}
    return datasets.Dataset.from_dict(columns, features=datasets.Features(types))


def main(run, data):
    predictor = kuda.Predictor(run)

    def score(rows):
        clips = [
            {"id": rows["id"][i], "text": rows["text"][i], **{n: numpy.array(rows[n][i], numpy.float32) for n in FRAMES}}
            for i in range(len(rows["id"]))
        ]
        return {"score": [scored.score for scored in predictor.score_many(clips)]}

    table = as_table(kuda.open(data)).filter(lambda row: row["split"] == "test", keep_in_memory=True)
    # A name for the step: a predictor is not hashed.
    scored = table.map(score, batched=True, batch_size=32, keep_in_memory=True, new_fingerprint="kuda-score")
    print(scored.select_columns(["id", "text", "label", "score"])[:3])
    return scored


if __name__ == "__main__":
    main(*sys.argv[1:3])
