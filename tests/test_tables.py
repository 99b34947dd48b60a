"""The bench of the paper's tables: its rows, its files, and the page made of them."""

import csv
import dataclasses
import gzip
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import soundfile
from helpers import make_noise
from scipy import stats
from sklearn.decomposition import PCA
from sklearn.metrics import f1_score
from test_examples import load

from sklearn_triplet import (
    Nearest,
    SegmentedClips,
    Transformed,
    is_labeled,
)


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    for name in ("few_labels", "mean_teacher"):
        load(f"benchmarks/{name}.py", monkeypatch)
    return load("benchmarks/tables.py", monkeypatch)


@pytest.fixture
def pages(tables: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load("benchmarks/report_tables.py", monkeypatch)


def make_clips() -> tuple[np.ndarray, np.ndarray]:
    """Return clips of three classes, each of which sounds in bands of its own."""
    y = np.tile(np.arange(3), 18)
    X = np.random.default_rng(0).normal(size=(54, 12, 50)).astype(np.float32)
    X += 2 * (y[:, None, None] == np.arange(12)[:, None] // 4)
    X[5, :, 40:] = np.nan
    return X, y


@pytest.fixture
def tiny(tables: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the bench with a corpus and a budget of next to nothing."""
    X, y = make_clips()
    group = np.repeat(list("abc"), 18)
    several = np.stack([y == 0, y < 2], axis=1).astype(int)

    def load_tiny(name: str, folder: str, budget: object, features: None) -> tuple:
        settings = {"n_components": 8, "batch_size": 12}
        truth, names = (several, "pq") if name == "soundscapes" else (y, "pqr")
        corpus = tables.Corpus(X, truth, group, [], [], settings, tuple(names))
        return corpus, tables.rotate(group)[: budget.turns]

    monkeypatch.setattr(tables, "load", load_tiny)
    small = {
        "epochs": dict.fromkeys(tables.QUICK.epochs, 1),
        "labels": dict.fromkeys(tables.QUICK.labels, (6,)),
        "seeds": dict.fromkeys(tables.QUICK.seeds, 1),
    }
    numbers = dict.fromkeys(["rounds", "steps", "passes", "teacher_steps", "turns"], 1)
    budget = dataclasses.replace(tables.QUICK, **small, **numbers)
    monkeypatch.setattr(tables, "QUICK", budget)
    return tables


def read(path: str | Path) -> list[dict]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def run_tiny(bench: ModuleType, path: Path, *options: str) -> None:
    given = ["--data=", "--quick", f"--csv={path}", "--n-jobs=1", *options]
    bench.main([*given, "--precision=float32"])


def build(bench: ModuleType, row: object, head: str = "lr") -> object:
    """Build a row for a thousand labeled segments."""
    training = {"precision": "float32", "device": "cpu", "random_state": 0}
    budget = bench.NIGHT.of("esc10")
    common = bench.Run(1000, False, head, budget, training, {})
    return row.build(common, **row.settings)


def test_table_2_has_the_papers_triplets(tables: ModuleType) -> None:
    assert len(tables.TABLE_2) == 5 * 3
    for name, row in tables.TABLE_2.items():
        strategy, triplets = name.split(", ")
        embedder = build(tables, row).embedder
        assert embedder.strategy == strategy.lower()
        # for 15 780 labeled segments
        n_triplets = int(triplets.replace(" ", "")) / 15.780
        assert embedder.n_triplets == round(n_triplets)
        if strategy in ("S1", "S2", "S3"):  # each labeled segment once
            n_labeled = embedder.labeled_ratio * embedder.n_triplets
            assert n_labeled == pytest.approx(1000, abs=0.5)


def test_table_3_has_the_papers_ratios(tables: ModuleType) -> None:
    cells = [build(tables, row).embedder for row in tables.TABLE_3.values()]
    assert [cell.strategy for cell in cells] == ["s2"] * 4 + ["s3"] * 4
    assert all(cell.n_triplets == 2000 for cell in cells)
    found = [cell.labeled_ratio for cell in cells]
    # L of 7 890, 15 780, 19 725 and 23 670 unlabeled ones
    unlabeled = np.array([7890, 15780, 19725, 23670])
    assert found == pytest.approx([*(1 - unlabeled / 31560)] * 2)
    shared = set(tables.TABLE_2) & set(tables.TABLE_3)
    assert shared == {"S2, 31 560", "S3, 31 560"}
    assert all(tables.TABLE_2[name] == tables.TABLE_3[name] for name in shared)


def test_rows_that_the_paper_proposes_are_what_they_are_called(
    tables: ModuleType,
) -> None:
    strategy = build(tables, tables.PAST["S3, one of 5 nearest"]).embedder.strategy
    assert isinstance(strategy.unlabeled_positive, Nearest)
    assert strategy.unlabeled_positive.n_neighbors == 5
    both = build(tables, tables.PAST["the paper's encoder, triplets + classification"])
    assert (both.encoder, both.pseudo_weight) == ("conv", 0)
    assert both.tag_weight == both.triplet_weight == 1
    supervised = build(tables, tables.COMPETITORS["augmented supervised CNN"])
    assert (supervised.pseudo_weight, supervised.labeled_ratio) == (0, 1)
    assert (
        build(tables, tables.COMPETITORS["untrained encoder"]).embedder.max_epochs == 0
    )


def test_the_positive_is_the_nearest_beyond_a_copy(tables: ModuleType) -> None:
    X, _ = make_clips()
    # neighbours at all distances
    X = X[:1] + np.linspace(0, 2, 40)[:, None, None] * (X[1:41] - X[:1])
    segments = SegmentedClips.from_arrays(np.nan_to_num(X), segment_length=50)
    anchors = segments.take(np.arange(40)[:, None])
    selector = tables.FartherThanCopy(n_neighbors=39)
    selector.prepare(segments, np.arange(40))
    selector.prepare_epoch(segments, np.arange(40))
    found = selector.select(anchors, segments, np.random.default_rng(0))
    # the copies that the same chance makes
    copies = Transformed().select(anchors, segments, np.random.default_rng(0))
    limits = np.square(copies.X - anchors.X).sum(axis=(1, 2, 3))
    flat = anchors.X.reshape(40, -1)
    distances = np.square(flat[:, None] - flat[None]).sum(axis=2)
    beyond = np.where(distances > limits[:, None], distances, np.inf)
    answered = np.isfinite(beyond).any(axis=1)
    assert 10 < answered.sum()
    np.testing.assert_array_equal(found.substituted, ~answered)
    expected = np.where(answered, beyond.argmin(axis=1), distances.argmax(axis=1))
    np.testing.assert_array_equal(found.segments[:, 0], expected)
    # others than the nearest
    nearest = np.where(np.eye(40, dtype=bool), np.inf, distances).argmin(axis=1)
    assert (expected != nearest).sum() > 10


def test_where_all_is_labeled_nothing_is_run_twice(tables: ModuleType) -> None:
    names = set(tables.list_rows(["2", "3"], False, all_labeled=True))
    assert names == {f"S{i}, 31 560" for i in (1, 2, 4, 5)}
    names = tables.list_rows(["past", "competitors"], False, all_labeled=True)
    assert "TripletTagger" in names and "augmented supervised CNN" in names
    assert "without pseudo-labels: triplets + classification" not in names
    assert "mean-teacher CRNN" not in names


def test_each_group_is_evaluated_once(tables: ModuleType) -> None:
    assert tables.rotate(np.array([2, 1, 3, 4, 1])) == [
        ([3, 4], [2], [1]),
        ([1, 4], [3], [2]),
        ([1, 2], [4], [3]),
        ([2, 3], [1], [4]),
    ]


@pytest.mark.parametrize("corpus", ["esc10", "soundscapes"])
def test_every_row_runs(
    tiny: ModuleType, tmp_path: Path, corpus: str, capsys: pytest.CaptureFixture
) -> None:
    run_tiny(tiny, tmp_path / "runs.csv", f"--corpus={corpus}", "--report")
    lines = read(tmp_path / "runs.csv")
    told = capsys.readouterr().out
    declared = [name for table in tiny.TABLES.values() for name in table]
    expected = set(declared)
    if "left out: UMAP" in told:
        expected.remove("UMAP with labels + LR")
    assert sorted(line["system"] for line in lines) == sorted(expected)
    several = corpus == "soundscapes"
    for line in lines:
        f1 = json.loads(line["class_f1"])
        assert list(f1) == (["p", "q"] if several else ["p", "q", "r"])
        assert float(line["f1"]) == pytest.approx(np.mean([*f1.values()]))
        assert (0 <= float(line["map"]) <= 1) == several
        assert (line["labels"], line["unlabeled"]) == ("6", "12")
        assert (line["evaluated"], line["turn"]) == ("18", "a")
        assert float(line["seconds"]) > 0 and line["commit"] == tiny.read_commit()
        assert len(json.loads(line["parameters"])) == 1
    settings = {line["system"]: line["parameters"] for line in lines}
    assert json.loads(settings["without triplets"])["TripletTagger"][
        "triplet_weight"
    ] == 0  # fmt: skip
    s2 = json.loads(settings["S2, L .75"])["Embedded"]["embedder"]["TripletEmbedder"]
    assert (s2["strategy"], s2["labeled_ratio"], s2["n_triplets"]) == ("s2", 0.75, 12)
    # bands of their own are told apart by their statistics
    scores = {line["system"]: float(line["f1"]) for line in lines}
    assert scores["log-mel statistics + LR"] > 0.9
    assert scores["the same, SelfTraining"] > 0.9
    assert scores["the same, LabelSpreading"] > 0.9


def test_a_run_that_is_there_is_not_repeated(
    tiny: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    path = tmp_path / "runs.csv"
    run_tiny(tiny, path, "--corpus=esc10", "--tables", "3")
    assert "8 runs to do" in capsys.readouterr().out
    begun = path.read_text()
    run_tiny(tiny, path, "--corpus=esc10", "--tables", "2", "3")
    # a cell of both tables is in the file
    assert "13 runs to do" in capsys.readouterr().out
    text = path.read_text()
    assert text.startswith(begun) and len(read(path)) == 8 + 13
    monkeypatch.setattr(tiny, "evaluate", pytest.fail)
    run_tiny(tiny, path, "--corpus=esc10", "--tables", "2", "3")
    assert "0 runs to do" in capsys.readouterr().out and path.read_text() == text
    # another budget, or another head, is another run
    jobs_done = {tuple(line[name] for name in tiny.KEY) for line in read(path)}
    assert {(key[1], key[5]) for key in jobs_done} == {("quick", "lr")}


def test_the_papers_classifier_stands_behind_embeddings_only(
    tiny: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    path = tmp_path / "runs.csv"
    for head in ("lr", "tagger"):
        run_tiny(tiny, path, "--corpus=esc10", "--tables", "3", f"--head={head}")
    lines = read(path)
    assert [line["head"] for line in lines] == ["lr"] * 8 + ["tagger"] * 8
    assert "S2, L .25 + tagger" in capsys.readouterr().out
    behind = json.loads(lines[-1]["parameters"])["Embedded"]["classifier"]
    assert behind["SequenceTagger"]["n_layers"] == 2
    # what needs no embedding is there once for both
    own = build(tiny, tiny.COMPETITORS["tagger on log-mels"], head="tagger")
    assert own.get_params()["max_epochs"] == tiny.NIGHT.passes


def test_the_papers_corpus_is_read_and_cut_down(
    tables: ModuleType, tmp_path: Path
) -> None:
    classes = "Cat", "Dog", "Speech"
    lists = {
        "train/weak": [(f"w{i}.wav", classes[i % 3]) for i in range(12)],
        "train/unlabel_in_domain": [(f"u{i}.wav",) for i in range(30)],
        "test/test": [(f"t{i}.wav", 0.1, 0.5, classes[i % 3]) for i in range(5)],
        "eval/eval": [(f"e{i}.wav", 0.1, 0.5, classes[i % 3]) for i in range(6)],
    }
    head = "filename", "onset", "offset", "event_label"
    for name, rows in lists.items():
        path = tmp_path / "metadata" / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        titles = {1: head[:1], 2: ("filename", "event_labels"), 4: head}[len(rows[0])]
        text = "\n".join("\t".join(map(str, row)) for row in [titles, *rows])
        path.write_text(text + "\n")
        folder = name if name.startswith("train") else name.split("/")[0]
        (tmp_path / "audio" / folder).mkdir(parents=True)
        for i, row in enumerate(rows):
            sound = make_noise(8000, seed=i)
            soundfile.write(tmp_path / "audio" / folder / row[0], sound, 8000)
    # one that cannot be read is warned of, and left out
    (tmp_path / "audio" / "eval" / "e0.wav").write_bytes(b"no sound")
    with pytest.warns(UserWarning):
        corpus, turns = tables.load("dcase2018", str(tmp_path), tables.NIGHT)
    assert turns == [(["train"], ["validation"], ["evaluation"])]
    assert [(corpus.group == n).sum() for n in tables.DCASE_SPLITS] == [42, 5, 5]
    assert is_labeled(corpus.y[corpus.group == "train"]).sum() == 12
    assert len(corpus.names) == corpus.y.shape[1] == 10
    clips = {"train": 30, "valid": 4, "test": 3}
    quick = dataclasses.replace(tables.QUICK, clips=clips)
    corpus, _ = tables.load("dcase2018", str(tmp_path), quick)
    assert [(corpus.group == n).sum() for n in tables.DCASE_SPLITS] == [30, 4, 3]
    y = corpus.y[corpus.group == "train"]
    # one in ten is labeled, and every class that there is
    assert is_labeled(y).sum() == 3 and (y == 1).any(axis=0).sum() == 3


def test_umap_is_told_the_labels_there_are(
    tables: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []

    class UMAP(PCA):
        def fit(self, X: np.ndarray, y: np.ndarray) -> "UMAP":
            told.append(y)
            return super().fit(X)

    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=UMAP))
    X, y = make_clips()
    given = np.where(np.arange(len(y)) < 9, y, -1)
    system = build(tables, tables.COMPETITORS["UMAP with labels + LR"]).fit(X, given)
    np.testing.assert_array_equal(told, [given])
    assert (system.predict_proba(X).argmax(axis=1) == y)[
        9:
    ].mean() > 0.6  # chance is a third


def test_thresholds_come_from_validation_clips(tables: ModuleType) -> None:
    truth = np.array([[1, 0], [1, 1], [0, 1], [0, 0]])
    found = np.array([[0.3, 0.9], [0.2, 0.8], [0.1, 0.72], [0.05, 0.7]])
    assert tables.score(truth, found)[0] == pytest.approx([0, 2 * 2 / (2 * 2 + 2)])
    chosen = tables.choose_thresholds(truth, found)
    # the first class is right between .1 and .2, the second as good as it gets at .05
    assert 0.1 < chosen[0] <= 0.2
    expected = f1_score(truth, found >= chosen, average=None)
    assert tables.score(truth, found, chosen)[0] == pytest.approx(expected)
    assert expected[0] == 1


def test_the_mean_teacher_learns_from_both(tables: ModuleType) -> None:
    X, y = make_clips()
    given = np.where(np.arange(len(y)) < 9, y, -1)
    settings = {"n_steps": 30, "lr": 5e-3, "random_state": 0}
    found = tables.MeanTeacherCRNN(**settings).fit(X, given).predict_proba(X)
    assert (found.argmax(axis=1) == y)[9:].mean() > 0.8
    other = tables.MeanTeacherCRNN(**settings, weight=0).fit(X, given)
    assert not np.array_equal(other.predict_proba(X), found)
    again = tables.MeanTeacherCRNN(**settings).fit(X, given).predict_proba(X)
    np.testing.assert_array_equal(again, found)


# evaluation and validation F1 of three label subsets
MADE = {
    "S1, 31 560": ([0.50, 0.52, 0.54], [0.5, 0.5, 0.5]),
    "S2, 31 560": ([0.60, 0.70, 0.80], [0.6, 0.6, 0.6]),
    "S4, 31 560": ([0.55, 0.57, 0.59], [0.4, 0.4, 0.4]),
    "S5, 31 560": ([0.58, 0.60, 0.62], [0.5, 0.5, 0.5]),
    "S2, L .25": ([0.66, 0.65, 0.64], [0.7, 0.7, 0.7]),  # best on validation
    "S3, 31 560": ([0.60, 0.60, 0.60], [0.6, 0.6, 0.6]),
    "S3, L .25": ([0.12, 0.18, 0.15], [0.1, 0.1, 0.1]),
    "TripletTagger": ([0.76, 0.73, 0.79], [0.1, 0.1, 0.1]),
    "CRNN on log-mels": ([0.40, 0.40, 0.40], [0.4, 0.4, 0.4]),
}


def write_made(tables: ModuleType, path: Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, tables.FIELDS)
        writer.writeheader()
        for name, scores in MADE.items():
            for seed, (f1, valid) in enumerate(zip(*scores, strict=True)):
                line = dict.fromkeys(tables.FIELDS, "nan")
                line |= {"corpus": "fsdd", "budget": "night", "labels": 30}
                line |= {"turn": "theo", "system": name, "head": "lr", "seed": seed}
                line |= {"f1": f1, "valid_f1": valid, "seconds": 10 + seed}
                line |= {"class_f1": json.dumps({"one": f1, "two": 0.5})}
                writer.writerow(line)


def half_interval(values: np.ndarray) -> float:
    """Return half of a 95 % t-interval of three values, by the formula."""
    return 4.302653 * np.sqrt(np.square(values - values.mean()).sum() / 2 / 3)


def test_the_page_says_what_a_hand_computation_says(
    tables: ModuleType,
    pages: ModuleType,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    assert stats.t.ppf(0.975, 2) == pytest.approx(4.302653)
    write_made(tables, tmp_path / "made.csv")
    pages.main([str(tmp_path / "made.csv")])
    page = capsys.readouterr().out.replace("\xa0", " ")
    # the reference is chosen on validation: on evaluation another S2 is better
    assert "ahead of S2, L .25, macro F1" in page
    # the summary comes first; there is no network of labels only to be ahead of
    row = next(x for x in page.splitlines() if x.startswith("| Spoken digits (FSDD)"))
    assert row.startswith("| Spoken digits (FSDD): 30 + nan, macro F1 | 76.0 ± ")
    assert row.endswith(" |  |  |  |")
    lead = np.array([0.76 - 0.66, 0.73 - 0.65, 0.79 - 0.64])
    cell = f"+{100 * lead.mean():.1f} ± {100 * half_interval(lead):.1f}"
    mean = f"76.0 ± {100 * half_interval(np.array([0.76, 0.73, 0.79])):.1f}"
    assert f"| TripletTagger | {mean} | {cell} | 3 | 11.0 |  |" in page
    # the paper's figures beside ours, and a dash where there is none
    line = next(x for x in page.splitlines() if x.startswith("| 31 560 |"))
    half = 100 * half_interval(np.array([0.6, 0.7, 0.8]))
    assert f"| 54.35 / 70.0 ± {half:.1f} |" in line and "42.47 / 57.0" in line
    assert "| 85 780 | 51.44 / - |" in page
    assert "17.42 ± 26.8 / 65.0 ± 2.5" in page and "0.0 ± 0.0 / 15.0 ± 7.5" in page
    assert "| 40.0 ± 0.0 |" in page and "| 49.61 |" in page
    assert "| one | 65.0 | 40.0 | 76.0 |" in page


def test_the_page_judges_the_findings(
    tables: ModuleType,
    pages: ModuleType,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    write_made(tables, tmp_path / "made.csv")
    pages.main([str(tmp_path / "made.csv")])
    page = capsys.readouterr().out.replace("\xa0", " ")
    found = [x for x in page.splitlines() if x.startswith("- ")]
    # .02, .10, .18: their interval is 10 ± 19.9
    assert found[0] == (
        "- S2 > S5 > S1: S2, 31 560 less S5, 31 560 is +10.0 ± 19.9 (3 runs): "
        "holds, but the interval holds zero."
    )
    assert found[1].endswith("less S1, 31 560 is +8.0 ± 0.0 (3 runs): holds.")
    # S1 is below S4 here
    assert "S1, 31 560 less S4, 31 560 is -5.0 ± 0.0" in found[2]
    assert found[2].endswith("does not hold.")
    assert (
        "S2 keeps 93% at .25 (32% in the paper): it does not collapse here." in found[3]
    )
    assert "S3 keeps 25% at .25 (0% in the paper): it collapses here." in found[4]
    assert "S2, 31 560 less CRNN on log-mels is +30.0" in found[5]
    # the rival is chosen on validation as well
    assert "TripletTagger less S2, L .25 is +11.0" in found[6] and len(found) == 7


def make_curve(n_runs: int) -> list[dict]:
    """Return lines of few_labels.py: two systems at two numbers of labels."""
    means = {("TripletTagger", 24): 0.8, ("TripletTagger", 60): 0.9}
    means |= {("labels only", 24): 0.7, ("labels only", 60): 0.8, ("alone", 60): 0.1}
    return [
        {"corpus": "esc10", "labels": str(labels), "unlabeled": "all", "split": "1+2"}
        | {"system": name, "seed": seed, "f1": f1 + seed / 10, "map": "nan"}
        | {"commit": "abc"}
        for (name, labels), f1 in means.items()
        for seed in range(n_runs)
    ]


def test_a_learning_curve_is_a_table_and_a_picture(
    pages: ModuleType, tmp_path: Path
) -> None:
    (title, table, told, picture) = pages.write_curves(
        make_curve(3), "labels", tmp_path / "pictures"
    )
    assert title == "## macro F1 over labeled clips, ESC-10, all unlabeled clips"
    half = f"{100 * half_interval(np.array([0.8, 0.9, 1.0])):.1f}"
    means = f"| TripletTagger | 90.0 ± {half} | 100.0 ± {half} |"
    assert means in table.replace("\xa0", " ")
    # points of one subset more are not of the same runs
    more = [line | {"seed": 3} for line in make_curve(3)[:4]]
    assert list(pages.write_curves(make_curve(3) + more, "labels", None))[1] == table
    # a single point is no curve
    assert "alone" not in table and told.startswith("3 runs a point")
    assert picture.endswith("(pictures/labels_esc10.svg)")
    drawn = (tmp_path / "pictures" / "labels_esc10.svg").read_text()
    assert "labels only" in drawn and "labeled clips" in drawn
    # and nothing varies in the number of unlabeled clips
    assert not list(pages.write_curves(make_curve(3), "unlabeled", None))


def test_all_clips_stand_at_the_end_of_a_curve(pages: ModuleType) -> None:
    assert pages.sort_points({"all": {}, "24": {}, "0": {}, "120": {}}) == [
        "0",
        "24",
        "120",
        "all",
    ]


def test_leads_are_drawn_the_same_each_time(
    tables: ModuleType, pages: ModuleType, tmp_path: Path
) -> None:
    write_made(tables, tmp_path / "made.csv")
    with gzip.open(tmp_path / "made.csv.gz", "wt", newline="") as file:
        file.write((tmp_path / "made.csv").read_text())
    lines = pages.read([str(tmp_path / "made.csv.gz")])
    drawn = []
    for name in ("one", "two"):
        page = pages.write_page(lines, [], tmp_path / name)
        assert f"]({name}/fsdd_30.svg)" in page
        drawn.append((tmp_path / name / "fsdd_30.svg").read_bytes())
    assert drawn[0] == drawn[1] and b"CRNN on log-mels" in drawn[0]


def test_smoke_runs_are_called_no_results(
    tables: ModuleType, pages: ModuleType, tmp_path: Path
) -> None:
    write_made(tables, tmp_path / "made.csv")
    lines = pages.read([str(tmp_path / "made.csv")])
    assert "no results" not in pages.write_page(lines, [], None)
    quick = [line | {"budget": "quick"} for line in lines]
    assert "no results" in pages.write_page(quick, [], None)
    # and they are not mixed with the others
    page = pages.write_page(lines + quick, [], None)
    assert page.count("## Spoken digits (FSDD), 30 labeled") == 2


def test_some_rows_can_be_run_alone(
    tiny: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    path = tmp_path / "some.csv"
    names = ["S2, 31 560", "log-mel statistics + LR"]
    run_tiny(tiny, path, "--corpus=fsdd", "--only", *names)
    assert [line["system"] for line in read(path)] == names
