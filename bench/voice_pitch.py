#!/usr/bin/env python3
"""F0, voicing, harmonics-to-noise and jitter of kuda beside Praat's, on clips and on made tones.

    cmake --build build/release --target voice_descriptors
    python3 -m venv /tmp/praat && /tmp/praat/bin/pip install praat-parselmouth==0.4.7 numpy
    /tmp/praat/bin/python bench/voice_pitch.py build/release/bench/voice_descriptors ../shared/data/grid/*.mpg

Prints two tables in Markdown; r is the correlation over frames. Praat's pitch is the one by autocorrelation (Boersma 1993) at a step of 10 ms between 60
and 500 Hz with its default costs; its values are taken at the times of our frames. ffmpeg decodes the clips.
"""
import csv
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import parselmouth
from parselmouth.praat import call

RATE, LOW, HIGH = 16000, 60, 500


def decode(path):
    command = ["ffmpeg", "-v", "error", "-i", path, "-ac", "1", "-ar", str(RATE), "-c:a", "pcm_s16le", "-f", "s16le", "-"]
    return np.frombuffer(subprocess.run(command, check=True, capture_output=True).stdout, "<i2").astype("<f4") / 32768


def made(f0, harmonics=8, noise_db=None, seconds=3.0, voiced=None, seed=0):
    """Harmonics that fall by 6 dB an octave, of an f0 [Hz] at each sample; the noise so many dB below."""
    phase = 2 * np.pi * np.cumsum(f0) / RATE
    x = sum(np.sin(k * phase + k * k) / k * (k * f0 < RATE / 2) for k in range(1, harmonics + 1)) * 0.2
    if voiced is not None:
        x = x * voiced
    if noise_db is not None:
        power = np.mean(x[voiced > 0.5] ** 2) if voiced is not None else np.mean(x ** 2)
        x = x + np.random.default_rng(seed).normal(size=x.size) * np.sqrt(power / 10 ** (noise_db / 10))
    return x.astype("<f4")


def made_sounds():
    """Name, sound, true F0 at each sample (0: no voice)."""
    t = np.arange(3 * RATE) / RATE
    for hertz in (75, 110, 180, 260, 420):
        yield f"{hertz} Hz", made(np.full(t.size, float(hertz))), np.full(t.size, float(hertz))
    glide = 90 + 90 * t
    yield "glide 90 to 360 Hz", made(glide), glide
    vibrato = 200 * 2 ** (np.sin(2 * np.pi * 5 * t) / 12)
    yield "vibrato of a semitone at 5 Hz", made(vibrato), vibrato
    for decibels in (20, 10, 5, 0):
        yield f"vibrato, noise {decibels} dB below", made(vibrato, noise_db=decibels), vibrato
    on = (np.sin(2 * np.pi * 1.5 * t) > 0).astype(float)
    yield "vibrato, on and off, noise 20 dB below", made(vibrato, noise_db=20, voiced=on), vibrato * on
    third = 2 * np.pi * np.cumsum(vibrato) / RATE
    yield "harmonics 3 to 8 alone", sum(0.1 * np.sin(k * third + k * k) for k in range(3, 9)).astype("<f4"), vibrato


def kuda(program, samples):
    with tempfile.TemporaryDirectory() as folder:
        sound, table = pathlib.Path(folder) / "sound.f32", pathlib.Path(folder) / "table.csv"
        samples.tofile(sound)
        said = subprocess.run([program, sound, table], check=True, capture_output=True, text=True).stdout
        rows = list(csv.DictReader(table.open()))
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}, float(said.split()[-5])


def praat(samples, times):
    sound = parselmouth.Sound(samples.astype(float), RATE)
    pitch = sound.to_pitch_ac(time_step=0.01, pitch_floor=LOW, pitch_ceiling=HIGH)
    f0 = np.nan_to_num([call(pitch, "Get value at time", t, "Hertz", "linear") for t in times])
    pulses = call([sound, pitch], "To PointProcess (cc)")
    around = [(max(t - 0.025, 0), t + 0.025, 1e-4, 0.02, 1.3) for t in times]  # as long a piece as a frame of ours
    jitter = np.array([call(pulses, "Get jitter (local)", *piece) for piece in around])
    shimmer = np.array([call([sound, pulses], "Get shimmer (local)", *piece, 1.6) for piece in around])
    r = np.clip(np.interp(times, pitch.xs(), pitch.selected_array["strength"]), 1e-3, 1 - 1e-4)
    hnr = 10 * np.log10(r / (1 - r))  # of the same autocorrelation (Boersma 1993, eq. 4)
    return f0, hnr, jitter, shimmer


def compare(f0, truth):
    """Frames voiced in both, median |error| in Hz and %, gross errors in %, agreement on voicing in %."""
    both = (f0 > 0) & (truth > 0)
    if not both.any():
        return "0 | | | "
    error = np.abs(f0 - truth)[both]
    share = error / truth[both]
    return (f"{both.sum()} | {np.median(error):.2f} Hz ({100 * np.median(share):.2f} %) | "
            f"{100 * np.mean(share > 0.2):.1f} % | {100 * np.mean((f0 > 0) == (truth > 0)):.1f} %")


def main():
    program, clips = sys.argv[1], sys.argv[2:]
    edge = 3  # frames whose windows reach beyond the sound: Praat has none there
    print("| clip | voiced in both | median difference | over 20 % | same voicing | HNR, kuda | Praat | jitter, kuda | Praat "
          "| shimmer, kuda | Praat | CPU s a second |")
    print("|" + " --- |" * 12)
    for path in clips:
        samples = decode(path)
        ours, cost = kuda(program, samples)
        inside = slice(edge, len(ours["f0"]) - edge)
        f0, hnr, jitter, shimmer = praat(samples, np.arange(len(ours["f0"])) / 100)
        cells = [f"{pathlib.Path(path).name} | {compare(ours['f0'][inside], f0[inside])}"]
        for name, theirs, scale, unit in (("hnr", hnr, 1, "dB"), ("jitter", jitter, 100, "%"), ("shimmer", shimmer, 100, "%")):
            both = (ours["f0"] > 0) & (f0 > 0) & np.isfinite(theirs)
            a, b = scale * ours[name][both], scale * theirs[both]
            cells.append(f"{a.mean():.1f} {unit} | {b.mean():.1f} {unit} (r {np.corrcoef(a, b)[0, 1]:.2f})")
        print("| " + " | ".join(cells) + f" | {cost:.4f} |")
    print()
    print("| made sound | kuda: voiced in both | median error | over 20 % | right voicing "
          "| Praat: voiced in both | median error | over 20 % | right voicing |")
    print("|" + " --- |" * 9)
    for name, samples, truth in made_sounds():
        ours, _ = kuda(program, samples)
        inside = slice(edge, len(ours["f0"]) - edge)
        times = np.arange(len(ours["f0"])) / 100
        known = truth[np.minimum((times * RATE).astype(int), truth.size - 1)]
        f0 = praat(samples, times)[0]
        print(f"| {name} | {compare(ours['f0'][inside], known[inside])} | {compare(f0[inside], known[inside])} |")


if __name__ == "__main__":
    main()
