"""What JSON Schema cannot say of a form: a file is an array with frames of the model's width, or a video, which this server
is not made for (tests/openapi_fuzz.sh)."""
import io
import json
import os
import urllib.request

import numpy as np
import schemathesis

with urllib.request.urlopen(os.environ["KUDA_URL"] + "/v1/model") as answer:
    MODEL = json.load(answer)


def npy(width, seed):
    file = io.BytesIO()
    np.save(file, np.random.default_rng(seed).normal(size=(seed % 5 + 1, width)).astype(np.float32))
    return file.getvalue()


def repaired(form):
    """The same form with arrays for files, of one clip that the model reads."""
    inputs = MODEL["inputs"]
    seed = sum(len(str(value)) for value in form.values())
    form = {name: value for name, value in form.items() if name not in ("text_features", "features", "video")}
    for name in ("vision", "audio"):
        if name in form:
            form[name] = npy(inputs[name]["width"], seed)
    if form.pop("clip", ""):
        form["text"] = "of the data"  # a named clip has nothing beside it; JSON tries those
    if "without" in form:
        form["without"] = "audio" if "audio" in form["without"] else ""
    form["text"] = form.get("text") or "a fine film"
    return form


@schemathesis.hook
def before_call(context, case, kwargs):
    is_form = case.media_type == "multipart/form-data" and isinstance(case.body, dict)
    if is_form and case.meta is not None and case.meta.generation.mode.is_positive:
        kwargs["files"] = [(name, (name if isinstance(value, bytes) else None, value))
                           for name, value in repaired(case.body).items()]
