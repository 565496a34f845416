"""Writes reference.json: inputs, and the answers of scipy 1.17.1 and statsmodels 0.15.0 to them.

    python make_reference.py > reference.json        (needs scipy, statsmodels, numpy)
"""
import json

import numpy as np
import scipy
import statsmodels
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import DescrStatsW

rng = np.random.default_rng(20240611)


def rounded(values, digits=3):
    return np.round(values, digits).tolist()


def summaries():
    cases = []
    for n in (2, 3, 5, 10):
        values = np.array(rounded(rng.normal(0.72, 0.02, n), 4))
        low, high = DescrStatsW(values).tconfint_mean(0.05)
        cases.append({"values": values.tolist(), "mean": values.mean(), "deviation": values.std(ddof=1),
                      "low": low, "high": high})
    return cases


def standardise(scores):
    return (scores - scores.mean(0)) / scores.std(0)


def permutation():
    """scipy.stats.permutation_test, permutation_type="samples": every exchange where n is small."""
    cases = []
    for n, shift, resamples in ((6, 0.3, np.inf), (10, 0.2, np.inf), (12, 0.0, np.inf), (60, 0.08, 400000)):
        first = np.array(rounded(rng.normal(shift, 0.4, n), 1 if n < 20 else 3))  # one decimal: ties and zeros
        second = np.array(rounded(rng.normal(0, 0.4, n), 1 if n < 20 else 3))
        answer = stats.permutation_test((first, second), lambda a, b, axis: np.mean(a - b, axis=axis),
                                        permutation_type="samples", vectorized=True, n_resamples=resamples, rng=1)
        cases.append({"differences": np.round(first - second, 6).tolist(), "p": answer.pvalue,
                      "is_exact": bool(np.isinf(resamples))})
    return cases


def correlation():
    """The same function on indices, so that all seeds of a clip are exchanged together."""
    cases = []
    for n, seeds, noise, resamples in ((8, 1, 1.0, np.inf), (11, 2, 0.9, np.inf), (50, 3, 0.6, 20000)):
        labels = np.array(rounded(rng.uniform(-3, 3, n), 1))
        first = np.array(rounded(labels[:, None] + rng.normal(0, 1.5, (n, seeds))))
        second = np.array(rounded(0.4 * labels[:, None] + noise * rng.normal(0, 1.5, (n, seeds))))
        pool = np.concatenate([standardise(first), standardise(second)])

        def statistic(i, j):
            i, j = np.asarray(i, int), np.asarray(j, int)
            r = [[np.corrcoef(pool[rows, s], labels)[0, 1] for s in range(seeds)] for rows in (i, j)]
            return np.mean(r[0]) - np.mean(r[1])

        answer = stats.permutation_test((np.arange(n), n + np.arange(n)), statistic, permutation_type="samples",
                                        vectorized=False, n_resamples=resamples, rng=1)
        cases.append({"first": first.T.tolist(), "second": second.T.tolist(), "labels": labels.tolist(),
                      "difference": answer.statistic, "p": answer.pvalue, "is_exact": bool(np.isinf(resamples))})
    return cases


def mcnemars():
    return [{"only_first": b, "only_second": c, "p": float(mcnemar([[0, b], [c, 0]], exact=True).pvalue)}
            for b, c in ((0, 1), (1, 8), (5, 5), (12, 30), (140, 100))]


def holms():
    return [{"p": p, "corrected": multipletests(p, method="holm")[1].tolist()}
            for p in ([0.04], [0.01, 0.04, 0.03, 0.005], [0.5, 0.001, 0.9, 0.012, 0.012], [1.0, 0.6, 0.2])]


def bootstrap():
    """scipy.stats.bootstrap, method="percentile", 100000 resamples of pairs."""
    labels = np.array(rounded(rng.uniform(-3, 3, 80), 1))
    predictions = np.array(rounded(0.8 * labels + rng.normal(0, 0.9, 80)))

    def corr(p, l, axis):
        p, l = p - p.mean(axis, keepdims=True), l - l.mean(axis, keepdims=True)
        return (p * l).sum(axis) / np.sqrt((p * p).sum(axis) * (l * l).sum(axis))

    def seven(p, l, axis):
        return np.mean(np.rint(np.clip(p, -3, 3)) == np.rint(np.clip(l, -3, 3)), axis=axis)

    answers = {}
    for name, function in (("MAE", lambda p, l, axis: np.mean(np.abs(p - l), axis=axis)), ("Corr", corr),
                           ("Mult_acc_7", seven)):
        answer = stats.bootstrap((predictions, labels), function, paired=True, vectorized=True, n_resamples=100000,
                                 batch=10000, method="percentile", rng=1)
        answers[name] = {"low": answer.confidence_interval.low, "high": answer.confidence_interval.high,
                         "error": answer.standard_error}
    return {"predictions": predictions.tolist(), "labels": labels.tolist(), "intervals": answers}


print(json.dumps({"made_with": {"scipy": scipy.__version__, "statsmodels": statsmodels.__version__,
                                "numpy": np.__version__},
                  "summaries": summaries(), "permutation": permutation(), "correlation": correlation(),
                  "mcnemar": mcnemars(), "holm": holms(), "bootstrap": bootstrap()}, indent=1))
