"""TripletTagger through its public API."""

import pickle
import re

import helpers
import joblib
import numpy as np
import pytest
import torch
from helpers import whole
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_triplet import (
    Chain,
    Gain,
    LabeledOnly,
    RandomCrop,
    RandomNoise,
    TimeMask,
    Transformation,
    TripletTagger,
    UnlabeledInTrain,
    labeled_scorer,
)

N_BANDS, N_FRAMES = 16, 41
QUICK = {
    "encoder": "conv",  # of few filters it learns what is so simple sooner
    "n_components": 8,
    "segment_length": 24,
    "max_epochs": 4,
    "n_steps": 8,
    "batch_size": 20,
    "lr": 0.01,
    "decay": 0.7,
    "random_state": 0,
}
QUICK_TAGGER = TripletTagger(**QUICK)


def make_clips(n_clips=30, n_classes=2, seed=0):
    """Log-energies of noise in bands that tell the class."""
    rng = np.random.default_rng(seed)
    y = np.arange(n_clips) % n_classes
    centres = 3 + y * (N_BANDS - 5) / max(n_classes - 1, 1)
    bands = np.arange(N_BANDS)[:, None]
    envelope = np.exp(-0.5 * ((bands - centres[:, None, None]) / 1.2) ** 2)
    energies = envelope * rng.gamma(3, 1 / 3, (n_clips, N_BANDS, N_FRAMES))
    energies *= np.exp(rng.normal(0, 0.3, (n_clips, 1, 1)))
    background = 0.003 * rng.gamma(3, 1 / 3, energies.shape)
    return np.log(1e-4 + energies + background).astype(np.float32), y


def hide(y, n_labeled):
    """Leave the first labels of each class."""
    y = np.array(y)
    for label in np.unique(y):
        y[np.flatnonzero(y == label)[n_labeled:]] = -1
    return y


def shorten(X, lengths):
    X = X.copy()
    for clip, length in zip(X, lengths, strict=True):
        clip[:, length:] = np.nan
    return X


def weights(fitted):
    return helpers.weights(fitted).detach().numpy()


@pytest.fixture(scope="module")
def data():
    X, y = make_clips()
    return X, y, hide(y, 3)


@pytest.fixture(scope="module")
def fitted(data):
    X, _, y = data
    return clone(QUICK_TAGGER).fit(X, y)


# --- learning


def test_learns_two_classes_of_few_labels(data, fitted):
    X, y, _ = data
    new, answers = make_clips(seed=1)
    assert fitted.score(new, answers) > 0.9
    assert (fitted.pseudo_labels_ == y).mean() > 0.9
    np.testing.assert_allclose(fitted.predict_proba(X).sum(axis=1), 1, rtol=1e-5)
    assert fitted.has_bands_
    assert fitted.n_iter_ == 4


def test_learns_ten_classes_of_few_labels():
    X, y = make_clips(60, n_classes=10)
    tagger = TripletTagger(
        **{**QUICK, "n_components": 16, "n_steps": 20, "batch_size": 30}
    )
    tagger.fit(X, hide(y, 2))
    new, answers = make_clips(60, n_classes=10, seed=1)
    assert tagger.score(new, answers) > 0.8
    assert tagger.predict_proba(new).shape == (60, 10)


def make_indicator(n_clips=40, seed=0):
    """Clips with a low sound, a high sound, both or none."""
    X, _ = make_clips(n_clips, 2, seed)
    Y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])[np.arange(n_clips) % 4]
    rng = np.random.default_rng(seed)
    bands = np.arange(N_BANDS)[:, None]
    energies = 0.003 * rng.gamma(3, 1 / 3, X.shape)
    for c, centre in enumerate((3, 12)):
        envelope = np.exp(-0.5 * ((bands - centre) / 1.2) ** 2)
        energies += Y[:, c, None, None] * envelope * rng.gamma(3, 1 / 3, X.shape)
    return np.log(1e-4 + energies).astype(np.float32), Y


