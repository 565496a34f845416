#!/usr/bin/env python3
"""What one run of each system costs with the preset of a data set: time an epoch and a seed, memory.

    python3 bench/costs.py --like sims --threads 2

runs kuda_bench once for each system on synthetic clips of the published sizes with a BERT-base of random weights, and
prints a table in Markdown. Steps are measured; epochs and seeds are computed from them, the number of clips and the
preset's epochs, which is the most where a run may stop early. Several minutes for a data set.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
CLIPS = {"sims": (1368, 456), "simsv2": (2722, 647), "mosi": (1284, 229), "mosei": (16326, 1871)}  # train, valid
SCORE = "score/32"


def kuda(build, *arguments):
    """What the program prints."""
    return subprocess.run([build / "src/kuda/apps/kuda", *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout


def preset(system, like):
    return ROOT / "configs" / f"{system}_{like}.toml"


def measure(build, system, like, batch, arguments):
    """kuda_bench's result for the steps and for scoring."""
    with tempfile.TemporaryDirectory() as folder:
        result = pathlib.Path(folder) / "result.json"
        subprocess.run([build / "bench/kuda_bench", "--like", like, "--encoder", arguments.encoder, "--config",
                        preset(system, like), "--batch", str(batch), "--cases",
                        f"^(stage1/.*/step|stage2/step|{SCORE})$", "--threads", str(arguments.threads), "--repeats",
                        str(arguments.repeats), "--json", result], check=True, stdout=subprocess.DEVNULL)
        return json.loads(result.read_text())


def row(build, system, like, arguments):
    """Cells of the table, and the hours of a seed."""
    config = tomllib.loads(kuda(build, "config", "-c", preset(system, like)))  # every key
    result = measure(build, system, like, config["train"]["batch_size"], arguments)
    cases = {case["name"]: case for case in result["cases"]}
    train, valid = CLIPS[like]
    scoring = valid * cases[SCORE]["median_s"] / cases[SCORE]["clips"]

    def epoch(name):
        return train * cases[name]["median_s"] / cases[name]["clips"] + scoring

    seconds = config["train"]["epochs"] * epoch("stage2/step")
    for name in cases:
        if name.startswith("stage1/"):
            options = config["pretrain"]
            seconds += (options["epochs"] or options["epochs_" + name.split("/")[1]]) * epoch(name)
    step = cases["stage2/step"]
    may_stop = "at most " if config["train"]["early_stop"] > 0 else ""
    return [system, f"{step['median_s']:.1f} s of {step['clips']} clips", f"{epoch('stage2/step') / 60:.1f} min",
            f"{may_stop}{config['train']['epochs']}", f"{may_stop}{seconds / 3600:.0f} h",
            f"{result['process_peak_mib'] / 1024:.1f} GB"], seconds / 3600


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    parser.add_argument("--like", choices=CLIPS, default="sims")
    parser.add_argument("--systems", nargs="+", help="default: all")
    parser.add_argument("--encoder", default="bert-base", help="folder, or bert-base: that size, random weights")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=1)
    arguments = parser.parse_args()
    print("| system | step | epoch | epochs | seed | memory |\n| --- | --- | --- | --- | --- | --- |")
    build, total = arguments.build.resolve(), 0
    systems = arguments.systems or [model["name"] for model in json.loads(kuda(build, "models", "--json"))]
    for number, system in enumerate(systems, 1):
        print(f"{number}/{len(systems)} {system}", file=sys.stderr)
        cells, hours = row(build, system, arguments.like, arguments)
        total += hours
        print("| " + " | ".join(cells) + " |", flush=True)
    print(f"\n{arguments.like}: at most {total:.0f} h for one seed of all of these")


if __name__ == "__main__":
    main()
