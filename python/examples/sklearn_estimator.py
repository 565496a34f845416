"""A kuda model as an estimator of scikit-learn: X are row numbers of a data set, y their labels.

    python sklearn_estimator.py DATA ENCODER
"""

import sys
import tempfile

import numpy
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.model_selection import cross_val_score

import kuda


class KudaRegressor(RegressorMixin, BaseEstimator):
    """Parameters are plain values, so that scikit-learn can clone it. Rows of a fold become the splits of a new set."""

    def __init__(self, data="", model="lmf", encoder=None, epochs=5, seed=1):
        self.data, self.model, self.encoder, self.epochs, self.seed = data, model, encoder, epochs, seed

    def fit(self, X, y=None):
        import torch

        session = kuda.Session(self.model, self.data, encoder=self.encoder)
        self.session_, self.model_ = session, kuda.nn.Model(session, seed=self.seed)
        optimizer = torch.optim.Adam(self.model_.parameters(), lr=1e-3)
        torch.manual_seed(self.seed)
        for _ in range(self.epochs):
            for part in numpy.array_split(numpy.ravel(X), max(1, len(X) // 8)):
                batch = session.batch(part.tolist())
                optimizer.zero_grad()
                self.model_.loss(self.model_(batch), batch).total.backward()
                optimizer.step()
        self.model_.eval()
        return self

    def predict(self, X):
        import torch

        with torch.no_grad():
            return self.model_(self.session_.batch(numpy.ravel(X).tolist())).score.numpy()


def main(data, encoder):
    rows = numpy.array(kuda.open(data).rows("train"))
    labels = kuda.open(data).labels[rows]
    estimator = KudaRegressor(data=str(data), encoder=str(encoder), epochs=2)
    errors = -cross_val_score(estimator, rows[:, None], labels, cv=3, scoring="neg_mean_absolute_error")
    print("MAE of three folds:", numpy.round(errors, 3))
    return errors


if __name__ == "__main__":
    main(*sys.argv[1:3])