def test_learns_several_labels_with_unknown_entries():
    X, Y = make_indicator()
    y = Y.copy()
    y[16:] = -1
    y[::3, 0] = -1  # unknown in clips of which the other class is known
    tagger = clone(QUICK_TAGGER).set_params(n_steps=10).fit(X, y)
    new, answers = make_indicator(seed=1)
    assert (tagger.predict(new) == answers).mean() > 0.9
    assert tagger.pseudo_labels_.shape == (40, 2)
    known = y != -1
    np.testing.assert_array_equal(tagger.pseudo_labels_[known], y[known])
    np.testing.assert_array_equal(tagger.pseudo_label_confidence_[known], 1)
    guessed = tagger.pseudo_labels_[~known] == Y[~known]
    assert guessed.mean() > 0.9
    assert set(np.unique(tagger.pseudo_labels_)) == {0, 1}


def test_unknown_entries_are_guessed_where_every_clip_is_labeled():
    X, Y = make_indicator()
    y = Y.copy()
    y[12:, 1] = -1
    tagger = clone(QUICK_TAGGER).set_params(n_steps=10).fit(X, y)
    assert (tagger.pseudo_labels_[12:, 1] == Y[12:, 1]).mean() > 0.8
    assert tagger.history_[-1, "pseudo_labeled"] > 0.5


def test_a_class_of_which_nothing_is_known_is_not_guessed():
    X, Y = make_indicator()
    y = np.column_stack([Y, np.full(40, -1)])
    y[16:] = -1
    tagger = clone(QUICK_TAGGER).fit(X, y)
    assert (tagger.pseudo_labels_[:, 2] == -1).all()
    assert np.isnan(tagger.pseudo_label_confidence_[:, 2]).all()
    assert np.isfinite(tagger.pseudo_label_confidence_[:, :2]).all()
    assert set(np.unique(tagger.predict(X)[:, :2])) == {0, 1}


def test_a_class_that_no_clip_has_is_guessed_nowhere():
    X, Y = make_indicator()
    y = np.column_stack([Y, np.zeros(40, int)])
    y[16:] = -1
    tagger = clone(QUICK_TAGGER).fit(X, y)
    assert not tagger.pseudo_labels_[:, 2].any()


def test_string_labels_with_the_integer_minus_one(data):
    X, y, hidden = data
    names = np.array(["rain", "dog"], dtype=object)[y]
    names[hidden == -1] = -1
    tagger = clone(QUICK_TAGGER).fit(X, names)
    assert list(tagger.classes_) == ["dog", "rain"]
    assert set(tagger.predict(X)) == {"dog", "rain"}
    assert set(tagger.pseudo_labels_) == {"dog", "rain"}
    labeled = hidden != -1
    np.testing.assert_array_equal(tagger.pseudo_labels_[labeled], names[labeled])


def test_the_order_of_clips_is_no_matter_of_learning(data):
    X, y, hidden = data
    first = np.argsort(hidden != -1, kind="stable")  # unlabeled first
    tagger = clone(QUICK_TAGGER).fit(X[first], hidden[first])
    np.testing.assert_array_equal(tagger.classes_, [0, 1])
    labeled = hidden[first] != -1
    np.testing.assert_array_equal(tagger.pseudo_labels_[labeled], y[first][labeled])
    assert (tagger.pseudo_labels_ == y[first]).mean() > 0.9


@pytest.mark.parametrize("kind", ["table", "frames"])
def test_features_in_no_order_work_at_the_defaults(kind):
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    X = rng.normal(size=(60, 20)) + 1.5 * rng.normal(size=(3, 20))[y]
    if kind == "frames":
        X = X[:, :, None] + rng.normal(size=(60, 20, 12))
    tagger = TripletTagger(max_epochs=3, n_steps=8, random_state=0)
    tagger.fit(X, hide(y, 3))
    assert not tagger.has_bands_
    assert tagger.score(X, y) > 0.9
    assert tagger.transform(X).shape == (60, 128, 12)[: X.ndim]


