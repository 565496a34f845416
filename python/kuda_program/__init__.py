"""The program `kuda`, which is part of the package. A module of its own: to start it, torch is not imported."""

import importlib.util
import os
import sys


def main() -> None:
    def folder(package: str) -> str:
        found = importlib.util.find_spec(package)
        if found is None or not found.submodule_search_locations:
            sys.exit(f"kuda: the Python package {package} is not installed")
        return found.submodule_search_locations[0]

    program = os.path.join(folder("kuda"), "bin", "kuda")
    libraries = [os.path.join(folder("torch"), "lib"), os.environ.get("LD_LIBRARY_PATH", "")]
    environment = {**os.environ, "LD_LIBRARY_PATH": ":".join(filter(None, libraries))}
    os.execve(program, [program, *sys.argv[1:]], environment)
