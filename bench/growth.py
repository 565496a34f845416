#!/usr/bin/env python3
"""How the time of KuDA grows: with the number of clips, the number of frames and the depth of the text encoder.

    python3 bench/growth.py --build build/release --out docs/measured/growth

runs kuda_bench (and kuda, which cuts the encoder) once for each point and writes OUT.gp, which holds the numbers, and
with gnuplot OUT.svg. One thread unless --threads says otherwise. A few minutes.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

# The panels: name, axis, points, options of kuda_bench for a point, cases and how each is called in the figure. The
# encoder has one layer in the first, so that sixteen times the clips take a minute. One adapter, because an encoder of
# one layer has no room for more.
ONE_ADAPTER = ["--set", "kuda.adapter_layers=[12]"]
PANELS = [
    ("clips", "training clips", [64, 256, 1024], lambda n: ["--clips", str(n), "--frames", "50", *ONE_ADAPTER],
     {"stage2/epoch": "an epoch"}),
    ("frames", "audio frames (vision: at most 55)", [50, 100, 200, 400],
     lambda n: ["--frames", str(n)], {"stage2/step": "a training step", "score/32": "scoring 32 clips"}),
    ("layers", "layers of the text encoder", [1, 2, 4, 6], lambda n: ["--frames", "50", *ONE_ADAPTER],
     {"stage2/step": "a training step", "score/32": "scoring 32 clips"}),
]


def measure(build, options, cases, scratch, arguments):
    """Median seconds of each case, by name."""
    result = scratch / "point.json"
    command = [build / "bench/kuda_bench", "--cases", "^(" + "|".join(cases) + ")$", "--json", result,
               "--threads", str(arguments.threads), "--repeats", str(arguments.repeats), *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return {case["name"]: case["median_s"] for case in json.loads(result.read_text())["cases"]}


def cut_encoders(build, encoder, layers, scratch):
    """Folders with the first layers of the encoder; the words are those of a few synthetic clips."""
    kuda, data = build / "src/kuda/apps/kuda", scratch / "words"
    subprocess.run([kuda, "data", "synth", data, "--train=64", "--valid=8", "--test=8"], check=True,
                   stdout=subprocess.DEVNULL)
    for count in layers:
        subprocess.run([kuda, "data", "encoder", data, encoder, scratch / f"layers{count}", "--layers", str(count)],
                       check=True, stdout=subprocess.DEVNULL)
        yield count, scratch / f"layers{count}"


def gnuplot_text(out, rows):
    """The figure with its numbers in it: point, seconds."""
    lines = []
    for name, _, _, _, cases in PANELS:
        for index, case in enumerate(cases):
            lines += [f"${name}{index} << END", *(f"{point} {seconds:.4f}" for panel, of, point, seconds in rows
                                                  if (panel, of) == (name, case)), "END"]
    lines += ["set terminal svg size 1050,340 dynamic background '#ffffff'", f"set output '{out.name}.svg'",
              "set multiplot layout 1,3", "set key top left", "set grid", "set yrange [0:*]", "set xrange [0:*]",
              "set ylabel 'seconds'"]
    for name, axis, _, _, cases in PANELS:
        lines.append(f"set xlabel '{axis}'")
        lines.append("plot " + ", ".join(f"${name}{index} with linespoints pt 7 lw 2 title '{label}'"
                                         for index, label in enumerate(cases.values())))
    return "\n".join(lines + ["unset multiplot"]) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build/release"))
    parser.add_argument("--encoder", type=pathlib.Path, default=pathlib.Path("encoders/minilm"))
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("growth"), help="path without an ending")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        encoders = dict(cut_encoders(arguments.build, arguments.encoder, PANELS[2][2], scratch))
        for name, _, points, options, cases in PANELS:
            for point in points:
                encoder = encoders[point if name == "layers" else 1] if name != "frames" else arguments.encoder
                times = measure(arguments.build, [*options(point), "--encoder", encoder], cases, scratch, arguments)
                for case in cases:
                    rows.append((name, case, point, times[case]))
                    print(f"{name} {point}: {case} {times[case]:.3f} s", file=sys.stderr)
    out = arguments.out
    out.parent.mkdir(parents=True, exist_ok=True)
    out.with_suffix(".gp").write_text(gnuplot_text(out, rows))
    subprocess.run(["gnuplot", out.name + ".gp"], cwd=out.parent, check=True)


if __name__ == "__main__":
    main()