def test_frames_of_another_model_are_neither_averaged_nor_repeated():
    rng = np.random.default_rng(0)
    y = np.arange(40) % 2
    X = rng.normal(size=(40, 12, 5)) + 2 * rng.normal(size=(2, 12))[y][:, :, None]
    seen = []

    class Watching(Transformation):
        def apply(self, anchors, segments, rng):
            seen.append(anchors.X.shape)
            return anchors

    augmentation = Chain([RandomCrop(stretch=0), Watching()])
    tagger = TripletTagger(augmentation=augmentation, max_epochs=1, random_state=0)
    tagger.fit(X, hide(y, 3))
    # a crop is as long as the clips, though segment_length is 240
    assert set(seen) == {(60, 1, 12, 5)}
    assert tagger.frame_pooling_ == 1
    frames = tagger.transform(X)
    assert (np.abs(np.diff(frames, axis=2)) > 0).any(axis=1).all()
    assert (
        clone(tagger).set_params(frame_pooling=2).fit(X, hide(y, 3)).score(X, y) > 0.9
    )


def test_what_is_labeled_is_not_told_from_what_is_not():
    """Triplets of labeled against unlabeled clips would tear a class in two."""
    rng = np.random.default_rng(0)
    y = np.arange(150) % 3
    X = rng.normal(size=(150, 64)) + 0.8 * rng.normal(size=(3, 64))[y]
    X = X[:, :, None] + 0.5 * rng.normal(size=(150, 64, 4))
    y_known = hide(y, 4)
    # late, when the triplets alone have had their say
    tagger = TripletTagger(guess_from=0.4, random_state=0).fit(X, y_known)
    hidden = y_known < 0
    assert (tagger.pseudo_labels_ == y)[hidden].mean() > 0.8
    assert tagger.score(X[hidden], y[hidden]) > 0.8


def test_one_wild_value_does_not_outweigh_the_rest():
    rng = np.random.default_rng(0)
    y = np.arange(80) % 2
    X = rng.normal(size=(80, 10)) + 2 * rng.normal(size=(2, 10))[y]
    # a column that is 0 but for a few rows, in which it is far from all others
    rare = np.zeros((80, 1))
    rare[::20] = 1
    tagger = TripletTagger(max_epochs=3, random_state=0)
    embedded = tagger.fit(np.hstack([X, rare]), hide(y, 4)).transform(
        np.hstack([np.zeros((2, 10)) + X.mean(axis=0), [[1], [1000]]])
    )
    # beyond two deviations it says no more
    np.testing.assert_array_equal(embedded[0], embedded[1])


def test_attention_begins_as_statistics_and_learns(data):
    X, y, answers = data[0], data[2], data[1]
    untrained = clone(QUICK_TAGGER).set_params(max_epochs=0, output="clip")
    alike = clone(untrained).set_params(pooling="attention")
    np.testing.assert_allclose(
        alike.fit(X, y).transform(X), untrained.fit(X, y).transform(X), atol=1e-4
    )
    tagger = clone(QUICK_TAGGER).set_params(pooling="attention").fit(X, y)
    assert tagger.score(X, answers) > 0.9
    assert tagger.net_.module_.attention.weight.abs().max() > 0
    # as with all frames alike, padding is nothing
    shorter = shorten(X[:3], [30, 41, 20])
    together = tagger.predict_proba(shorter)
    alone = tagger.predict_proba([clip[:, ~np.isnan(clip[0])] for clip in shorter])
    np.testing.assert_allclose(together, alone, rtol=1e-5)


# --- what comes out


def test_frame_logits_average_to_those_of_the_clip(data, fitted):
    X = data[0][:, :, :40]  # a multiple of frame_pooling
    frames = np.log(fitted.predict_frames(X))
    frames -= frames.mean(axis=1, keepdims=True)
    # logits but for a constant per frame, which the softmax of the mean ignores
    mean = np.exp(frames.mean(axis=2))
    mean /= mean.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(mean, fitted.predict_proba(X), atol=1e-4)


