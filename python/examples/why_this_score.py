"""Which modality decided the scores of a run, and whether taking it away changes them.

    python why_this_score.py RUN DATA
"""

import sys

import kuda


def main(run, data):
    predictor = kuda.Predictor(run, data=data)
    first = kuda.open(data).rows("test")[0]
    why = predictor.explain([{"clip": predictor.clips[first]}])[0]
    print(f"{why.score.id}: {why.score.score:+.2f}, mostly {why.by_removal}")
    for modality, score in why.without.items():
        if score is not None:
            print(f"  without {modality}: {score:+.2f}")
    everything = kuda.explain(run, data)
    print("over the", len(everything["clips"]), "clips of the test split:", everything["summary"])
    return why


if __name__ == "__main__":
    main(*sys.argv[1:3])
