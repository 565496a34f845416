import copy
import pickle

import numpy
import pytest
import torch

import kuda

from conftest import write_features

NAMES = [*(model["name"] for model in kuda.models()), "kuda selecting"]  # with a profile that is not the first
NARROW = {"tmbl": {"tmbl__width": 32, "tmbl__layers": 1, "tmbl__feed_forward": 32}}  # a minute else
LENGTHS = {"data__vision_length": 10, "data__audio_length": 12, "data__text_length": 16}


@pytest.fixture(scope="module")
def session(folder):
    return kuda.Session("lmf", folder / "clips", encoder=folder / "encoder", **LENGTHS)


def session_of(folder, name):
    model, _, profile = name.partition(" ")
    sets = LENGTHS | NARROW.get(name, {})
    return kuda.Session(model, folder / "clips", encoder=folder / "encoder", profile=profile, **sets)


def step(model, batch, rate=0.01):
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, foreach=False)
    loss = model.loss(model(batch), batch)
    loss.total.backward()
    optimizer.step()
    return loss.total.item()


def all_tensors(model):
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


@pytest.mark.parametrize("name", NAMES)
def test_a_step_from_python_is_that_of_the_library(folder, name):
    session = session_of(folder, name)
    batch = session.batch(session.rows("train")[:6])
    ours, theirs = kuda.nn.Model(session, seed=5), kuda.nn.Model(session, seed=5)
    for model in (ours, theirs):
        model.begin_epoch(0, 1)
        model.begin_phase(model.num_phases - 1)
    before = {name: value.detach().clone() for name, value in all_tensors(ours).items()}
    torch.manual_seed(9)
    loss = step(ours, batch)
    torch.manual_seed(9)
    assert theirs._made_of[0].reference_step(batch, 0.01) == loss
    changed = 0
    for name, value in all_tensors(theirs).items():
        assert torch.equal(value, all_tensors(ours)[name]), name
        changed += isinstance(value, torch.nn.Parameter) and not torch.equal(value, before[name])
    assert changed > 0
    twin = all_tensors(copy.deepcopy(ours))
    for name, value in all_tensors(ours).items():
        assert torch.equal(twin[name], value) and (value.numel() == 0 or twin[name].data_ptr() != value.data_ptr()), name


def test_the_predicted_ratio_of_selecting_needs_no_label(folder):
    session = session_of(folder, "kuda selecting")
    model = kuda.nn.Model(session, seed=5)
    trust = [name for name, _ in model.named_parameters() if ".trust.distance." in name]
    assert trust and not [name for name, _ in kuda.nn.Model(session_of(folder, "kuda")).named_parameters()
                          if ".trust." in name]
    batch = session.batch(session.rows("train")[:6])
    loss = model.loss(model(batch), batch)
    loss.total.backward()
    parameters = dict(model.named_parameters())
    assert "trust" in loss.terms and all(parameters[name].grad.abs().sum() > 0 for name in trust)
    model.eval()
    output = model(batch)
    ratio = torch.stack([output.ratio[name] for name in ("text", "vision", "audio")])
    torch.testing.assert_close(ratio.sum(0), torch.ones(6))
    assert ratio.std() > 0  # and not the 1 that the other profiles give where there is no label
    parts = torch.stack([output.parts[name] for name in ("text", "vision", "audio")])
    assert parts.shape == (3, 6) and torch.isfinite(parts).all()
    with torch.no_grad():
        batch.label.fill_(float("nan"))
    assert torch.equal(model(batch).score, output.score)


def tensors_of(batch):
    return [*(part.values for part in (batch.text_features, batch.vision, batch.audio)), batch.label, batch.vision.lengths]


def test_a_feature_file_gives_the_batches_of_its_prepared_folder(tmp_path):
    file = write_features(tmp_path / "clips.pkl", 1)
    kuda.open(file).save(tmp_path / "clips")
    ours, theirs = (kuda.Session("lmf", place).batch(range(26)) for place in (file, tmp_path / "clips"))
    assert ours.ids == theirs.ids
    for one, other in zip(tensors_of(ours), tensors_of(theirs)):
        assert torch.equal(one, other)


def test_open_data_are_shared(tmp_path):
    data = kuda.open(write_features(tmp_path / "clips.pkl", 1))
    session = kuda.Session("lmf", data)
    before = session.batch([0]).audio.values.clone()
    data.audio.values.mul_(2)
    assert torch.equal(session.batch([0]).audio.values, 2 * before)
    assert torch.equal(kuda.Session("lmf", data).batch([0]).audio.values, 2 * before)
    assert torch.equal(data[0]["audio"], 2 * kuda.open(data.source)[0]["audio"])
    assert data.fingerprint == kuda.open(data.source).fingerprint  # as it was opened
    with pytest.raises(kuda.DataError, match="audio of clip .* differ"):  # who loads it would see the file
        pickle.dumps(session)
    data.audio.values.mul_(0.5)
    fresh = pickle.loads(pickle.dumps(session))  # opens the file again
    assert torch.equal(fresh.batch([0]).audio.values, before)