def test_frame_logits_of_several_labels_average_to_those_of_the_clip():
    X, Y = make_indicator()
    tagger = clone(QUICK_TAGGER).fit(X, Y)
    X = X[:, :, :40]
    frames = tagger.predict_frames(X).astype(float)
    logits = np.log(frames / (1 - frames)).mean(axis=2)
    clips = tagger.predict_proba(X).astype(float)
    np.testing.assert_allclose(logits, np.log(clips / (1 - clips)), atol=1e-3)


def test_shapes(data, fitted):
    X, _, _ = data
    assert fitted.predict_frames(X).shape == (30, 2, N_FRAMES)
    embedded = fitted.transform(X)
    assert embedded.shape == (30, 8, N_FRAMES)
    assert embedded.dtype == np.float32
    np.testing.assert_array_equal(embedded[:, :, 0], embedded[:, :, 1])  # pooled
    clips = clone(QUICK_TAGGER).set_params(output="clip").fit(X, data[2])
    pooled = clips.transform(X)
    assert pooled.shape == (30, 16)
    # what the head sees: standardised over the training clips, as far as the batch
    # norms of the encoder are alike in training and in use
    np.testing.assert_allclose(pooled.mean(axis=0), 0, atol=0.05)
    np.testing.assert_allclose(pooled.std(axis=0), 1, atol=0.1)
    head = clips.net_.module_.head
    logits = pooled @ head.weight.detach().numpy().T + head.bias.detach().numpy()
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected = odds / odds.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(clips.predict_proba(X), expected, atol=1e-5)


def test_rows_do_not_depend_on_their_neighbours(data, fitted):
    X, _, _ = data
    whole_set = fitted.predict_proba(X)
    np.testing.assert_array_equal(fitted.predict_proba(X[4:5])[0], whole_set[4])
    np.testing.assert_array_equal(fitted.transform(X[4:5])[0], fitted.transform(X)[4])


def test_pandas_columns_of_clips(data):
    X, _, y = data
    tagger = clone(QUICK_TAGGER).set_params(output="clip")
    table = tagger.set_output(transform="pandas").fit_transform(X, y)
    assert list(table.columns) == [f"triplettagger{i}" for i in range(16)]
    np.testing.assert_array_equal(tagger.get_feature_names_out(), table.columns)


def test_the_parameters_of_the_fit_are_those_of_prediction(data, fitted):
    X, _, _ = data
    changed = pickle.loads(pickle.dumps(fitted))
    changed.set_params(frame_pooling=5, encoder="dense", n_components=3)
    np.testing.assert_array_equal(changed.predict_proba(X), fitted.predict_proba(X))


# --- clips of all kinds


def test_unreadable_clips_are_left_out_and_marked(data):
    X, _, y = data
    X = X.copy()
    X[[3, 20]] = np.nan
    tagger = clone(QUICK_TAGGER)
    with pytest.warns(UserWarning, match="leaves out 2 of 30 rows"):
        tagger.fit(X, y)
    assert tagger.pseudo_labels_.shape == (30,)
    np.testing.assert_array_equal(np.flatnonzero(tagger.pseudo_labels_ == -1), [3, 20])
    missing = np.isnan(tagger.pseudo_label_confidence_)
    np.testing.assert_array_equal(np.flatnonzero(missing), [3, 20])
    readable = np.delete(np.arange(30), [3, 20])
    alone = clone(QUICK_TAGGER).fit(X[readable], y[readable])
    np.testing.assert_array_equal(weights(alone), weights(tagger))
    np.testing.assert_array_equal(alone.pseudo_labels_, tagger.pseudo_labels_[readable])
    with pytest.warns(UserWarning, match="leaves out 2 of 30 rows"):
        assert np.isnan(tagger.predict_proba(X)[[3, 20]]).all()
    with pytest.warns(UserWarning, match="leaves out 1 of 1 rows"):
        assert np.isnan(tagger.transform(X[3:4])).all()


