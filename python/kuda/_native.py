"""The library. It is compiled against one version of torch, whose C++ interface differs between versions."""

from __future__ import annotations

import torch  # before the library: it brings what the library is linked to

from . import _log

try:
    from . import _kuda
except ImportError as error:
    raise ImportError(
        f"kuda's library does not load with torch {torch.__version__}: {error}\n"
        "  hint: it must be the torch that kuda was built with; `pip install --no-build-isolation --force-reinstall "
        "--no-deps .` in a clone builds it for this one"
    ) from error


def _minor(version: str) -> list[str]:
    return version.split("+")[0].split(".")[:2]


if _minor(torch.__version__) != _minor(_kuda.TORCH_VERSION):
    raise ImportError(
        f"kuda was built with torch {_kuda.TORCH_VERSION}, found {torch.__version__}\n"
        f"  hint: pip install 'torch=={_kuda.TORCH_VERSION}', or build kuda for this one: "
        "`pip install --no-build-isolation --force-reinstall --no-deps .` in a clone"
    )
_log.connect(_kuda)
