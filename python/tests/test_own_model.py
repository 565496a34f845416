"""A model written in Python, in the same trainer and tables as the others."""

import hashlib

import pytest
import torch

import kuda

from conftest import SMALL


@kuda.nn.register("own")
class Own(torch.nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.encoders = torch.nn.ModuleDict(
            {name: torch.nn.Linear(shape["width"][name], 8) for name in ("audio", "vision")}
        )
        self.dropout = torch.nn.Dropout(0.2)
        self.head = torch.nn.Linear(16, 1)

    def forward(self, batch):
        parts = [self.encoders[name](getattr(batch, name).values.mean(1)) for name in ("audio", "vision")]
        return {"score": self.head(self.dropout(torch.cat(parts, 1))), "size": sum(part.norm() for part in parts)}

    def loss(self, output, batch):
        error = torch.nn.functional.l1_loss(output["score"], batch.label)
        return {"task": error, "size": 1e-3 * output["size"]}


@pytest.fixture(scope="module")
def own(folder, data):
    return kuda.train(data, "own", out=folder / "own", seed=3, progress=None, **SMALL)


def test_it_trains_and_stands_in_the_table(own, run, data):
    assert [set(epoch["terms"]) for epoch in own.epochs] == [{"task", "size"}] * 2
    assert own.metrics["test"]["MAE"] > 0
    assert kuda.evaluate(own, data).value("MAE") == own.metrics["test"]["MAE"]
    assert kuda.compare(own, run, data)["absolute_error"]["n"] == 6


def test_same_seed_same_bytes_also_when_stopped(own, folder, data):
    class Stop(Exception):
        pass

    def stop(step):
        if step.step == 2:
            raise Stop

    options = dict(out=folder / "own-again", seed=3, **SMALL)
    with pytest.raises(Stop):
        kuda.train(data, "own", progress=stop, **options)
    again = kuda.train(data, "own", progress=None, **options)
    digests = [hashlib.sha256((r.folder / "predictions.csv").read_bytes()).hexdigest() for r in (own, again)]
    assert digests[0] == digests[1]


def test_what_it_raises_arrives(folder, data):
    @kuda.nn.register("broken")
    class Broken(torch.nn.Module):
        def __init__(self, shape):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(1))

        def forward(self, batch):
            return {}["absent"]

    with pytest.raises(KeyError, match="absent"):
        kuda.train(data, "broken", out=folder / "broken", progress=None, **SMALL)

    @kuda.nn.register("broken")  # the later one counts
    class Wide(Broken):
        def forward(self, batch):
            return self.weight.expand(len(batch), 3)

    with pytest.raises(kuda.ShapeError, match=r"expected a score \[4\], found \[4, 3\]"):
        kuda.train(data, "broken", out=folder / "wide", progress=None, **SMALL)


def test_names_of_the_library_are_taken():
    with pytest.raises(kuda.UsageError, match="lmf"):
        kuda.nn.register("lmf")(Own)