def test_unreadable_clips_of_string_and_several_labels(data):
    X, y, hidden = data
    X = X.copy()
    X[7] = np.nan
    names = np.array(["rain", "dog"], dtype=object)[y]
    names[hidden == -1] = -1
    with pytest.warns(UserWarning, match="leaves out"):
        tagger = clone(QUICK_TAGGER).fit(X, names)
    assert tagger.pseudo_labels_[7] == -1
    assert set(np.delete(tagger.pseudo_labels_, 7)) == {"dog", "rain"}
    indicator = np.column_stack([y == 0, y == 1]).astype(int)
    indicator[6:] = -1
    with pytest.warns(UserWarning, match="leaves out"):
        tagger = clone(QUICK_TAGGER).fit(X, indicator)
    assert (tagger.pseudo_labels_[7] == -1).all()
    assert np.isnan(tagger.pseudo_label_confidence_[7]).all()


def test_a_table_of_which_no_row_can_be_read():
    X, y = np.random.default_rng(0).normal(size=(20, 4)), np.arange(20) % 2
    tagger = clone(QUICK_TAGGER).fit(X, y)
    with pytest.warns(UserWarning, match="leaves out 3 of 3"):
        assert np.isnan(tagger.transform(np.full((3, 4), np.nan))).all()


def test_lists_are_as_arrays_that_end_in_nan(data):
    X, _, y = data
    lengths = np.resize([41, 40, 13, 2, 1, 24], 30)  # shorter than a crop, than a frame
    padded = shorten(X, lengths)
    ragged = [clip[:, :n] for clip, n in zip(X, lengths, strict=True)]
    dense = clone(QUICK_TAGGER).fit(padded, y)
    listed = clone(QUICK_TAGGER).fit(ragged, y)
    np.testing.assert_array_equal(weights(dense), weights(listed))
    assert np.isfinite(dense.predict_proba(padded)).all()
    np.testing.assert_array_equal(
        dense.predict_proba(padded), listed.predict_proba(ragged)
    )
    for values in (dense.transform(padded), dense.predict_frames(padded)):
        frames = np.isfinite(values).all(axis=1)
        np.testing.assert_array_equal(frames.sum(axis=1), lengths)


def test_all_clips_are_shorter_than_a_crop(data):
    X, y, hidden = data
    tagger = clone(QUICK_TAGGER).set_params(segment_length=500, n_segments=2)
    assert tagger.fit(X, hidden).score(X, y) > 0.9


# --- labels of all kinds


def test_one_labeled_clip_per_class(data):
    X, y, _ = data
    tagger = clone(QUICK_TAGGER).fit(X, hide(y, 1))
    assert (tagger.pseudo_labels_ == y).mean() > 0.8


def test_a_class_with_one_clip_among_others(data):
    X, y, _ = data
    labels = y.copy()
    labels[5] = 2
    tagger = clone(QUICK_TAGGER).fit(X, labels)
    np.testing.assert_array_equal(tagger.classes_, [0, 1, 2])
    assert tagger.pseudo_labels_[5] == 2


def test_without_unlabeled_clips_it_is_a_supervised_network(data):
    X, y, _ = data
    tagger = clone(QUICK_TAGGER).fit(X, y)
    assert tagger.score(X, y) > 0.9
    np.testing.assert_array_equal(tagger.pseudo_labels_, y)
    np.testing.assert_array_equal(tagger.pseudo_label_confidence_, 1)
    assert tagger.history_[-1, "pseudo_labeled"] == 0
    # nothing of what guesses can matter
    other = clone(QUICK_TAGGER).set_params(guess_from=0, alpha=0, pseudo_weight=0)
    np.testing.assert_array_equal(weights(other.fit(X, y)), weights(tagger))


@pytest.mark.parametrize(
    ("y", "sentence"),
    [
        (
            np.full(30, -1),
            "TripletTagger learns its classes from labeled clips, but y labels none of "
            "the 30 clips: every entry is -1. Label some clips of each class; without "
            'any, TripletEmbedder("s1") learns an embedding.',
        ),
        (
            np.where(np.arange(30) < 4, 7, -1),
            "TripletTagger needs labels of at least two classes. y holds only one "
            "class, 7.",
        ),
        (
            np.where(np.arange(30) < 1, 7, -1),
            "TripletTagger needs labels of at least two classes. y holds only one "
            "class, 7.",
        ),
        (
            np.where(np.arange(30)[:, None] < 1, [[0, 1]], -1),
            "TripletTagger needs at least two labeled clips. y labels only one of the "
            "30 clips.",
        ),
    ],
    ids=["none", "one class", "one clip", "one clip of several labels"],
)
def test_labels_of_which_nothing_can_be_learned(data, y, sentence):
    with pytest.raises(ValueError, match=whole(sentence)):
        clone(QUICK_TAGGER).fit(data[0], y)


