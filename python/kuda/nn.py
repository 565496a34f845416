"""The models as torch.nn.Module. Their parameters are the tensors of the C++ model, not copies of them.

    session = kuda.Session("lmf", "mosi", encoder="encoders/minilm")
    model = kuda.nn.Model(session, seed=1)
    for batch in session.loader("train", batch_size=32, shuffle=True):
        optimizer.zero_grad()
        model.loss(model(batch), batch).total.backward()
        optimizer.step()
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import torch

from ._native import _kuda
from .data import as_dataset, place_of
from .errors import UsageError
from .runs import choice_of

Batch: TypeAlias = _kuda.Batch
Output: TypeAlias = _kuda.Output
Losses: TypeAlias = _kuda.Losses


class Session:
    """What models and batches are made from: a configuration, a data set and a text encoder.

    Takes the arguments of kuda.train that say so. `crop`: batches end with their longest clip, which changes nothing
    for models that do not see padding and a little (rounding) for none. A data set that is open is shared, and what was
    written to its tensors is seen; of a feature file only the frames of each batch are read. Sessions can be pickled: the
    data set is opened again on the other side, from its file, which must hold what is open here (else DataError).
    """

    def __init__(
        self,
        model: str,
        data: Any,
        *,
        config: str | os.PathLike[str] | None = None,
        profile: str = "",
        encoder: str | os.PathLike[str] | None = None,
        modalities: Sequence[str] | None = None,
        crop: bool = False,
        **sets: Any,
    ) -> None:
        choice = choice_of(model, {"config": config, "profile": profile, "modalities": modalities}, sets)
        self._open(model, choice.to_toml(), data, os.fspath(encoder) if encoder else "", crop)

    def _open(self, model: str, toml: str, data: Any, encoder: str, crop: bool) -> None:
        self.model, self._data, self._made_of = model, as_dataset(data), (toml, encoder, crop)
        self._core = _kuda.Session(toml, self._data, encoder, crop)

    @classmethod
    def _again(cls, model: str, toml: str, place: str, encoder: str, crop: bool) -> "Session":
        session = cls.__new__(cls)
        session._open(model, toml, place, encoder, crop)
        return session

    def __reduce__(self):
        toml, encoder, crop = self._made_of
        return Session._again, (self.model, toml, place_of(self._data), encoder, crop)

    def batch(self, rows: Iterable[int]) -> Batch:
        """These clips, cleaned, truncated, padded and masked as training sees them."""
        return self._core.batch(list(rows))

    def rows(self, split: str) -> list[int]:
        """Rows of 'train', 'valid' or 'test' that have a label."""
        return self._core.rows(split)

    @property
    def shape(self) -> dict[str, dict[str, int]]:
        """Length and width of each modality as the model sees them."""
        return self._core.shape()

    def loader(self, split: str, *, batch_size: int = 32, shuffle: bool = False, **options: Any):
        """A torch DataLoader over the rows of a split; `options` are its own (num_workers, generator, ...)."""
        return torch.utils.data.DataLoader(
            self.rows(split), batch_size=batch_size, shuffle=shuffle, collate_fn=self.batch, **options
        )


def register(name: str, *, text: str = "none"):
    """Makes a torch.nn.Module a model that kuda.train, evaluate, compare and the tables know by `name`.

        @kuda.nn.register("mine")
        class Mine(torch.nn.Module):
            def __init__(self, shape):                  # {"length", "width", "present"} by modality, "vocabulary"
                super().__init__()
                self.head = torch.nn.Linear(shape["width"]["audio"], 1)
            def forward(self, batch):                   # kuda.nn.Batch to scores [B]
                return self.head(batch.audio.values.mean(1)).squeeze(1)

    `text`: 'none', 'features' (batch.text_features) or 'tokens' (batch.text_ids; needs encoder=). forward may give a dict
    instead: "score", the scores "text", "vision", "audio" of its modalities, and anything that `loss(output, batch)`
    needs, which is given that dict and returns a scalar or a dict of scalars to be summed up. Without a `loss`: the mean
    absolute error. Weights are drawn from the run's seed. It is trained, selected, stopped and continued like every other
    model; a checkpoint of it opens where the name is registered.
    """
    if text not in ("none", "features", "tokens"):
        raise UsageError(f"text: expected 'none', 'features' or 'tokens', found {text!r}")

    def add(kind):
        _kuda.add_model(name, text, kind)
        return kind

    return add


def _not_traced() -> UsageError:
    return UsageError("a kuda model runs in C++, which torch.compile and torch.export cannot trace",
                      "call the model as it is: its layers are compiled code already")


def _is_of_other_floats(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.is_floating_point() and value.dtype != torch.float32


class _Tree(torch.nn.Module):
    """A module of C++: its tensors and its submodules under the same names."""

    def __init__(self, tree: dict[str, Any]) -> None:
        super().__init__()
        for name, value in tree["parameters"]:
            value._is_param = True  # isinstance(value, torch.nn.Parameter); the tensor stays the one that C++ holds
            self.register_parameter(name, value)
        for name, value, is_saved in tree["buffers"]:
            self.register_buffer(name, value, persistent=is_saved)
        for name, part in tree["modules"]:
            self.add_module(name, _Part(part))

    def _apply(self, fn, recurse=True):  # in place: nn.Module would put other tensors, which C++ does not see
        for part in self.modules():
            for value in (*part._parameters.values(), *part._buffers.values()):
                if value is not None:
                    value.data = fn(value.data)
                    if value.grad is not None:
                        value.grad.data = fn(value.grad.data)
        return self


class _Part(_Tree):
    """A submodule. C++ calls it, so nothing of Python hangs on the call."""

    def forward(self, *inputs: Any, **options: Any):
        raise UsageError("a part of a kuda model is not called by itself", "call the whole model")

    def register_forward_hook(self, *hook: Any, **options: Any):
        self._warn()
        return super().register_forward_hook(*hook, **options)

    def register_forward_pre_hook(self, *hook: Any, **options: Any):
        self._warn()
        return super().register_forward_pre_hook(*hook, **options)

    def register_full_backward_hook(self, *hook: Any, **options: Any):
        self._warn()
        return super().register_full_backward_hook(*hook, **options)

    @staticmethod
    def _warn() -> None:  # no error: tools that print a summary hang hooks on every module and do without
        warnings.warn("a hook on a part of a kuda model is never called: hang it on the model or on a parameter", stacklevel=3)


class Model(_Tree):
    """Any of kuda.models() with fresh weights (the text encoder's come from its folder).

    `state_dict` has the names of model.safetensors. Optimisers, hooks on the model and on parameters, `copy.deepcopy`,
    devices, DataLoader, Lightning work. What swaps tensors or traces code does not reach C++ and is refused:
    torch.func.functional_call, torch.compile, torch.export; a submodule cannot be replaced or called by itself.
    `torch.save(model.state_dict())` saves it.
    """

    def __init__(self, session: Session, seed: int = 1111) -> None:
        core = _kuda.Model(session._core, seed)
        super().__init__(core.tree())
        tensors = [
            (owner, name, value)
            for part in self.modules()
            for owner in (part._parameters, part._buffers, part._modules)
            for name, value in owner.items()
        ]
        object.__setattr__(self, "_made_of", (core, session, seed, tensors))
        self.train()

    def forward(self, batch: Batch) -> Output:
        """Scores with gradients. In training mode labels of the batch may be used; scores in eval mode never do."""
        if torch.compiler.is_compiling():
            raise _not_traced()
        core, _, _, tensors = self._made_of
        if any(owner.get(name) is not value for owner, name, value in tensors):
            raise UsageError("a tensor or a submodule was replaced, and the C++ side of the model still has the other one",
                             "write into it (`with torch.no_grad(): parameter.copy_(value)`); functional_call, vmap and "
                             "load_state_dict(assign=True) do not reach C++")
        other = next((value.dtype for *_, value in tensors if _is_of_other_floats(value)), None)
        if other is not None:
            raise UsageError(f"the model is {other}, batches are float32",
                             "model.float(); torch.autocast works in a narrower type")
        return core.forward(batch)

    def compile(self, *args: Any, **kwargs: Any) -> None:
        raise _not_traced()

    def loss(self, output: Output, batch: Batch) -> Losses:
        """The model's own loss: `.total` and `.terms`."""
        return self._made_of[0].loss(output, batch)

    def after_backward(self, output: Output, batch: Batch) -> None:
        """Call it between backward and step where the model keeps something from batch to batch (self_mm)."""
        self._made_of[0].after_backward(output, batch)

    def begin_epoch(self, epoch: int, epochs: int) -> None:
        """Tells the model which epoch (from 0) begins; some schedule parts of their loss by it."""
        self._made_of[0].begin_epoch(epoch, epochs)

    def begin_phase(self, phase: int) -> None:
        """Of an epoch of `num_phases` passes, each with an optimiser of its own (mmim)."""
        self._made_of[0].begin_phase(phase)

    @property
    def num_phases(self) -> int:
        return self._made_of[0].num_phases

    def train(self, mode: bool = True):
        if "_made_of" in self.__dict__:
            self._made_of[0].train(mode)
        return super().train(mode)

    def __deepcopy__(self, memo):
        _, session, seed, _ = self._made_of
        made = Model(session, seed)
        kept = dict(self.named_parameters())
        with torch.no_grad():
            for name, value in made.named_parameters():
                value.data = kept[name].detach().clone()
                value.requires_grad_(kept[name].requires_grad)
            kept = dict(self.named_buffers())
            for name, value in made.named_buffers():
                value.data = kept[name].detach().clone()
        return made.train(self.training)

    def __reduce_ex__(self, protocol):
        raise UsageError("a kuda model is not pickled as a whole", "torch.save(model.state_dict(), path)")
