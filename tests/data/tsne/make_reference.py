"""Writes digits.safetensors: points, and how well scikit-learn's exact t-SNE from a PCA start shows them in the plane.

    python make_reference.py        (needs scikit-learn 1.9.1, numpy, safetensors)

The points: `digits` are the first 200 of the UCI data set "Optical Recognition of Handwritten Digits" (Alpaydin and
Kaynak 1998, CC BY 4.0), 8 x 8 counts from 0 to 16, as scikit-learn ships them; `noise` are 120 normal points of 10
dimensions, which no plane shows well.

Where t-SNE ends depends on the last digit of where it starts, so each value is the mean over ten starts that differ from
PCA's by a thousandth. `kl_of_points` is no such mean: the divergence of the stored points of the first start.
"""
import os

os.environ["OMP_NUM_THREADS"] = "1"
import numpy as np
import sklearn
from safetensors.numpy import save_file
from scipy.spatial.distance import pdist, squareform
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, _t_sne, trustworthiness

NEIGHBOURS, STARTS = 5, 10
points = {"digits": load_digits().data[:200].astype(np.uint8),
          "noise": np.random.default_rng(20240611).normal(size=(120, 10)).astype(np.float32)}
arrays, metadata = {}, {"made_with": f"scikit-learn {sklearn.__version__}", "neighbours": str(NEIGHBOURS)}
for name, stored in points.items():
    x = stored.astype(np.float64)
    pca = PCA(2).fit_transform(x)
    pca *= 1e-4 / pca[:, 0].std()
    arrays[name + "/points"] = stored
    for perplexity in (30, 10):
        divergences, trusts = [], []
        for start in range(STARTS):
            jitter = 1 + 1e-3 * np.random.default_rng(start).normal(size=pca.shape) if start else 1
            tsne = TSNE(perplexity=perplexity, init=(pca * jitter).astype(np.float32), method="exact",
                        learning_rate="auto", max_iter=1000)
            y = tsne.fit_transform(x).astype(np.float32)
            divergences.append(tsne.kl_divergence_)
            trusts.append(trustworthiness(x, y, n_neighbors=NEIGHBOURS))
            if start:
                continue
            joint = _t_sne._joint_probabilities(squareform(pdist(x, "sqeuclidean")).astype(np.float32), perplexity, 0)
            case = f"{name}/{perplexity}/"
            arrays[case + "shown"] = y
            metadata[case + "kl_of_points"] = repr(float(_t_sne._kl_divergence(
                y.astype(np.float64).ravel(), joint, 1, len(x), 2)[0]))
            metadata[case + "trustworthiness_of_points"] = repr(float(trusts[0]))
        metadata[case + "kl_divergence"] = repr(float(np.mean(divergences)))
        metadata[case + "trustworthiness"] = repr(float(np.mean(trusts)))
        print(case, "kl", min(divergences), max(divergences), "trust", min(trusts), max(trusts))
save_file(arrays, "digits.safetensors", metadata)
print(metadata)