def test_a_class_that_could_not_be_read_is_named(data):
    X, y, _ = data
    X, names = X.copy(), np.array(["rain", "dog", "sea"], dtype=object)[y]
    names[4] = "sea"
    X[4] = np.nan
    sentence = (
        "TripletTagger learns from labeled clips, but too few of the classes ['sea'] "
        "could be read: the others hold only NaN. Label some that can be read."
    )
    with (
        pytest.warns(UserWarning, match="leaves out"),
        pytest.raises(ValueError, match=whole(sentence)),
    ):
        clone(QUICK_TAGGER).fit(X, names)


@pytest.mark.parametrize("several", [False, True])
def test_no_labeled_clip_could_be_read(data, several):
    X, _, y = data
    X = X.copy()
    X[:6] = np.nan  # all that is labeled
    which = "" if several else "of the classes [0, 1] "
    y = np.column_stack([y, y]) if several else y
    sentence = (
        f"TripletTagger learns from labeled clips, but too few {which}could be read: "
        "the others hold only NaN. Label some that can be read."
    )
    with (
        pytest.warns(UserWarning, match="leaves out"),
        pytest.raises(ValueError, match=whole(sentence)),
    ):
        clone(QUICK_TAGGER).fit(X, y)


# --- unlabeled clips of classes that no label has


def make_strangers():
    """Two labeled classes, and two of which there are only unlabeled clips."""
    X, y = make_clips(60, n_classes=4)
    return X, y, np.where(np.isin(y, [0, 3]), hide(y, 4), -1)


def test_strangers_are_guessed_with_less_confidence():
    X, y, labels = make_strangers()
    tagger = clone(QUICK_TAGGER).set_params(n_steps=10).fit(X, labels)
    unlabeled = labels == -1
    strange = np.isin(y, [1, 2])
    confidence = tagger.pseudo_label_confidence_
    assert set(tagger.pseudo_labels_) == {0, 3}
    known = confidence[unlabeled & ~strange].mean()
    assert confidence[strange].mean() < known - 0.02
    assert tagger.history_[-1, "pseudo_labeled"] == 1  # forced, where nobody objects


def test_the_confidence_floor_lets_strangers_alone():
    X, y, labels = make_strangers()
    tagger = clone(QUICK_TAGGER).set_params(n_steps=10, confidence_floor=0.9)
    tagger.fit(X, labels)
    strange = np.isin(y, [1, 2])
    accepted = tagger.pseudo_label_confidence_ >= 0.9
    unlabeled = labels == -1
    assert accepted[strange].mean() < accepted[unlabeled & ~strange].mean()
    assert tagger.history_[-1, "pseudo_labeled"] < 0.9
    assert tagger.score(X[~strange], y[~strange]) > 0.9


def test_a_high_floor_keeps_pseudo_labels_out(data):
    X, _, y = data
    tagger = clone(QUICK_TAGGER).set_params(confidence_floor=0.999, n_steps=2)
    tagger.fit(X, y)
    assert tagger.history_[-1, "pseudo_labeled"] < 0.2


# --- parts that can be taken away


@pytest.mark.parametrize("name", ["tag_weight", "pseudo_weight", "triplet_weight"])
def test_each_weight_can_be_zero(data, fitted, name):
    X, y, hidden = data
    tagger = clone(QUICK_TAGGER).set_params(**{name: 0.0}).fit(X, hidden)
    assert tagger.score(X, y) > 0.8
    assert (weights(tagger) != weights(fitted)).any()


