"""Clips, scores and metrics as tables of pandas.

    python pandas_tables.py RUN DATA
"""

import sys

import pandas

import kuda


def main(run, data):
    run, data = kuda.Run(run), kuda.open(data)
    scores = pandas.DataFrame(kuda.predict(run, data, split="test"))
    table = data.to_pandas().merge(scores[["id", "prediction", "low", "high"]], on="id")
    table["error"] = (table["prediction"] - table["label"]).abs()
    print(table.nlargest(5, "error")[["id", "text", "label", "prediction", "error"]].to_string(index=False))
    print(pandas.DataFrame(run.metrics).round(3))  # a column a split
    return table


if __name__ == "__main__":
    main(*sys.argv[1:3])
