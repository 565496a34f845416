"""The notebooks run whole, as Jupyter runs them but without it, and what they show is there."""

import ast
import json
from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).parent.parent / "examples" / "notebooks"


def code_of(name):
    cells = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text())["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def executed(name):
    """Its names after the last cell. The value of a cell's last line is drawn, as Jupyter draws it."""
    names = {"__name__": "__main__"}
    for number, cell in enumerate(code_of(name), 1):
        place = f"{name}.ipynb, code cell {number}"
        tree = ast.parse("".join(cell["source"]), place)
        shown = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, place, "exec"), names)
        if shown is not None:
            repr(eval(compile(ast.Expression(shown.value), place, "eval"), names))
    return names


@pytest.fixture
def here(folder, tmp_path, monkeypatch):
    """A folder to work in, with the encoder where the notebooks look for one."""
    (tmp_path / "encoders").mkdir()
    (tmp_path / "encoders" / "minilm").symlink_to(folder / "encoder")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", [path.stem for path in sorted(NOTEBOOKS.glob("*.ipynb"))])
def test_it_is_kept_without_results_and_has_a_test(name):
    assert f"test_{name}" in globals()
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code_of(name))


def test_table_in_five_minutes(here):
    names = executed("table_in_five_minutes")
    assert set(names["table"]) == {"lmf", "tfn", "cubemlp"} and names["report"].worst != "error"
    assert len(names["columns"]) == 6 and names["comparison"]["absolute_error"]["n"] == 16


def test_why_this_score(here):
    names = executed("why_this_score")
    score, why = names["score"], names["why"]
    assert score.interval.low < score.score < score.interval.high and why.score.score == score.score
    assert names["attention"].shape[0] >= len(why.tokens) > 0
    assert all(found["names_truth"] is not None for found in names["summary"].values())


def test_my_own_model(here):
    names = executed("my_own_model")
    assert [set(epoch["terms"]) for epoch in names["runs"]["gated"].epochs] == [{"task", "even"}] * 3
    assert names["summary"]["n"] == 3 and names["summary"]["low"] < names["summary"]["high"]