def test_triplets_alone_give_a_head_too(data):
    X, y, _ = data
    tagger = clone(QUICK_TAGGER).set_params(tag_weight=0, pseudo_weight=0.0)
    assert tagger.fit(X, y).score(X, y) > 0.8  # where all is labeled
    tagger.fit(X, hide(y, 3))
    assert tagger.score(X, y) > 0.8
    tagger.set_params(refit_head=False).fit(X, y)
    np.testing.assert_allclose(tagger.predict_proba(X), 0.5)  # and no random answer


def test_without_pseudo_weight_nothing_is_guessed(data):
    X, _, y = data
    tagger = clone(QUICK_TAGGER).set_params(pseudo_weight=0).fit(X, y)
    assert not any(tagger.history_[:, "pseudo_labeled"])
    # what the head says is told all the same
    unlabeled = y == -1
    np.testing.assert_array_equal(
        tagger.pseudo_labels_[unlabeled], tagger.predict(X)[unlabeled]
    )
    np.testing.assert_allclose(
        tagger.pseudo_label_confidence_[unlabeled],
        tagger.predict_proba(X).max(axis=1)[unlabeled],
        rtol=1e-4,
    )


def test_no_unlabeled_clip_in_a_batch(data):
    X, y, hidden = data
    tagger = clone(QUICK_TAGGER).set_params(labeled_ratio=1).fit(X, hidden)
    assert tagger.score(X, y) > 0.9
    assert (tagger.pseudo_labels_ == y).mean() > 0.9


def test_pseudo_labels_begin_when_they_are_told(data):
    X, _, y = data
    for guess_from, first in ((0, 1), (0.5, 3), (1, 5)):
        tagger = clone(QUICK_TAGGER).set_params(guess_from=guess_from).fit(X, y)
        fractions = np.array(tagger.history_[:, "pseudo_labeled"])
        np.testing.assert_array_equal(fractions > 0, np.arange(1, 5) >= first)
        assert (np.diff(fractions) >= 0).all()
    assert set(tagger.history_[0]) >= {"train_loss", "changed_pseudo_labels"}


def test_a_few_of_many_unlabeled_clips_are_looked_at(data):
    X, y, hidden = data
    tagger = (
        clone(QUICK_TAGGER)
        .set_params(max_guessed=6, max_epochs=2, n_steps=16)
        .fit(X, hidden)
    )
    # one epoch of guesses, 6 of 24, of which the surest half or all join
    assert 0.1 < tagger.history_[-1, "pseudo_labeled"] <= 0.25
    assert tagger.pseudo_labels_.shape == (30,)  # in the end all are guessed
    assert (tagger.pseudo_labels_ == y).mean() > 0.8


def test_a_transformation_of_ones_own(data):
    X, y, hidden = data
    for augmentation in (None, RandomNoise(), Chain([Gain(), TimeMask()])):
        tagger = clone(QUICK_TAGGER).set_params(augmentation=augmentation)
        assert tagger.fit(X, hidden).score(X, y) > 0.8


def test_what_does_not_suit_a_table_passes_it_by():
    rng = np.random.default_rng(0)
    y = np.arange(40) % 2
    X = rng.normal(size=(40, 4)) + 3 * y[:, None]
    plain = clone(QUICK_TAGGER).set_params(augmentation=None).fit(X, y)
    gain = clone(QUICK_TAGGER).set_params(augmentation=Gain(40)).fit(X, y)
    np.testing.assert_array_equal(weights(gain), weights(plain))


def test_more_views_than_a_batch_holds(data):
    X, _, y = data
    tagger = clone(QUICK_TAGGER).set_params(n_views=11, labeled_ratio=0.1)
    assert tagger.fit(X, y).n_iter_ == 4


def test_no_epoch_at_all(data):
    X, _, y = data
    tagger = clone(QUICK_TAGGER).set_params(max_epochs=0).fit(X, y)
    assert tagger.n_iter_ == 0
    assert np.isfinite(tagger.predict_proba(X)).all()


# --- manners