def test_data_in_memory_make_a_session_that_stays_here(folder):
    session = kuda.Session("lmf", kuda.synthesize(train=4, valid=2, test=2), encoder=folder / "encoder", **LENGTHS)
    assert len(session.batch(session.rows("train"))) == 4
    with pytest.raises(kuda.MissingFileError, match="save"):
        pickle.dumps(session)


def test_a_policy_that_refuses_does_so_at_once(tmp_path):
    file = write_features(tmp_path / "clips.pkl", 1, lambda split: split["audio"].fill(numpy.inf))
    with pytest.raises(kuda.DataError, match="inf in 26 clips"):
        kuda.Session("lmf", file, data__clean="fail")
    assert torch.equal(kuda.Session("lmf", file).batch([0]).audio.values, torch.zeros(1, 10, 5))


def test_names_are_those_of_the_checkpoint(session, run):
    import json
    import struct

    with open(run.folder / "model" / "model.safetensors", "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    header.pop("__metadata__", None)
    assert set(kuda.nn.Model(session).state_dict()) == set(header)


def test_the_random_numbers_around_it_do_not_notice(session):
    torch.manual_seed(1)
    want = torch.rand(3)
    torch.manual_seed(1)
    kuda.nn.Model(session, seed=2)
    assert torch.equal(torch.rand(3), want)


def test_it_learns_and_is_saved(session, tmp_path):
    model = kuda.nn.Model(session, seed=1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    batch = session.batch(session.rows("train"))
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = model.loss(model(batch), batch)
        loss.total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        losses.append(loss.total.item())
    assert losses[-1] < 0.7 * losses[0]
    model.eval()
    torch.save(model.state_dict(), tmp_path / "model.pth")
    other = kuda.nn.Model(session, seed=2).eval()
    assert not torch.equal(other(batch).score, model(batch).score)
    other.load_state_dict(torch.load(tmp_path / "model.pth", weights_only=True))
    assert torch.equal(other(batch).score, model(batch).score)


def test_copies_are_independent(session):
    model = kuda.nn.Model(session, seed=1)
    batch = session.batch(session.rows("train")[:4])
    twin = copy.deepcopy(model)
    model.eval(), twin.eval()
    assert torch.equal(twin(batch).score, model(batch).score)
    before = twin(batch).score.clone()
    step(model, batch, rate=0.1)
    assert torch.equal(twin(batch).score, before) and not torch.equal(model(batch).score, before)


def test_modes_hooks_freezing_and_dtypes(session):
    model = kuda.nn.Model(session, seed=1)
    batch = session.batch(session.rows("train")[:4])
    assert model.training
    torch.manual_seed(1)
    first = model(batch).score
    assert not torch.equal(model(batch).score, first)  # dropout
    model.eval()
    assert torch.equal(model(batch).score, model(batch).score)
    seen = []
    handle = model.register_forward_hook(lambda module, inputs, output: seen.append(output.score.shape))
    model(batch)
    handle.remove()
    assert seen == [torch.Size([4])]
    name, parameter = next(iter(model.named_parameters()))
    parameter.requires_grad_(False)
    was = parameter.clone()
    step(model, batch)
    assert torch.equal(parameter, was)
    assert isinstance(parameter, torch.nn.Parameter)
    model.double()
    assert all(value.dtype == torch.float64 for value in model.parameters())
    model.float()
    assert torch.isfinite(model(batch).score).all()


def test_batches_cross_processes(session):
    batch = session.batch([0, 1])
    twin = pickle.loads(pickle.dumps(batch))
    assert twin.ids == batch.ids and torch.equal(twin.audio.values, batch.audio.values)
    assert torch.equal(twin.label, batch.label)
    rows = pickle.loads(pickle.dumps(session)).batch([0, 1])
    assert torch.equal(rows.vision.values, batch.vision.values)


def test_a_loader_with_workers(session):
    ids = [batch.ids for batch in session.loader("train", batch_size=5, num_workers=2)]
    assert [len(part) for part in ids] == [5, 5, 2]
    assert sum(ids, []) == session.batch(session.rows("train")).ids


@pytest.mark.parametrize(
    "make",
    [
        lambda values: torch.optim.SGD(values, lr=0.01, momentum=0.9, nesterov=True),
        lambda values: torch.optim.Adam(values, lr=0.01, amsgrad=True),
        lambda values: torch.optim.AdamW(values, lr=0.01, foreach=True),
        lambda values: torch.optim.AdamW(values, lr=0.01, fused=True),
        lambda values: torch.optim.RMSprop(values, lr=0.01),
        lambda values: torch.optim.Adagrad(values, lr=0.01),
    ],
    ids=["SGD", "Adam", "AdamW-foreach", "AdamW-fused", "RMSprop", "Adagrad"],
)
def test_optimisers_write_where_the_library_reads(session, make):
    """The same gradients, given to tensors of torch alone, lead to the same values, from a saved state too."""
    model = kuda.nn.Model(session, seed=1).eval()
    batch = session.batch(session.rows("train")[:6])
    plain = [torch.nn.Parameter(value.detach().clone()) for value in model.parameters()]
    ours, theirs = make(model.parameters()), make(plain)
    before = model(batch).score.detach().clone()
    for _ in range(2):
        ours.zero_grad()
        model.loss(model(batch), batch).total.backward()
        for value, twin in zip(model.parameters(), plain, strict=True):
            twin.grad = None if value.grad is None else value.grad.clone()
        ours.step(), theirs.step()
        state = ours.state_dict()
        ours = make(model.parameters())
        ours.load_state_dict(state)
    assert all(torch.equal(value, twin) for value, twin in zip(model.parameters(), plain, strict=True))
    moved = model(batch).score
    assert not torch.equal(moved, before)
    fresh = kuda.nn.Model(session, seed=2).eval()
    with torch.no_grad():
        for value, twin in zip(fresh.parameters(), plain, strict=True):
            value.copy_(twin)
    assert torch.equal(fresh(batch).score, moved)


def test_an_optimiser_that_calls_back(session):
    model = kuda.nn.Model(session, seed=1).eval()
    batch = session.batch(session.rows("train")[:6])
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=5)

    def closure():
        optimizer.zero_grad()
        loss = model.loss(model(batch), batch).total
        loss.backward()
        return loss

    first = optimizer.step(closure)
    assert model.loss(model(batch), batch).total < first


def test_hooks(session):
    model = kuda.nn.Model(session, seed=1)
    batch = session.batch([0, 1, 2])
    called = []
    model.register_forward_pre_hook(lambda module, inputs: called.append(("before", inputs[0] is batch)))
    model.register_forward_hook(lambda module, inputs, output: called.append(("after", len(output.score))))
    name, value = next((n, v) for n, v in model.named_parameters() if v.requires_grad)
    value.register_hook(lambda gradient: called.append((name, gradient.shape == value.shape)))
    value.register_post_accumulate_grad_hook(lambda parameter: called.append(("grad", parameter is value)))
    model.loss(model(batch), batch).total.backward()
    assert called == [("before", True), ("after", 3), (name, True), ("grad", True)]
    _, part = next(model.named_children())
    with pytest.warns(UserWarning, match="never called"):
        part.register_forward_hook(lambda *_: called.append("part"))
    model(batch)
    assert "part" not in called


def test_dtypes_there_and_back(session):
    model = kuda.nn.Model(session, seed=1).eval()
    batch = session.batch([0, 1, 2])
    want = model(batch).score
    model.double()
    with pytest.raises(kuda.UsageError, match="float64") as caught:
        model(batch)
    assert "float()" in caught.value.hint
    model.float()
    assert torch.equal(model(batch).score, want)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = model(batch).score.float()
    assert not torch.equal(rough, want)
    torch.testing.assert_close(rough, want, atol=0.05, rtol=0.05)  # bfloat16 has eight bits


def test_what_cannot_work_says_so(session):
    model = kuda.nn.Model(session, seed=1)
    batch = session.batch([0, 1])
    other = {name: torch.zeros_like(value) for name, value in model.named_parameters()}
    with pytest.raises(kuda.UsageError, match="replaced"):
        torch.func.functional_call(model, other, (batch,))
    with pytest.raises(kuda.UsageError, match="pickled"):
        pickle.dumps(model)
    with pytest.raises(kuda.UsageError, match="cannot trace"):
        model.compile()
    with pytest.raises(kuda.UsageError, match="cannot trace"):
        torch.compile(model, backend="eager")(batch)
    with pytest.raises(ValueError, match="Unsupported input type .*Batch"):  # torch says it first
        torch.export.export(model, (batch,))
    _, part = next(model.named_children())
    with pytest.raises(kuda.UsageError, match="whole model"):
        part(batch)
    model(batch)  # and is as it was


def test_what_is_replaced_is_noticed(session):
    batch = session.batch([0, 1])
    model = kuda.nn.Model(session, seed=1)
    model.load_state_dict({name: value.clone() for name, value in model.state_dict().items()}, assign=True)
    with pytest.raises(kuda.UsageError, match="replaced"):
        model(batch)
    model = kuda.nn.Model(session, seed=1)
    name, _ = next(model.named_children())
    setattr(model, name, torch.nn.Identity())
    with pytest.raises(kuda.UsageError, match="replaced"):
        model(batch)
