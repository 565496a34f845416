"""Makes small computational sequences as CMU-MultimodalSDK deploys them (needs h5py; written with 3.16.0).

Two videos: 'a' with three labels (the last without duration), 'b' with one, and 'c' in the labels alone.
"""
import h5py
import numpy as np


def save(name, root, entries):
    with h5py.File(name, "w", libver=("earliest", "v110"), track_order=False) as file:
        for video, (features, intervals) in entries.items():
            group = file.create_group(f"{root}/data/{video}")
            group.create_dataset("features", data=features, track_times=False)
            group.create_dataset("intervals", data=np.array(intervals, np.float64).reshape(-1, 2), track_times=False)
        file.create_group(f"{root}/metadata").create_dataset("root name", data=root, track_times=False)


def frames(n, seconds, width=2, first=0):
    """Frame i covers [i, i + 1) * seconds; its values are first + i, first + i + 0.5."""
    intervals = [(i * seconds, (i + 1) * seconds) for i in range(n)]
    return (first + np.arange(n)[:, None] + 0.5 * np.arange(width)[None]).astype(np.float32), intervals


labels = {"a": (np.array([[2.0, 9.0], [-1.5, 9.0], [3.0, 9.0]]), [(0, 1), (1, 2.5), (3, 3)]),
          "b": (np.array([[0.5, 9.0]]), [(0.25, 1)]), "c": (np.array([[1.0, 9.0]]), [(0, 1)])}
save("labels.csd", "Opinion Segment Labels", labels)
words = {"a": (np.array([["so"], ["sp"], ["good"], ["bad"], ["films"]], "S32"),
               [(0, 0.5), (0.5, 0.6), (0.6, 1), (1, 1.5), (1.5, 2.5)]),
         "b": (np.array([["fine"]], "S32"), [(0.3, 0.9)]), "c": (np.array([["yes"]], "S32"), [(0, 1)])}
save("words.csd", "words", words)
save("glove.csd", "glove_vectors", {v: (np.arange(len(w) * 3, dtype=np.float32).reshape(-1, 3), t) for v, (w, t) in words.items()})
save("audio.csd", "COVAREP", {"a": frames(10, 0.25), "b": frames(4, 0.25, first=100)})
# What the SDK writes after align(): one entry a clip.
save("aligned.csd", "OpenFace", {"a[0]": frames(2, 0.5), "a[1]": frames(3, 0.5, first=10), "b[0]": frames(1, 1.0, first=20)})
save("short.csd", "short", {"a": (np.zeros((3, 2), np.float32), [(0, 1), (1, 2)])})
with open("splits.csv", "w") as file:
    file.write("video_id,mode\na,train\nb,dev\n")
