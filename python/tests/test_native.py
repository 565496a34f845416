"""With another torch than the one it was built for, the package says so and what to do."""

import subprocess
import sys
from pathlib import Path

import kuda._native


def failing(code, path=()):
    done = subprocess.run([sys.executable, "-c", f"import sys; sys.path[:0] = {list(map(str, path))}\n{code}"],
                          capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    return done.stderr


def test_another_torch_is_refused_with_a_remedy():
    built = kuda._native._kuda.TORCH_VERSION
    said = failing("import torch; torch.__version__ = '2.99.1+cpu'; import kuda._native")
    assert f"ImportError: kuda was built with torch {built}, found 2.99.1+cpu" in said
    assert f"hint: pip install 'torch=={built}'" in said and "pip install --no-build-isolation" in said


def test_another_patch_of_the_same_torch_is_not():
    code = "import torch; torch.__version__ = '{}.{}.99'; import kuda._native; sys.exit(1)"
    said = failing(code.format(*kuda._native._kuda.TORCH_VERSION.split(".")[:2]))
    assert said == ""


def test_a_library_that_does_not_load_says_the_same(tmp_path):
    package = Path(kuda.__file__).parent
    (tmp_path / "kuda").mkdir()
    for file in package.iterdir():
        if file.name.startswith("_kuda."):
            (tmp_path / "kuda" / file.name).write_bytes(file.read_bytes()[:64])  # "file too short", an error of the linker
        elif file.suffix == ".py":
            (tmp_path / "kuda" / file.name).symlink_to(file)
    said = failing("import kuda; kuda.open('clips')", [tmp_path])
    assert "ImportError: kuda's library does not load with torch" in said and "hint: it must be the torch" in said