def test_fits_are_bit_identical_and_touch_no_global_generator(data, fitted):
    X, _, y = data
    X_before, y_before = X.copy(), y.copy()
    np.random.seed(5)  # noqa: NPY002
    torch.manual_seed(5)
    before = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    again = clone(QUICK_TAGGER).fit(X, y)
    after = np.random.get_state()[1], torch.get_rng_state()  # noqa: NPY002
    np.testing.assert_array_equal(before[0], after[0])
    assert torch.equal(before[1], after[1])
    np.testing.assert_array_equal(weights(again), weights(fitted))
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    np.testing.assert_array_equal(
        again.pseudo_label_confidence_, fitted.pseudo_label_confidence_
    )
    np.testing.assert_array_equal(X, X_before)
    np.testing.assert_array_equal(y, y_before)
    other = clone(QUICK_TAGGER).set_params(random_state=1).fit(X, y)
    assert (weights(other) != weights(fitted)).any()


def test_pickles_are_small_and_tag_alike(data, fitted, tmp_path):
    X, _, y = data
    expected = fitted.predict_proba(X)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(X), expected)
    joblib.dump(fitted, tmp_path / "tagger.joblib")
    again = joblib.load(tmp_path / "tagger.joblib")
    np.testing.assert_array_equal(again.transform(X), fitted.transform(X))
    # more clips must not make more of it than their pseudo-labels
    many, labels = np.tile(X, (4, 1, 1)), np.r_[y, np.full(90, -1)]
    larger = len(pickle.dumps(clone(QUICK_TAGGER).fit(many, labels)))
    assert larger - len(pickle.dumps(fitted)) < 90 * 2 * 8 + 1000
    assert not any(name.startswith("_") for name in vars(fitted))


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("labeled_ratio", 0, "a number in (0, 1]"),
        ("alpha", 1, "a number in [0, 1)"),
        ("confidence_floor", 1, "a number in [0, 1)"),
        ("decay", -0.1, "a number in [0, 1)"),
        ("guess_from", 2, "a number in [0, 1]"),
        ("n_steps", 0, "an integer in [1, inf)"),
        ("batch_size", 1, "an integer in [2, inf)"),
        ("margin", 0, "a number in (0, inf)"),
        ("triplet_weight", -1, "a number in [0, inf)"),
        ("augmentation", "none", "one of ['auto', None]"),
        ("output", "table", "one of ['frames', 'clip']"),
        ("encoder", "lstm", "one of ['auto', 'conv', 'deep', 'dense'] or a callable"),
    ],
)
def test_parameters_out_of_range(data, name, value, expected):
    sentence = f"The {name!r} parameter of TripletTagger must be {expected}. Got "
    with pytest.raises(ValueError, match=re.escape(sentence)):
        clone(QUICK_TAGGER).set_params(**{name: value}).fit(data[0], data[2])


def test_search_over_its_weights(data):
    X, _, y = data
    search = GridSearchCV(
        clone(QUICK_TAGGER).set_params(max_epochs=2),
        {"triplet_weight": [0, 1], "pseudo_weight": [0, 1]},
        scoring=labeled_scorer("accuracy"),
        cv=UnlabeledInTrain(3),
        error_score="raise",
    ).fit(X, y)
    assert len(search.cv_results_["params"]) == 4
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_estimator_.predict(X).shape == (30,)


def test_in_a_pipeline_at_its_end_and_before_a_classifier(data):
    X, y, hidden = data
    last = make_pipeline(FunctionTransformer(lambda X: X + 1), clone(QUICK_TAGGER))
    last.fit(X, hidden)
    assert last.score(X, y) > 0.9
    assert last.predict_proba(X, frames=True).shape == (30, 2, N_FRAMES)
    embedding = clone(QUICK_TAGGER).set_params(output="clip")
    first = make_pipeline(embedding, LabeledOnly(LogisticRegression()))
    assert first.fit(X, hidden).score(X, y) > 0.9


def test_low_precision_trains_too(data):
    X, y, hidden = data
    tagger = clone(QUICK_TAGGER).set_params(precision="bfloat16").fit(X, hidden)
    assert tagger.score(X, y) > 0.9
