"""What the pages of docs/ show, run."""

import copy
import re
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from sklearn.datasets import load_digits
from test_readme import BLOCKS as README_BLOCKS
from test_readme import (
    HEARD,
    NAMES,
    SMALL,
    list_marks,
    shrink_embedder,
    shrink_nets,
    write_recordings,
    write_tones,
)

from sklearn_triplet import (
    Candidates,
    LogMel,
    SegmentedClips,
    TripletTagger,
    is_labeled,
    mask_labels,
)
from sklearn_triplet.datasets import read_events

DOCS = Path(__file__).parents[1] / "docs"
PAGES = {
    path.stem: re.findall(
        r"```python\n(.*?)```", path.read_text(encoding="utf-8"), re.S
    )
    for path in sorted(DOCS.glob("*.md"))
}
STORY = PAGES.pop("long_recordings")
# these are scripts, from their first block to their last
QUESTIONS, OWN = PAGES.pop("faq"), PAGES.pop("write_your_own")
BLOCKS = [block for blocks in PAGES.values() for block in blocks]


def find_block(text, blocks=BLOCKS):
    found = [block for block in blocks if text in block]
    assert len(found) == 1
    return found[0]


def test_every_block_is_run_here():
    assert len(BLOCKS) == 10 and QUESTIONS and OWN
    # the page on long recordings is one story, whose chapters are run below
    told = [find_block(text, STORY) for chapter in CHAPTERS for text in chapter]
    assert told == STORY


def test_workers_that_keep_their_memory():
    config = pytest.importorskip("dask.config")
    pytest.importorskip("distributed")
    before = copy.deepcopy(config.config)
    try:
        exec(textwrap.dedent(find_block("MALLOC_TRIM_THRESHOLD_")), {})
        kept = config.get("distributed.nanny.pre-spawn-environ")
    finally:
        config.config.clear()
        config.config.update(before)
    assert kept["MALLOC_TRIM_THRESHOLD_"] == 2**32 and kept["MALLOC_MMAP_MAX_"] == 0
    assert kept["OMP_NUM_THREADS"] == 1  # and what Dask sets beside it remains


