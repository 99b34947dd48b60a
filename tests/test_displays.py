"""What the displays draw, compared with the arrays that it was drawn from."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from threadpoolctl import threadpool_limits

from sklearn_triplet import (
    STRATEGIES,
    EmbeddingDisplay,
    GaussianNoise,
    HistoryDisplay,
    LogMel,
    SemiHard,
    SequenceTagger,
    Strategy,
    TagDisplay,
    Transformed,
    TripletDisplay,
    TripletEmbedder,
    TripletTagger,
    find_events,
    sample_triplets,
)
from sklearn_triplet.datasets import read_events

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")

N_FEATURES, N_FRAMES, LENGTH = 8, 50, 20
Y = ["dog", "dog", "cat", "cat", -1, -1, -1, -1]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def X():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(8, N_FEATURES, N_FRAMES)).astype(np.float32)
    X[7, :, 30:] = np.nan  # the last clip is shorter
    return X


@pytest.fixture(scope="module")
def embedder(X):
    with threadpool_limits(1):
        return TripletEmbedder(
            "s2", segment_length=LENGTH, n_components=4, max_epochs=2, random_state=0
        ).fit(X, Y)


# --- triplets


def pool(embedder, segment):
    """Return f(x) by the public way: the mean of the encoded frames, of length 1."""
    frames = segment[:, ~np.isnan(segment).any(axis=0)]
    mean = embedder.transform(frames[None])[0].mean(axis=1)
    return mean / np.linalg.norm(mean)


def test_triplets_are_segments_of_the_clips_that_they_name(X, embedder):
    triplets = sample_triplets(embedder, X, Y, n_triplets=40, random_state=0)
    assert triplets.segments.shape == (40, 3, N_FEATURES, LENGTH)
    y = np.array(Y, dtype=object)
    assert (triplets.labeled == (y[triplets.rows[:, 0]] != -1)).all()
    assert triplets.labeled.mean() == pytest.approx(0.5)
    for i, (row, start) in enumerate(zip(triplets.rows, triplets.start, strict=True)):
        segment = X[row[0]][:, start[0] : start[0] + LENGTH]
        np.testing.assert_allclose(triplets.segments[i, 0], segment, atol=1e-5)
        if triplets.labeled[i]:
            assert y[row[0]] == y[row[1]] != y[row[2]] and row[0] != row[1]
            segment = X[row[1]][:, start[1] : start[1] + LENGTH]
            np.testing.assert_allclose(triplets.segments[i, 1], segment, atol=1e-5)
        else:
            assert row[0] == row[1] != row[2]


def test_distances_and_loss_are_those_of_equation_1(X, embedder):
    triplets = sample_triplets(embedder, X, Y, n_triplets=10, random_state=1)
    for i in range(10):
        a, p, n = (pool(embedder, segment) for segment in triplets.segments[i])
        np.testing.assert_allclose(triplets.embeddings[i, 0], a, atol=1e-5)
        expected = np.sum((a - p) ** 2), np.sum((a - n) ** 2)
        np.testing.assert_allclose(triplets.distances[i], expected, atol=1e-5)
        loss = max(expected[0] - expected[1] + embedder.margin, 0)
        assert triplets.loss[i] == pytest.approx(loss, abs=1e-5)


def test_semi_hard_negatives_are_the_nearest_beyond_the_positive(X, embedder):
    strategy = Strategy(
        Transformed([GaussianNoise(0.01)]), SemiHard(),
        Transformed([GaussianNoise(0.01)]), SemiHard(),
    )  # fmt: skip
    triplets = sample_triplets(
        embedder, X, Y, rows=[4], strategy=strategy, random_state=0
    )
    assert triplets.rows[0, :2].tolist() == [4, 4]
    to_positive, to_negative = triplets.distances[0]
    assert to_positive < to_negative
    # all other segments of all other clips are in the batch: none lies between
    anchor = triplets.embeddings[0, 0]
    others = [
        np.sum((pool(embedder, X[row][:, start : start + LENGTH]) - anchor) ** 2)
        for row in range(8)
        for start in (0, LENGTH)
        if row != 4 and start + LENGTH <= (30 if row == 7 else N_FRAMES)
    ]
    nearest = min(d for d in others if d > to_positive)
    # copies with little noise are candidates as well
    assert to_negative == pytest.approx(nearest, rel=0.05)


def test_sampling_changes_nothing_and_repeats_itself(X, embedder):
    before = {k: v.clone() for k, v in embedder.net_.module_.state_dict().items()}
    first, second = (
        sample_triplets(embedder, X, Y, strategy="s3", random_state=3) for _ in "ab"
    )
    np.testing.assert_array_equal(first.segments, second.segments)
    np.testing.assert_array_equal(first.rows, second.rows)
    for name, value in embedder.net_.module_.state_dict().items():
        assert (value == before[name]).all()
    other = sample_triplets(embedder, X, Y, strategy="s3", random_state=4)
    assert (other.rows[:, 0] != first.rows[:, 0]).any()


def test_nearest_positive_is_the_nearest_segment(X, embedder):
    segments = X[:7, :, :40].reshape(7, N_FEATURES, 2, LENGTH).swapaxes(1, 2)
    parts = segments.reshape(14, N_FEATURES * LENGTH)
    parts = np.vstack([parts, X[7, :, :LENGTH].reshape(1, -1)])
    scale = embedder.scaler_.scale.repeat(LENGTH)
    triplets = sample_triplets(
        embedder, X, Y, rows=[4, 5, 6], strategy="s3", n_triplets=2, random_state=0
    )
    for row, start in zip(triplets.rows, triplets.start, strict=True):
        me = 2 * row[0] + start[0] // LENGTH
        apart = np.square((parts - parts[me]) / scale).sum(axis=1)
        apart[me] = np.inf
        assert 2 * row[1] + start[1] // LENGTH == apart.argmin()


def test_pseudo_labels_are_guessed_by_the_embedding():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 4)) + 6 * np.repeat([[0], [1]], 10, axis=0)
    truth = np.repeat([0, 1], 10)
    y = np.full(20, -1)
    y[[0, 1, 10, 11]] = truth[[0, 1, 10, 11]]
    embedder = TripletEmbedder("pseudo", max_epochs=1, random_state=0).fit(X, y)
    rows = np.flatnonzero(y == -1)
    triplets = sample_triplets(embedder, X, y, rows=rows, random_state=0)
    found = truth[triplets.rows]
    assert (found[:, 1] == found[:, 0]).all() and (found[:, 2] != found[:, 0]).all()
    assert (triplets.rows[:, 1] != triplets.rows[:, 0]).all()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"rows": [8]}, "must lie in [0, 7]. Got [8]"),
        ({"rows": [0.5]}, "must hold integers"),
        ({"rows": [4], "strategy": "s5"}, "[4], which the strategy cannot serve"),
        ({"strategy": "s6"}, "must be one of"),
        ({"n_triplets": 1}, "'n_triplets' parameter of sample_triplets"),
    ],
)
def test_what_cannot_be_sampled_is_refused(X, embedder, settings, words):
    with pytest.raises(ValueError) as caught:
        sample_triplets(embedder, X, Y, **settings)
    assert words in str(caught.value)


def test_only_an_embedder_samples_triplets(X):
    with pytest.raises(TypeError, match=r"of a TripletEmbedder\. Got Pipeline"):
        sample_triplets(make_pipeline(TripletEmbedder()), X, Y)


def test_a_triplet_is_drawn_as_it_was_sampled(X, embedder):
    mel = LogMel(16000, n_mels=N_FEATURES)
    display = TripletDisplay.from_estimator(
        embedder, X, Y, row=1, random_state=0, log_mel=mel
    )
    triplets = sample_triplets(embedder, X, Y, rows=[1], random_state=0)
    for place, (image, axes) in enumerate(
        zip(display.images_, display.axes_, strict=True)
    ):
        shown = triplets.segments[0, place]
        np.testing.assert_array_equal(image.get_array(), shown)
        begin = triplets.start[0, place] * 0.01
        assert image.get_extent()[:2] == pytest.approx([begin, begin + LENGTH * 0.01])
        assert axes.get_xlabel() == "Time (s)"
    # one scale for all three: louder is brighter across them
    assert len({image.get_clim() for image in display.images_}) == 1
    assert display.axes_[0].get_title() == "Anchor\ndog, clip 1"
    assert display.axes_[1].get_title().endswith("dog, clip 0")
    assert f"{triplets.distances[0, 1]:.2f}" in display.axes_[2].get_title()
    assert display.axes_[0].get_ylabel() == "Frequency (Hz)"


def test_a_transformed_copy_is_named_so(X, embedder):
    names = ["dog", "cat"]
    y = np.array([[1, 0], [1, 0], [0, 1], [1, 1], [0, 0], [-1, -1], [-1, -1], [-1, -1]])
    display = TripletDisplay.from_estimator(
        embedder, X, y, row=3, strategy=STRATEGIES["s1"].set_params(
            labeled_positive__transformations=[GaussianNoise()]),
        target_names=names, random_state=0,
    )  # fmt: skip
    assert display.names[:2] == [
        "dog + cat, clip 3",
        "dog + cat, clip 3, transformed",
    ]
    assert display.axes_[0].get_xlabel() == "Frame"


def test_any_three_pictures_with_distances():
    rng = np.random.default_rng(0)
    parts = rng.normal(size=(3, 5, 7))
    display = TripletDisplay.from_predictions(*parts, [[0, 0], [3, 4], [0, 1]])
    assert display.distances == (25.0, 1.0)
    with pytest.raises(ValueError, match=r"shape \(3, n_components\)"):
        TripletDisplay.from_predictions(*parts, [[0, 0], [3, 4]])


# --- embeddings


def test_points_are_drawn_where_they_are_and_by_class():
    points = np.arange(16, dtype=float).reshape(8, 2)
    points[5] = np.nan
    display = EmbeddingDisplay(points, Y, classes=["cat", "dog"]).plot()
    drawn = {n: s.get_offsets().tolist() for n, s in display.scatters_.items()}
    assert drawn["dog"] == points[:2].tolist()
    assert drawn["cat"] == points[2:4].tolist()
    assert drawn["unlabeled"] == points[[4, 6, 7]].tolist()  # what is NaN is not there
    assert "other" not in drawn
    texts = [text.get_text() for text in display.legend_.get_texts()]
    assert texts == ["cat", "dog", "unlabeled"]


def test_a_class_has_one_colour_in_all_panels():
    points = np.random.default_rng(0).normal(size=(4, 2))
    classes = ["cat", "dog", "rain"]
    first = EmbeddingDisplay(points, ["cat", -1, "rain", -1], classes=classes)
    second = EmbeddingDisplay(points, ["rain", "rain", "dog", "cat"], classes=classes)
    panels = first.plot().scatters_, second.plot().scatters_
    assert len(panels[0]["dog"].get_offsets()) == 0  # but it has its colour
    for name in classes:
        colors = [panel[name].get_facecolor()[0] for panel in panels]
        np.testing.assert_array_equal(*colors)
    of_classes = {tuple(panels[0][name].get_facecolor()[0]) for name in classes}
    assert len(of_classes) == 3
    assert tuple(panels[0]["unlabeled"].get_facecolor()[0]) not in of_classes


def test_more_than_eight_classes_differ_in_shape():
    points = np.random.default_rng(0).normal(size=(20, 2))
    display = EmbeddingDisplay(points, np.arange(20)).plot()
    looks = {
        (*dots.get_facecolor()[0], dots.get_paths()[0].vertices.tobytes())
        for dots in display.scatters_.values()
    }
    assert len(looks) == 20


def test_of_several_labels_the_only_one_counts():
    y = [[1, 0, 0], [1, 1, 0], [0, 0, 0], [-1, 1, -1], [-1, -1, -1], [0, 0, 1]]
    points = np.arange(12.0).reshape(6, 2)
    display = EmbeddingDisplay(
        points, y, classes=["dog", "cat"], target_names=["dog", "cat", "rain"]
    ).plot(legend=False)
    drawn = {n: (s.get_offsets()[:, 0] / 2).tolist() for n, s in
             display.scatters_.items()}  # fmt: skip
    assert drawn == {"unlabeled": [4], "other": [1, 2, 5], "dog": [0], "cat": [3]}
    assert display.legend_ is None


def test_frames_are_pooled_and_projected(X, embedder):
    with pytest.warns(UserWarning, match="leaves out 1 of 8 rows"):
        embeddings = embedder.transform(X)
        embeddings[2] = np.nan
        display = EmbeddingDisplay.from_predictions(embeddings, Y, projection=PCA(2))
    # mean and deviation by the estimator itself
    pooled = TripletEmbedder.transform(
        embedder.set_params(output="clip"), X[[0, 1, 3, 4, 5, 6, 7]]
    )
    embedder.set_params(output="frames")
    expected = PCA(2).fit_transform(pooled)
    rows = [0, 1, 3, 4, 5, 6, 7]
    np.testing.assert_allclose(display.points[rows], expected, atol=1e-3)
    assert np.isnan(display.points[2]).all()


def test_from_estimator_embeds(X, embedder):
    # anything that transforms; two columns are the plane
    pipe = make_pipeline(FunctionTransformer(lambda X: np.nanmean(X[:, :2], axis=2)))
    display = EmbeddingDisplay.from_estimator(pipe, X)
    np.testing.assert_array_equal(display.points, np.nanmean(X[:, :2], axis=2))
    first, second = (
        EmbeddingDisplay.from_estimator(embedder, X, Y, random_state=0).points
        for _ in "ab"
    )
    np.testing.assert_array_equal(first, second)
    assert first.shape == (8, 2) and np.isfinite(first).all()
    with pytest.raises(TypeError, match=r"pipe\[:-1\]"):
        EmbeddingDisplay.from_estimator(SequenceTagger(), X)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda p: EmbeddingDisplay(p, Y, classes=["rain"]).plot(), "Got ['rain']"),
        (lambda p: EmbeddingDisplay(p[:, :1]).plot(), "shape (n_clips, 2). Got (8, 1)"),
        (
            lambda p: EmbeddingDisplay.from_predictions(p[:, [0] * 3], projection=3),
            "must be 'tsne' or a transformer",
        ),
        (
            lambda p: EmbeddingDisplay.from_predictions(p[:, [0] * 3],
                                                        projection=PCA(1)),
            "two columns. Got shape (8, 1)",
        ),
        (
            lambda p: EmbeddingDisplay(p, np.eye(8), target_names=["a"]).plot(),
            "one name per column of y (8). Got 1",
        ),
    ],
)  # fmt: skip
def test_what_is_no_embedding_is_refused(call, words):
    with pytest.raises(ValueError) as caught:
        call(np.random.default_rng(0).normal(size=(8, 2)))
    assert words in str(caught.value)


# --- tags and events


class Oracle:
    """Says what it is told, like a fitted tagger."""

    classes_ = np.array([0, 1])

    def __init__(self, frames):
        self.frames = frames

    def predict_proba(self, X, *, frames):
        return self.frames[: len(X)]

    def predict(self, X, *, events, classes, **settings):
        return find_events(self.frames[: len(X)], classes, **settings)


def make_probabilities():
    proba = np.full((2, 2, 101), 0.1)
    proba[0, 0, 60:] = proba[1, 0, :20] = 0.9
    return proba


def test_windows_of_a_recording_are_one_line_of_time():
    proba = make_probabilities()
    X = np.random.default_rng(0).normal(size=(2, 6, 101)).astype(np.float32)
    windows = [("a.wav", 3.0, 4.0), ("a.wav", 4.0, 5.0)]
    display = TagDisplay.from_estimator(
        Oracle(proba), X, clips=windows, classes=["dog", "cat"],
        log_mel=LogMel(16000, n_mels=6),
    )  # fmt: skip
    # the hundred-and-first frame of a window is the first of the next
    expected = np.concatenate([proba[0, :, :100], proba[1, :, :100]], axis=1)
    for line, row in zip(display.lines_, expected, strict=True):
        np.testing.assert_allclose(line.get_ydata(), row)
        np.testing.assert_allclose(line.get_xdata(), 3.005 + 0.01 * np.arange(200))
    image = display.axes_[0].images[0]
    assert image.get_array().shape == (6, 200)
    assert image.get_extent()[:2] == pytest.approx([3, 5])
    # one event, across the border, and its bar
    assert display.events[["onset", "offset", "event_label"]].tolist() == [
        (3.6, 4.2, "dog")
    ]
    bars = display.axes_[2].collections[0].get_paths()
    (extent,) = [path.get_extents() for path in bars]
    assert [extent.x0, extent.x1] == pytest.approx([3.6, 4.2])
    names = [text.get_text() for text in display.axes_[2].get_yticklabels()]
    assert names == ["dog", "cat"]
    assert display.axes_[2].get_xlabel() == "Time (s)"
    assert display.axes_[0].get_xlabel() == ""


def test_truth_is_drawn_below_what_was_found(tmp_path):
    table = "filename\tonset\toffset\tevent_label\na.wav\t0.1\t0.4\tcat\n"
    (tmp_path / "t.tsv").write_text(table)
    truth = read_events(tmp_path / "t.tsv")
    proba = make_probabilities()[0]
    display = TagDisplay.from_predictions(
        np.zeros((6, 101)), proba, ["dog", "cat"], truth=truth, frame_duration=0.01
    )
    found, real = [], []
    for collection in display.axes_[2].collections:
        boxes = [path.get_extents() for path in collection.get_paths()]
        outlined = not len(collection.get_facecolor())
        (real if outlined else found).extend((b.x0, b.x1, b.y0, b.y1) for b in boxes)
    assert [box[:2] for box in found] == [pytest.approx((0.6, 1.01))]
    assert [box[:2] for box in real] == [pytest.approx((0.1, 0.4))]
    # lanes from the top down: dog at 0, cat at 1; found above the middle, true below
    assert found[0][3] <= 0.01 and 1 < real[0][2] < real[0][3] < 1.5


def test_events_of_a_model_of_fewer_frames_are_in_seconds():
    proba = np.full((1, 10), 0.1)  # of a model with a frame every 100 ms
    proba[0, 5:] = 0.9
    display = TagDisplay.from_predictions(
        np.zeros((4, 100)), proba, ["dog"], frame_duration=0.01, onset=60
    )
    assert display.events[["onset", "offset"]].tolist() == [(60.5, 61.0)]
    np.testing.assert_allclose(
        display.lines_[0].get_xdata(), 60.05 + 0.1 * np.arange(10)
    )


def test_a_fitted_tagger_tags_a_clip(X):
    rng = np.random.default_rng(1)
    tagger = SequenceTagger(max_epochs=1, random_state=0)
    tagger.fit(rng.normal(size=(6, N_FEATURES, 30)), [[0, 1], [1, 0]] * 3)
    display = TagDisplay.from_estimator(tagger, X[0], frame_duration=0.01)
    shown = np.array([line.get_ydata() for line in display.lines_])
    np.testing.assert_allclose(shown, tagger.predict_frames(X[:1])[0])
    # the frames behind the end of a shorter clip are not there
    display = TagDisplay.from_estimator(tagger, X[7], frame_duration=0.01)
    assert len(display.lines_[0].get_ydata()) == 30
    assert len(display.axes_) == 3


@pytest.mark.parametrize(
    ("clips", "words"),
    [
        (None, "Got 2 clips"),
        ([("a", 0, 1)], "per row of X (2). Got 1"),
        ([("a", 0, 1), ("b", 1, 2)], "Got a until 1 s and then b from 1 s"),
        ([("a", 0, 1), ("a", 2, 3)], "Got a until 1 s and then a from 2 s"),
    ],
)
def test_what_is_no_stretch_of_time_is_refused(clips, words):
    oracle = Oracle(make_probabilities())
    with pytest.raises(ValueError) as caught:
        TagDisplay.from_estimator(oracle, np.zeros((2, 6, 101)), clips=clips)
    assert words in str(caught.value)


def test_probabilities_need_a_name_each():
    with pytest.raises(ValueError, match=r"each of the 3 classes\. Got \(2, 101\)"):
        TagDisplay(np.zeros((6, 101)), make_probabilities()[0], list("abc")).plot()
    with pytest.raises(ValueError, match="all frames are NaN"):
        TagDisplay(np.full((6, 101), np.nan), make_probabilities()[0], "ab").plot()


# --- histories


def test_a_history_is_drawn_as_it_was(embedder):
    display = HistoryDisplay.from_estimator(make_pipeline(embedder))
    for name in ("train_loss", "active_triplets", "effective_rank", "spread"):
        line = display.lines_[name]
        np.testing.assert_array_equal(line.get_xdata(), [1, 2])
        np.testing.assert_allclose(line.get_ydata(), embedder.history_[:, name])
        low, high = line.axes.get_ylim()
        assert (line.get_ydata() >= low).all() and (line.get_ydata() <= high).all()
    assert "no_negative" not in display.lines_  # it never happened


def test_other_estimators_have_fewer_panels():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 4)), [0, 1] * 5 + [-1] * 10
    tagger = TripletTagger(max_epochs=2, n_steps=2, random_state=0).fit(X, y)
    display = HistoryDisplay.from_estimator(tagger)
    titles = [axes.get_title() for axes in display.axes_]
    assert titles == ["Loss", "Triplets", "Pseudo-labels"]
    np.testing.assert_allclose(
        display.lines_["pseudo_labeled"].get_ydata(),
        tagger.history_[:, "pseudo_labeled"],
    )


def test_without_a_history_nothing_is_drawn(X):
    untrained = TripletEmbedder("s1", max_epochs=0).fit(X)
    with pytest.raises(ValueError, match="TripletEmbedder has run no epoch"):
        HistoryDisplay.from_estimator(untrained)
    with pytest.raises(ValueError, match="Got PCA, which has none"):
        HistoryDisplay.from_estimator(PCA())
    with pytest.raises(ValueError, match=r"at least one of .* Got \['dur'\]"):
        HistoryDisplay({"dur": [1.0]}).plot()


# --- where it is drawn


@pytest.mark.parametrize("way", ["none", "one", "all"])
def test_a_picture_goes_where_it_is_asked_to(embedder, way):
    n_panels = 4
    if way == "none":
        display = HistoryDisplay.from_estimator(embedder)
        assert display.figure_ is not None
        return
    figure, axes = plt.subplots(1, n_panels if way == "all" else 2)
    given = axes if way == "all" else axes[1]
    display = HistoryDisplay.from_estimator(embedder, ax=given)
    assert display.figure_ is figure and len(display.axes_) == n_panels
    if way == "all":
        assert list(display.axes_) == list(axes)
    else:
        place = axes[1].get_position()
        for panel in display.axes_:
            assert place.x0 - 1e-6 <= panel.get_position().x0 < place.x1
    with pytest.raises(ValueError, match="one Axes, or 4 of them. Got 3"):
        HistoryDisplay.from_estimator(embedder, ax=[plt.figure().gca()] * 3)


def test_legends_touch_neither_each_other_nor_the_points():
    rng = np.random.default_rng(0)
    figure, axes = plt.subplots(1, 2, layout="constrained", figsize=(9, 4))
    names = np.array([f"a class with a long name {i}" for i in range(3)])
    displays = [
        EmbeddingDisplay(rng.normal(size=(60, 2)), names[np.arange(60) % 3]).plot(ax=ax)
        for ax in axes
    ]
    figure.canvas.draw()
    boxes = [d.legend_.get_window_extent() for d in displays]
    boxes += [ax.get_window_extent() for ax in axes]
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1


def test_matplotlib_is_imported_only_to_draw():
    code = "import sys, sklearn_triplet; print('matplotlib' in sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "False"


def test_without_matplotlib_the_extra_is_named(monkeypatch, embedder):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install 'sklearn-triplet\[plot\]'"):
        HistoryDisplay.from_estimator(embedder)


# --- frequencies


def test_round_frequencies_stand_at_their_bands():
    mel = LogMel(16000, n_mels=40)
    display = TripletDisplay.from_predictions(*np.zeros((3, 40, 5)), log_mel=mel)
    axes, frequencies = display.axes_[0], mel.band_frequencies()
    texts = [text.get_text().replace("k", "000") for text in axes.get_yticklabels()]
    assert "1000" in texts
    for place, text in zip(axes.get_yticks(), texts, strict=True):
        assert np.interp(place, np.arange(40), frequencies) == pytest.approx(int(text))
    # peaks of the bands: a tone at one is loudest in it
    tone = np.sin(2 * np.pi * frequencies[25] * np.arange(16000) / 16000)
    assert mel.transform([tone])[0][:, 50].argmax() == 25
