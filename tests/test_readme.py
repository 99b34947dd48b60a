"""What the README shows, run."""

import re
import warnings
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import soundfile
from sklearn.model_selection import GridSearchCV

import sklearn_triplet

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.S)

NAMES = ["high", "low", "middle"]
# which of the three tones are in each of the six clips of a recording
HEARD = [[1, 0, 0], [0, 1, 1], [0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]]


def test_the_folder_of_the_first_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recordings").mkdir()
    for name in ("a", "b", "c"):
        soundfile.write(f"recordings/{name}.wav", np.zeros(4410), 44_100)
    Path("recordings/labels.csv").write_text("filename,labels\na.wav,dog\nc.wav,rain\n")
    exec(BLOCKS[0], {}, found := {})
    assert [Path(path).name for path in found["paths"]] == ["a.wav", "b.wav", "c.wav"]
    assert found["y"].tolist() == ["dog", -1, "rain"]


def test_the_first_page_on_a_folder_with_a_broken_file(tmp_path, monkeypatch):
    """All three blocks, one after the other, on small nets and a part of the grid."""
    monkeypatch.chdir(tmp_path)
    paths = write_tones(tmp_path / "recordings", 25)
    names = np.array(["low", "high"])[np.arange(20) % 2]
    rows = [f"{i}.wav,{name}" for i, name in enumerate(names)]
    Path("recordings/labels.csv").write_text("\n".join(["filename,labels", *rows]))
    paths[24].write_text("no sound at all")
    found = {"new_paths": paths[:2], "small": small_tagger, "shrink": shrink}
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        exec(BLOCKS[0], found)
        exec(BLOCKS[1].replace("TripletTagger(", "small("), found)
        assert found["tagger"].predict(found["X"])[:4].tolist() == names[:4].tolist()
        exec(BLOCKS[2].replace("search.fit(", "shrink(search)\nsearch.fit("), found)
    assert any("could not use 1 of 25" in str(w.message) for w in record)
    search = found["search"]
    assert isinstance(search, GridSearchCV)
    assert search.best_score_ > 0.8
    assert search.predict(found["X"])[:4].tolist() == names[:4].tolist()


def small_tagger(precision, random_state):
    assert precision == "auto"
    return sklearn_triplet.TripletTagger(
        n_components=8, n_steps=8, batch_size=16, lr=0.01, random_state=random_state
    )


SMALL = SimpleNamespace(
    TripletTagger=partial(
        sklearn_triplet.TripletTagger,
        n_components=8, n_steps=6, max_epochs=5, batch_size=16, lr=0.02,
    ),
    SequenceTagger=partial(
        sklearn_triplet.SequenceTagger,
        n_cells=16, frame_pooling=10, max_epochs=20, lr=0.01,
    ),
    TripletEmbedder=partial(
        sklearn_triplet.TripletEmbedder, n_components=4, n_triplets=50, max_epochs=1
    ),
)  # fmt: skip


def shrink_nets(code):
    """Call those of ``SMALL`` instead."""
    return re.sub(r"\b(Triplet|Sequence)(Tagger|Embedder)\(", r"SMALL.\1\2(", code)


def write_tones(folder, n_files):
    rng = np.random.default_rng(0)
    folder.mkdir()
    paths = [folder / f"{i}.wav" for i in range(n_files)]
    for i, path in enumerate(paths):
        tone = np.sin(np.arange(12_000) * (0.05 if i % 2 else 0.5))
        soundfile.write(path, 0.1 * tone + 0.01 * rng.normal(size=12_000), 44_100)
    return paths


def write_recordings(folder, n_files):
    """Write half minutes of noise, in which there are tones as ``HEARD`` says."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    times = np.arange(5 * 44_100)
    tones = np.sin(times * np.array([[0.5], [0.05], [0.15]]))
    for i in range(n_files):
        sound = 0.1 * (np.array(HEARD) @ tones).ravel()
        sound += 0.01 * rng.normal(size=len(sound))
        soundfile.write(folder / f"{i}.wav", sound, 44_100)


def list_marks(n_files, listened):
    """List the lines of a table that marks the first clips of each recording."""
    lines = ["filename\tonset\toffset\tevent_label"]
    for i in range(n_files):
        lines.append(f"{i}.wav\t0\t{5 * listened}\tlistened")
        lines += [
            f"{i}.wav\t{5 * clip}\t{5 * clip + 5}\t{name}"
            for clip in range(listened)
            for name, is_there in zip(NAMES, HEARD[clip], strict=True)
            if is_there
        ]
    return lines


def shrink_embedder(search):
    small = {"emb__n_components": 4, "emb__max_epochs": 1, "emb__random_state": 0}
    search.estimator.set_params(**small)


def shrink(search):
    shrink_embedder(search)
    first, second = search.param_grid
    assert [*first["emb__strategy"], *second["emb__strategy"]] == list(
        sklearn_triplet.STRATEGIES
    )
    search.param_grid = {"emb__strategy": ["s2", "s3"], "emb__labeled_ratio": [0.5]}
    search.n_jobs = 1


def test_hours_of_recordings(tmp_path, monkeypatch):
    """From files and a table to label tracks and a page, on tones and small nets."""
    monkeypatch.chdir(tmp_path)
    write_recordings(tmp_path / "recorder", 10)
    Path("marked.tsv").write_text("\n".join(list_marks(10, listened=4)))
    found = {"mel": sklearn_triplet.LogMel(), "SMALL": SMALL}
    exec(shrink_nets(BLOCKS[3]), found)
    assert set(found["asked"]) == set(found["clips"][4::6] + found["clips"][5::6])
    page = Path("next.html").read_text(encoding="utf-8")
    assert page.count("recorder/") >= 20
    # in the last clip, which nobody listened to, there is the first tone
    for i in range(10):
        track = Path(f"found/{i}.txt").read_text().splitlines()
        events = [line.split("\t") for line in track]
        assert any(
            float(onset) < 27 and float(offset) > 28 and label == NAMES[0]
            for onset, offset, label in events
        )


def test_the_selector_of_ones_own():
    exec(BLOCKS[4], {}, found := {})
    embedder = sklearn_triplet.TripletEmbedder(
        found["strategy"], n_components=4, max_epochs=1, random_state=0
    )
    X = np.random.default_rng(0).normal(size=(8, 8, 100)).astype(np.float32)
    embedder.fit(X, [0, 0, 1, 1, -1, -1, -1, -1])
    assert type(embedder.strategy_.unlabeled_positive).__name__ == "Louder"
    assert embedder.history_[-1, "substituted_positives"] == 0


def test_every_public_name_is_documented():
    for name in sklearn_triplet.__all__:
        thing = getattr(sklearn_triplet, name)
        if isinstance(thing, type) or callable(thing):
            assert len(thing.__doc__) > 40, name
