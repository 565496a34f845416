"""Two files of kuda_bench, case by case: how the second stands to the first.

    python3 bench/compare.py before.json after.json
    python3 bench/compare.py before.json after.json --fail-above 1.1     # exit code 1 when a case became 10 % slower

Ratios are after / before, so below 1 is faster. "~" marks a case whose quartiles overlap: noise may explain it. Files
of different machines, threads, builds or options are refused (exit code 2) unless --force is given. Standard library
only.
"""
import argparse
import json
import statistics
import sys


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
    except (OSError, ValueError) as error:
        sys.exit(f"compare: {path}: {error}")
    if not isinstance(document, dict) or document.get("format") != "kuda-bench 1":
        sys.exit(f"compare: {path}: not a file of kuda_bench --json")
    return document


def differences(before, after):
    """What must agree for a ratio to mean something, and does not."""
    found = []
    for part in ("machine", "options"):
        for key in sorted(before[part].keys() | after[part].keys()):
            old, new = before[part].get(key), after[part].get(key)
            if old != new:
                found.append(f"{part}.{key}: {old} / {new}")
    return found


def quartiles(seconds):
    if len(seconds) < 2:
        return seconds[0], seconds[0]
    low, _, high = statistics.quantiles(seconds, n=4, method="inclusive")
    return low, high


def compare(before, after):
    """One row a case that both files have: name, milliseconds, ratios, mark."""
    old_cases = {case["name"]: case for case in before["cases"]}
    for new in after["cases"]:
        old = old_cases.get(new["name"])
        if old is None:
            continue
        old_low, old_high = quartiles(old["seconds"])
        new_low, new_high = quartiles(new["seconds"])
        yield {
            "name": new["name"],
            "before": 1e3 * old["median_s"],
            "after": 1e3 * new["median_s"],
            "median": new["median_s"] / old["median_s"],
            "min": new["min_s"] / old["min_s"],
            "memory": new["tensor_peak_mib"] / old["tensor_peak_mib"] if old["tensor_peak_mib"] > 0 else None,
            "gflop": new["gflop"] / old["gflop"] if old.get("gflop") and new.get("gflop") else None,
            "mark": "~" if old_low <= new_high and new_low <= old_high else "",
        }


def print_table(rows):
    def ratio(value):
        return "-" if value is None else f"{value:.3f}"

    header = ["case", "before ms", "after ms", "median", "min", "", "GFLOP", "memory"]
    lines = [header] + [
        [row["name"], f"{row['before']:.1f}", f"{row['after']:.1f}", ratio(row["median"]), ratio(row["min"]),
         row["mark"], ratio(row["gflop"]), ratio(row["memory"])]
        for row in rows
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for line in lines:
        cells = [line[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(line[1:], widths[1:])]
        print("  ".join(cells).rstrip())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before")
    parser.add_argument("after")
    parser.add_argument("--force", action="store_true", help="compare also what was not measured alike")
    parser.add_argument("--fail-above", type=float, metavar="RATIO", help="exit code 1 when a median ratio is above it")
    arguments = parser.parse_args()
    before, after = read(arguments.before), read(arguments.after)

    unlike = differences(before, after)
    for line in unlike:
        print(f"compare: {line}", file=sys.stderr)
    if unlike and not arguments.force:
        print("compare: not measured alike; --force compares all the same", file=sys.stderr)
        sys.exit(2)

    rows = list(compare(before, after))
    if not rows:
        sys.exit("compare: no case is in both files")
    print_table(rows)
    for kind in ("fp32", "bf16"):
        old, new = before["peak"][kind + "_gflops"], after["peak"][kind + "_gflops"]
        if old > 0 and new > 0:
            print(f"{kind} peak of the machine: {old:.0f} -> {new:.0f} GFLOP/s ({new / old:.3f})")
    names = [{case["name"] for case in document["cases"]} for document in (before, after)]
    for path, only in ((arguments.before, names[0] - names[1]), (arguments.after, names[1] - names[0])):
        if only:
            print(f"only in {path}: {', '.join(sorted(only))}")
    if arguments.fail_above is not None and any(row["median"] > arguments.fail_above for row in rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
