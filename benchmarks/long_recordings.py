"""Seconds and memory of recordings of 10 minutes, one hour and ten.

Each stage runs in a process of its own, after a small fit that is not counted. Memory
is the highest ``RssAnon`` above that at the start of the stage, sampled every 5 ms:
what no file backs, so without the pages of files that the system keeps at will.

Run with: python benchmarks/long_recordings.py [--hours 0.167 1 10] [--stages ...]

Needs Linux, and 4 GB of disk for ten hours.
"""

import argparse
import ctypes
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import soundfile
import torch

from sklearn_triplet import CRNNTagger, LogMel, TripletEmbedder, TripletTagger

RATE = 16000
STAGES = ["features", "features_in_memory", "embed_clip", "tag_clip", "tag_frames"]
STAGES += ["crnn_clip", "crnn_frames"]
SHORT = {"max_epochs": 1, "random_state": 0}


def write_recording(path, hours):
    """Write noise with a tone every ten seconds, minute by minute."""
    rng = np.random.default_rng(0)
    seconds = np.arange(RATE) / RATE
    with soundfile.SoundFile(path, "w", RATE, 1) as file:
        for _ in range(round(hours * 60)):
            minute = rng.normal(scale=0.01, size=60 * RATE)
            for begin in range(0, 60 * RATE, 10 * RATE):
                pitch = rng.choice([440, 1000, 3000])
                tone = 0.2 * np.sin(2 * np.pi * pitch * seconds)
                minute[begin : begin + RATE] += tone
            file.write(minute.astype(np.float32))


def resident():
    """Return the memory of this process that no file backs, in MB."""
    text = Path("/proc/self/status").read_text()
    return int(text.split("RssAnon:")[1].split()[0]) / 1e3


def measure(act):
    """Do something; return seconds, the peak above the start in MB, and the result."""
    ctypes.CDLL(None).malloc_trim(0)
    start, peaks, done = resident(), [0.0], threading.Event()

    def watch():
        while not done.wait(0.005):
            peaks.append(resident() - start)

    watcher = threading.Thread(target=watch)
    watcher.start()
    begin = time.perf_counter()
    result = act()
    seconds = time.perf_counter() - begin
    done.set()
    watcher.join()
    return seconds, max(peaks), result


def prepare(stage, folder):
    """Return what a stage does, with all that is needed made and fitted before."""
    path, memory = str(folder / "recording.flac"), folder / "features"
    LogMel(RATE).transform([(path, 0.0, 1.0)])  # what is imported once
    if stage == "features_in_memory":
        return lambda: LogMel(RATE).transform([path])
    log_mel = LogMel(RATE, memory=memory)
    if stage == "features":
        return lambda: log_mel.transform([path])
    X = log_mel.transform([path])
    short = [X[0, :, 1000 * i : 1000 * (i + 1)] for i in range(8)]
    y = np.arange(8) % 2
    kind, _, output = stage.partition("_")
    if kind == "embed":
        embedder = TripletEmbedder("s1", encoder="deep", output="clip", **SHORT)
        estimator = embedder.fit(short)
        estimator.transform(short)
        return lambda: estimator.transform(X)
    tagger = TripletTagger(n_steps=2, **SHORT) if kind == "tag" else CRNNTagger(**SHORT)
    tagger.fit(short, y).predict_proba(short)
    return lambda: tagger.predict_proba(X, frames=output == "frames")


def run_stage(stage, folder):
    torch.set_num_threads(1)
    seconds, peak, result = measure(prepare(stage, folder))
    held = 0.0 if isinstance(result, np.memmap) else result.nbytes / 1e6
    print(json.dumps([seconds, peak, held]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, nargs="+", default=[1 / 6, 1, 10])
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES)
    parser.add_argument("--stage", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.stage:
        run_stage(arguments.stage, Path(arguments.folder))
        return
    print(f"{'hours':>6} {'stage':20} {'seconds':>8} {'peak MB':>8} {'returned':>8}")
    for hours in arguments.hours:
        with tempfile.TemporaryDirectory() as folder:
            write_recording(f"{folder}/recording.flac", hours)
            for stage in arguments.stages:
                command = [sys.executable, __file__, "--stage", stage]
                command += ["--folder", folder]
                out = subprocess.run(
                    command, check=True, capture_output=True, text=True
                ).stdout
                seconds, peak, held = json.loads(out.splitlines()[-1])
                print(
                    f"{hours:6.2f} {stage:20} {seconds:8.1f} {peak:8.0f} {held:8.0f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