def test_recordings_and_their_labels(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_tones(tmp_path / "recordings", 3)
    Path("recordings/labels.csv").write_text("filename,labels\n0.wav,low\n1.wav,high\n")
    exec(find_block("load_audio_folder"), {}, found := {})
    assert not found["X"].flags.writeable  # kept in the folder "features"
    assert list(Path("features").iterdir())
    assert found["X"].shape == (3, 64, 28)
    assert found["y"].tolist() == ["low", "high", -1]


def test_questions(tmp_path, monkeypatch):
    """The answers, with what the start page leaves behind."""
    monkeypatch.chdir(tmp_path)
    paths = write_tones(tmp_path / "recordings", 24)
    write_tones(tmp_path / "more", 4)
    names = ["low", "high"]
    rows = [f"{i}.wav,{names[i % 2]}" for i in range(20)]
    Path("recordings/labels.csv").write_text("\n".join(["filename,labels", *rows]))
    Path("more/dog bark").mkdir()
    Path("more/0.wav").rename("more/dog bark/0.wav")
    mel = LogMel()
    X, y = mel.transform(paths), np.array([*names * 10, *[-1] * 4], dtype=object)
    tagger = SMALL.TripletTagger(random_state=0).fit(X, y)
    found = {"paths": paths, "new_paths": paths[:3], "mel": mel, "X": X, "y": y}
    found |= {"tagger": tagger, "SMALL": SMALL}
    for block in QUESTIONS:
        exec(shrink_nets(block), found)
    assert found["marked"].tolist() == ["dog", -1, "rain", -1]
    told = [(Path(path).stem, label) for path, label in
            zip(found["all_paths"], found["all_y"], strict=True)]  # fmt: skip
    expected = [(path.stem, label) for path, label in zip(paths, y, strict=True)]
    assert sorted(told[:24]) == sorted(expected)
    assert sorted(told[24:]) == [("0", "dog"), ("1", -1), ("2", -1), ("3", -1)]
    assert found["fine"].transform(paths[:1]).shape[2] == 12_000 // 220 + 1
    # of each of three folds, and none lost to rows without a label
    assert found["scores"].shape == (3,) and np.isfinite(found["scores"]).all()
    table = pd.read_csv("tags.csv", index_col=0)
    assert table["tag"].tolist()[:20] == names * 10
    np.testing.assert_allclose(table[["high", "low"]].sum(axis=1), 1, atol=1e-5)
    # the nearest of all is the recording itself, then those of its tone
    assert found["similar"][0] == paths[0]
    assert {int(path.stem) % 2 for path in found["similar"]} == {0}
    assert set(found["ask"][:4]) == set(paths[20:])
    assert found["tags"].tolist() == ["low", "high", "low"]
    weights = np.load("weights.npz")
    module = found["embedder"].net_.module_
    assert set(weights) == set(module.state_dict())


def test_selectors_and_encoders_of_ones_own():
    exec(README_BLOCKS[4], found := {"np": np})
    for block in OWN:
        exec(block, found)
    X = np.random.default_rng(0).normal(size=(8, 8, 100)).astype(np.float32)
    y = [0, 0, 1, 1, -1, -1, -1, -1]
    small = {"max_epochs": 1, "random_state": 0}
    Z = found["embedder"].set_params(**small).fit(X, y).transform(X)
    assert Z.shape == (8, 16, 100)
    tagger = found["tagger"].set_params(n_steps=2, n_components=8, **small)
    assert set(tagger.fit(X, y).predict(X)) <= {0, 1}
    # the fifth nearest, and the last of fewer, by hand
    distances = torch.tensor([[6.0, 1, 5, 3, 2, 4], [6.0, 1, 5, 3, 2, 4]])
    allowed = torch.tensor([[True] * 6, [True, False, True, False, False, False]])
    no = torch.zeros_like(allowed)
    given = distances, torch.ones(2), allowed, no, no, torch.zeros(2, 6)
    index, substituted = found["FifthNearest"]().select(Candidates(*given))
    assert index.tolist() == [2, 0] and not substituted.any()
    # what fades in is as loud as before at the end, and one deviation softer at first
    segments = SegmentedClips.from_arrays(X, segment_length=50)
    units = segments.take(np.array([[0]]))
    faded = found["Fade"]().apply(units, segments, None)
    np.testing.assert_allclose((faded.X - units.X)[0, 0, :, [0, -1]].T, [[-1, 0]] * 8,
                               atol=1e-6)  # fmt: skip


def test_the_paper_page_names_tests_that_are_there():
    text = (DOCS / "paper_to_code.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/\w+\.py)(?:::(\w+))?`", text)
    assert len(named) > 20
    for path, test in named:
        source = (DOCS.parent / path).read_text(encoding="utf-8")
        assert not test or f"def {test}(" in source, test


def test_a_fit_that_is_killed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    X = np.random.default_rng(0).normal(size=(12, 8))
    block = find_block("checkpoint=").replace("(checkpoint", "(**SMALL, checkpoint")
    small = {"n_components": 4, "n_steps": 2, "batch_size": 12, "max_epochs": 1}
    y = np.where(np.arange(12) < 6, np.arange(12) % 2, -1)
    exec(block, {"X": X, "y": y, "SMALL": small}, found := {})
    assert len(list(Path("checkpoints").glob("TripletTagger-*/finished.pt"))) == 1
    assert found["tagger"].n_iter_ == 1


def test_tables():
    X, truth = load_digits(return_X_y=True)
    y = mask_labels(truth, 0.05, random_state=0)
    exec(find_block("RandomNegative"), {}, found := {})
    embedder = found["embedder"].set_params(tripletembedder__max_epochs=1)
    Z = embedder.fit(X, y).transform(X)
    np.testing.assert_allclose(np.linalg.norm(Z, axis=1), 1, rtol=1e-5)


def test_pseudo_labels():
    X, truth = load_digits(return_X_y=True)
    y = mask_labels(truth, 0.1, random_state=0)
    exec(find_block("confidence_floor"), {}, found := {})
    embedder = found["embedder"].set_params(max_epochs=3, random_state=0)
    guessed = embedder.fit(X, y).pseudo_labels_
    assert (guessed == truth)[y == -1].mean() > 0.8
    assert 0 < embedder.history_[-1, "pseudo_labeled"] <= 1


def test_sharing_models(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    X = np.random.default_rng(0).normal(size=(12, 4)) + np.arange(12)[:, None] % 2
    y = np.array(["low", "high"] * 4 + [-1] * 4, dtype=object)
    tagger = TripletTagger(max_epochs=1, n_steps=2, random_state=0).fit(X, y)
    exec(find_block("save_model("), {"tagger": tagger}, found := {})
    expected = tagger.predict_proba(X)
    np.testing.assert_array_equal(found["same"].predict_proba(X), expected)


@pytest.mark.slow
def test_a_gateway(tmp_path, monkeypatch, capsys):
    pytest.importorskip("onnxscript")
    monkeypatch.chdir(tmp_path)
    paths = write_tones(tmp_path / "tones", 12)
    y = np.array(["high", "low"] * 4 + [-1] * 4, dtype=object)
    code = shrink_nets(find_block("export_onnx("))
    exec(code, {"paths": paths, "y": y, "SMALL": SMALL})
    paths[-1].rename("new.wav")
    exec(find_block("onnxruntime"), {})
    assert capsys.readouterr().out == "low\n"


def test_the_sweep(tmp_path):
    paths = write_tones(tmp_path / "tones", 24)
    y = np.array([0, 1] * 10 + [-1] * 4)
    code = find_block("GridSearchCV(").replace(
        "search.fit(", "shrink(search)\nsearch.fit("
    )
    code = code.replace("n_jobs=2", "n_jobs=1")
    exec(code, {"paths": paths, "y": y, "shrink": shrink_sweep}, found := {})
    scores = found["search"].cv_results_["mean_test_score"]
    assert len(scores) == 4
    assert (scores > 0.7).all()


def shrink_sweep(search):
    assert [len(values) for values in search.param_grid[0].values()] == [3, 4]
    shrink_embedder(search)
    search.param_grid[0]["emb__labeled_ratio"] = [0.5]
    search.param_grid[0]["emb__strategy"] = ["s2", "s3"]


# --- docs/long_recordings.md, a story of which each block goes on with what came before

# by what only this block holds; those of one chapter are run by one test
LOADING = "DESCR", "cross_val_score("
EVENTS = ("write_events(events",)
THRESHOLDS = ("TunedThresholds(",)
ASKING = "TypiClust(", "simple_batch("
REVIEWING = "write_review_page(", "marked_2.tsv"
SEARCHING = "call.wav", "hop=0.5"
HOURS = ("predict_frames(hours)",)
CHAPTERS = LOADING, EVENTS, THRESHOLDS, ASKING, REVIEWING, SEARCHING, HOURS


def tell(chapter, names):
    """Run blocks on small nets and few clips, in a copy of what came before."""
    names = {**names, "SMALL": SMALL}
    for text in chapter:
        code = find_block(text, STORY).replace("batch_size=20", "batch_size=5")
        exec(shrink_nets(code), names)
    return names


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """What there is after the events have been found, in the folder of the story."""
    home = tmp_path_factory.mktemp("story")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        write_recordings(home / "recordings", 10)
        # in a clip that nobody listened to, a class is known and the other is not
        marks = [*list_marks(10, listened=4), "0.wav\t25\t30\thigh"]
        Path("marked.tsv").write_text("\n".join(marks))
        names = tell([*LOADING, *EVENTS], {})
    return home, names


@pytest.fixture
def names(story, monkeypatch):
    home, names = story
    monkeypatch.chdir(home)
    return names


def test_long_recordings_become_labeled_clips(names):
    assert names["X"].shape == (60, 64, 501)
    assert names["names"].tolist() == NAMES
    truth = np.tile(HEARD, (10, 1))
    expected = np.where(np.arange(60)[:, None] % 6 < 4, truth, -1)
    expected[5] = 1, -1, -1
    np.testing.assert_array_equal(names["y"], expected)
    assert list(Path("features").iterdir())
    assert names["scores"].shape == (5,)
    assert names["scores"].mean() > 0.9


def test_long_recordings_become_tracks_of_events(names):
    events = names["events"]
    assert set(events["filename"]) == set(names["corpus"].durations)
    assert len(list(Path("found").iterdir())) == 10
    assert len(np.concatenate([read_events("found")])) == len(events)
    # every clip with a tone, heard or not, has an event of it
    for (path, onset, offset), heard in zip(
        names["clips"], np.tile(HEARD, (10, 1)), strict=True
    ):
        near = events["filename"] == path
        near &= (events["onset"] < offset - 1) & (events["offset"] > onset + 1)
        assert set(np.array(NAMES)[heard == 1]) <= set(events["event_label"][near])


def test_thresholds_of_long_recordings(names):
    told = tell(THRESHOLDS, names)
    assert ((told["tuned"].thresholds_ > 0) & (told["tuned"].thresholds_ < 1)).all()
    assert (told["full"] == -1).all(axis=1).sum() == 20
    assert (told["y"] == -1).all(axis=1).sum() == 19
    found = told["tuned"].predict(told["pooled"])
    assert (found == np.tile(HEARD, (10, 1))).mean() > 0.95


def test_what_to_label_next(names):
    pytest.importorskip("skactiveml")
    for chapter in (ASKING[:1], ASKING):
        rows = tell(chapter, names)["rows"]
        assert len(set(rows)) == 5
        assert not is_labeled(names["y"])[rows].any()


def test_labels_by_ear_come_back(names):
    rows = np.array([4, 10, 11, 17, 59])
    told = tell(REVIEWING[:1], {**names, "rows": rows})
    assert '"next.csv"' in Path("next.html").read_text(encoding="utf-8")
    # what the page lets one download
    lines = ["filename,onset,offset,event_label"]
    for row in rows:
        clip = ",".join(map(str, told["clips"][row]))
        heard = [name for name, is_there in zip(NAMES, HEARD[row % 6], strict=True)
                 if is_there]  # fmt: skip
        lines += [f"{clip},{label}" for label in ["listened", *heard]]
    Path("next.csv").write_text("\n".join(lines))
    told = tell(REVIEWING[1:], told)
    assert told["corpus"].data == names["clips"]
    changed = (told["y"] != names["y"]).any(axis=1)
    assert np.flatnonzero(changed).tolist() == rows.tolist()
    np.testing.assert_array_equal(told["y"][rows], np.array(HEARD)[rows % 6])


def test_sounds_like_this_one_and_hours(names):
    # the first clip of a recording: one that is there, alone
    sound, rate = soundfile.read("recordings/3.wav", frames=44_100)
    soundfile.write("call.wav", sound, rate)
    told = tell([*SEARCHING, *HOURS], names)
    assert len(told["windows"]) == 10 * 59
    for found in told["similar"], told["seconds"]:
        assert len(found) == 10
        tones = [HEARD[int((on + off) / 2 // 5)] for _, on, off in found]
        assert np.mean([tone == HEARD[0] for tone in tones]) > 0.7
    assert told["vectors"].shape == (10, 2 * 8)
    assert told["probabilities"].shape == (10, 3, 3001)
