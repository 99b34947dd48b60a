"""Clips of only NaN, which stand for files that could not be read: left out."""

import numpy as np
import pytest
from helpers import whole
from sklearn.base import clone

from sklearn_triplet import CRNNTagger, SequenceTagger, TripletEmbedder

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 8, 20)).astype(np.float32)
Y = np.arange(12) % 2
X[Y == 1, :4] += 2
LOST = [0, 5]
WITH_HOLES = X.copy()
WITH_HOLES[LOST] = np.nan
KEPT = np.delete(np.arange(12), LOST)

EMBEDDER = TripletEmbedder("s2", n_components=4, max_epochs=2, random_state=0)
TAGGER = SequenceTagger(n_cells=4, max_epochs=20, lr=0.02, random_state=0)
CRNN = CRNNTagger(n_components=4, n_cells=4, max_epochs=2, random_state=0)
both = pytest.mark.parametrize("tagger", [TAGGER, CRNN], ids=["sequence", "crnn"])

SENTENCE = (
    "{} leaves out 2 of 12 rows of X that could not be read, first row 0. "
    "LogMel(errors='warn') returns such clips as rows of NaN. They are not learned "
    "from, and answered by NaN or -1."
)


def told(name):
    return pytest.warns(UserWarning, match=whole(SENTENCE.format(name)))


@pytest.mark.parametrize("output", ["frames", "clip"])
@pytest.mark.parametrize("table", [False, True])
def test_embedder_leaves_them_out(output, table):
    clips, holes = (X[:, :, 0], WITH_HOLES[:, :, 0]) if table else (X, WITH_HOLES)
    embedder = clone(EMBEDDER).set_params(output=output)
    expected = clone(embedder).fit(clips[KEPT], Y[KEPT]).transform(clips[KEPT])
    with told("TripletEmbedder") as record:
        fitted = embedder.fit(holes, Y)
    assert len(record) == 1
    with told("TripletEmbedder"):
        found = fitted.transform(holes)
    assert np.isnan(found[LOST]).all()
    np.testing.assert_array_equal(found[KEPT], expected)


@both
@pytest.mark.parametrize(
    "kind", ["numbers", "names", "indicator", "truths", "unsigned"]
)
def test_taggers_answer_them_with_minus_one(tagger, kind):
    y = {
        "numbers": Y,
        "names": np.array(["dog", "rain"])[Y],
        "indicator": np.column_stack([Y, 1 - Y]),
        "truths": Y == 1,
        "unsigned": Y.astype(np.uint8),
    }[kind]
    expected = clone(tagger).fit(X[KEPT], y[KEPT])
    with told(type(tagger).__name__):
        fitted = clone(tagger).fit(WITH_HOLES, y)
    with told(type(tagger).__name__):
        probabilities = fitted.predict_proba(WITH_HOLES)
    assert np.isnan(probabilities[LOST]).all()
    np.testing.assert_array_equal(probabilities[KEPT], expected.predict_proba(X[KEPT]))
    with told(type(tagger).__name__):
        tags = fitted.predict(WITH_HOLES)
    assert (tags[LOST] == -1).all()
    assert tags[KEPT].tolist() == expected.predict(X[KEPT]).tolist()
    with told(type(tagger).__name__):
        frames = fitted.predict_frames(WITH_HOLES)
    assert np.isnan(frames[LOST]).all()
    assert np.isfinite(frames[KEPT]).all()


@both
def test_scores_leave_them_out(tagger):
    fitted = clone(tagger).fit(X, Y)
    with pytest.warns(UserWarning, match="leaves out 2 of 12 .* They are not scored"):
        found = fitted.score(WITH_HOLES, Y)
    assert found == fitted.score(X[KEPT], Y[KEPT])


def test_names_stay_text_where_all_clips_can_be_read():
    fitted = clone(TAGGER).fit(X, np.array(["dog", "rain"])[Y])
    assert fitted.predict(X).dtype.kind == "U"


def test_nothing_left_to_learn_from():
    nothing = np.full_like(X, np.nan)
    fitted = clone(EMBEDDER).fit(X, Y)
    with pytest.warns(UserWarning, match="leaves out 12 of 12 rows"):
        assert np.isnan(fitted.transform(nothing)).all()
    with pytest.warns(UserWarning), pytest.raises(ValueError, match="at least 2 clips"):
        fitted.fit(nothing, Y)
    only = WITH_HOLES[:6], np.array([0, -1, -1, -1, -1, 1])
    sentence = (
        "SequenceTagger learns from labeled clips, but none of them could be read: "
        "they hold only NaN. Label some that can be read."
    )
    with pytest.warns(UserWarning), pytest.raises(ValueError, match=whole(sentence)):
        clone(TAGGER).fit(*only)
