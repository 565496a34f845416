"""What the Python package costs: its import beside that of torch, and a score beside the same work in C++.

    PYTHONPATH=build/release/python .venv/bin/python bench/python_costs.py RUN DATA [REPEATS]
"""

import statistics
import subprocess
import sys
import time


def seconds_of(code):
    """Of a fresh interpreter, measured inside it; the least of five."""
    program = f"import time; start = time.perf_counter(); {code}; print(time.perf_counter() - start)"
    return min(float(subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout)
               for _ in range(5))


def main(run, data, repeats=200):
    torch, both = seconds_of("import torch"), seconds_of("import torch, kuda.runs")
    print(f"import torch {torch:.3f} s, with kuda's library {both:.3f} s: {1000 * (both - torch):+.0f} ms")
    print(f"kuda.read_pickle alone: {seconds_of('import kuda; kuda.read_pickle'):.3f} s")

    import kuda

    predictor, clips = kuda.Predictor(run), kuda.open(data)
    row = clips[clips.rows("test")[0]]
    clip = {"text": row["text"], "audio": row["audio"].numpy(), "vision": row["vision"].numpy()}
    for _ in range(20):
        predictor.score(**clip)
    shares, times = [], []
    for _ in range(int(repeats)):
        start = time.perf_counter()
        score = predictor.score(**clip)
        whole = time.perf_counter() - start
        times.append(score.seconds)
        shares.append(whole / score.seconds - 1)
    print(f"one clip: {1000 * statistics.median(times):.2f} ms in C++ (its batch), "
          f"{100 * statistics.median(shares):.1f} % more through Python, checks of the clip included")


if __name__ == "__main__":
    main(*sys.argv[1:])
