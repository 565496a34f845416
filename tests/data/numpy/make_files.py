"""Makes the small .npy and .npz files beside this script. Run once with numpy 2.4; the files are committed.

    python make_files.py
"""

import io
import zipfile

import numpy as np

base = np.arange(6, dtype=np.float32).reshape(2, 3) / 4
for name in ("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float16", "float32", "float64"):
    np.save(f"{name}.npy", np.array([0, 1, 100]).astype(name))
np.save("c_order.npy", base)
np.save("fortran_order.npy", np.asfortranarray(base))
np.save("big_endian.npy", base.astype(">f4"))
np.save("scalar.npy", np.float64(2.5))
np.save("empty.npy", np.zeros((0, 3), np.float32))
np.save("text.npy", np.array(["ab", "c"]))
np.save("objects.npy", np.array([{"a": 1}, None], dtype=object), allow_pickle=True)
np.save("record.npy", np.zeros(2, dtype=[("x", "<f4"), ("y", "<i4")]))
np.save("complex.npy", np.zeros(2, np.complex64))
for version in ((2, 0), (3, 0)):
    with open(f"version_{version[0]}.npy", "wb") as file:
        np.lib.format.write_array(file, base, version=version)
np.savez("stored.npz", audio=base, labels=np.array([1, -2], np.int64))
np.savez_compressed("deflated.npz", audio=base, zeros=np.zeros((50, 40)), labels=np.array([1, -2], np.int64))
np.savez("mixed.npz", audio=base, ids=np.array(["a$_$1", "b$_$2"]))
ragged = np.empty(2, dtype=object)
ragged[:] = [base[:1], base]
np.savez("ragged.npz", vision=ragged, lengths=np.array([1, 2]))


def member():
    buffer = io.BytesIO()
    np.save(buffer, base)
    return buffer.getvalue()


with zipfile.ZipFile("bzip2.npz", "w", zipfile.ZIP_BZIP2) as archive:
    archive.writestr(zipfile.ZipInfo("audio.npy"), member(), zipfile.ZIP_BZIP2)
with zipfile.ZipFile("twice.npz", "w") as archive:
    for _ in range(2):
        archive.writestr(zipfile.ZipInfo("audio.npy"), member())
