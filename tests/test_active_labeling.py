"""What to label next: the strategies of scikit-activeml on ours, without glue."""

from pathlib import Path

import numpy as np
import pandas
import pytest
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from test_readme import write_tones

from sklearn_triplet import (
    LabeledOnly,
    LogMel,
    PseudoLabeled,
    TripletEmbedder,
    TripletTagger,
    is_labeled,
    write_review_page,
)
from sklearn_triplet.datasets import load_audio_folder

pytest.importorskip("skactiveml")
from skactiveml.classifier import SklearnClassifier  # noqa: E402
from skactiveml.pool import (  # noqa: E402
    TypiClust,
    UncertaintySampling,
    uncertainty_scores,
)
from skactiveml.utils import simple_batch  # noqa: E402

N_CLIPS = 60
NAMES = np.array(["rain", "dog", "Bär"], dtype=object)


def make_clips(seed=0):
    """Clips of three classes; the first nine are labeled, by codes and by names."""
    rng = np.random.default_rng(seed)
    truth = np.arange(N_CLIPS) % 3
    X = rng.normal(size=(N_CLIPS, 8, 100)).astype(np.float32)
    X[np.arange(N_CLIPS), truth] += 1
    hidden = np.arange(N_CLIPS) >= 9
    codes = np.where(hidden, -1, truth)
    names = NAMES[truth]
    names[hidden] = -1
    return X, truth, codes, names


def make_embedder():
    return TripletEmbedder(
        "s2", output="clip", n_components=4, n_triplets=50, max_epochs=1, random_state=0
    )


MODELS = {
    "LabeledOnly": make_pipeline(make_embedder(), LabeledOnly()),
    "PseudoLabeled": make_pipeline(
        make_embedder(), PseudoLabeled(LogisticRegression())
    ),
    "TripletTagger": TripletTagger(
        n_components=8, n_steps=8, batch_size=16, lr=0.01, random_state=0
    ),
}


def margins(probabilities):
    ordered = np.sort(probabilities, axis=1)
    return ordered[:, -1] - ordered[:, -2]


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_their_classifier_around_ours_learns_from_unlabeled_clips(model):
    X, _, y, _ = make_clips()
    wrapped = SklearnClassifier(
        clone(model),
        include_unlabeled_samples=True,
        classes=[0, 1, 2],
        missing_label=-1,
    )
    alone = clone(model).fit(X, y)
    probabilities = alone.predict_proba(X)
    # the same to the last bit: the unlabeled clips were there, and unlabeled
    np.testing.assert_array_equal(wrapped.fit(X, y).predict_proba(X), probabilities)
    np.testing.assert_array_equal(wrapped.predict(X), alone.predict(X))
    query = UncertaintySampling("margin_sampling", missing_label=-1, random_state=0)
    rows = query.query(X, y, clf=wrapped, batch_size=5)
    unlabeled = np.flatnonzero(y == -1)
    nearest = unlabeled[np.argsort(margins(probabilities[unlabeled]))[:5]]
    assert set(rows) == set(nearest)


def test_a_class_without_any_label_yet():
    X, _, y, _ = make_clips()
    y = np.where(y == 2, -1, y)
    wrapped = SklearnClassifier(
        MODELS["TripletTagger"],
        include_unlabeled_samples=True,
        classes=[0, 1, 2],
        missing_label=-1,
    )
    probabilities = wrapped.fit(X, y).predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert (probabilities[:, 2] == 0).all()


def test_names_and_a_fitted_model():
    """A strategy asks which clips are labeled, not what they are."""
    X, _, _, y = make_clips()
    Z = make_embedder().fit(X, y).transform(X)
    known = np.where(is_labeled(y), 0, -1)
    classifier = LabeledOnly().fit(Z, y)
    for model, asked in [
        (classifier, Z),
        (clone(MODELS["TripletTagger"]).fit(X, y), X),
    ]:
        rows = UncertaintySampling(
            "margin_sampling", missing_label=-1, random_state=0
        ).query(
            asked,
            known,
            clf=SklearnClassifier(model, missing_label=-1),
            fit_clf=False,
            batch_size=6,
        )
        distance = margins(model.predict_proba(asked))
        assert not is_labeled(y)[rows].any()
        assert set(rows) == set(
            np.argsort(np.where(is_labeled(y), 2, distance), kind="stable")[:6]
        )


def test_clips_of_different_length():
    """The scores take probabilities, however the clips came."""
    X, _, _, y = make_clips()
    X[::2, :, 70:] = np.nan
    X[10] = np.nan  # could not be read
    tagger = clone(MODELS["TripletTagger"])
    with pytest.warns(UserWarning, match="1 of 60 rows"):
        probabilities = tagger.fit(X, y).predict_proba(X)
    usable = ~is_labeled(y) & ~np.isnan(probabilities).any(axis=1)
    scores = np.full(N_CLIPS, np.nan)
    scores[usable] = uncertainty_scores(probabilities[usable], method="margin_sampling")
    rows = simple_batch(scores, 0, batch_size=5)
    assert usable[rows].all()
    distance = margins(probabilities)
    assert set(rows) == set(np.argsort(np.where(usable, distance, 2))[:5])


def test_typical_clips_of_our_embedding():
    """As in the paper: the densest of the largest clusters without a label."""
    X, truth, _, y = make_clips()
    Z = make_embedder().fit(X, y).transform(X)
    known = np.where(is_labeled(y), 0, -1)
    rows = TypiClust(missing_label=-1, random_state=0).query(Z, known, batch_size=6)
    clusters = KMeans(n_clusters=9 + 6, random_state=0).fit_predict(Z)
    covered = set(clusters[is_labeled(y)])
    sizes = np.array([(clusters == c).sum() * (c not in covered) for c in range(15)])
    first = clusters[rows[0]]
    assert sizes[first] == sizes.max()
    members = np.flatnonzero(clusters == first)
    gaps = np.linalg.norm(Z[members][:, None] - Z[members], axis=2)
    typicality = 1 / np.sort(gaps, axis=1)[:, 1:6].mean(axis=1)
    assert rows[0] == members[typicality.argmax()]
    # before there is any label, from an embedding of none
    Z = make_embedder().set_params(strategy="s1").fit(X).transform(X)
    rows = TypiClust(missing_label=-1, random_state=0).query(
        Z, np.full(N_CLIPS, -1), batch_size=3
    )
    assert len(set(rows)) == 3
    assert truth[rows].shape == (3,)


def test_several_classes_a_clip():
    X, truth, codes, _ = make_clips()
    y = np.where(codes[:, None] == -1, -1, np.eye(3, dtype=int)[truth])
    Z = make_embedder().fit(X, y).transform(X)
    known = np.where(is_labeled(y), 0, -1)
    rows = TypiClust(missing_label=-1, random_state=0).query(Z, known, batch_size=4)
    assert not is_labeled(y)[rows].any()
    tagger = clone(MODELS["TripletTagger"]).fit(X, y)
    probabilities = tagger.predict_proba(X)
    # of each class whether it is there, and of a clip the least certain class
    scores = np.max(
        [
            uncertainty_scores(np.column_stack([1 - p, p]), method="margin_sampling")
            for p in probabilities.T
        ],
        axis=0,
    )
    rows = simple_batch(np.where(is_labeled(y), np.nan, scores), 0, batch_size=4)
    doubt = np.abs(probabilities - 0.5).min(axis=1)
    assert set(rows) == set(np.argsort(np.where(is_labeled(y), 1, doubt))[:4])


def test_the_loop_from_recordings_to_recordings(tmp_path, monkeypatch):
    """Suggest, listen, label, learn: as the guide shows it, on tones."""
    monkeypatch.chdir(tmp_path)
    write_tones(tmp_path / "recordings", 40)  # even numbers are high, odd ones low
    mel = LogMel()
    paths, y = load_audio_folder("recordings", None, return_X_y=True)
    X = mel.transform(paths)
    table = pandas.DataFrame({"filename": [], "labels": []})
    classes = ["high", "low"]
    for n_labeled in (0, 6, 12):
        assert is_labeled(y).sum() == n_labeled
        if n_labeled:
            tagger = clone(MODELS["TripletTagger"]).set_params(output="clip").fit(X, y)
            probabilities = tagger.predict_proba(X)
        else:
            tagger = make_embedder().set_params(strategy="s1").fit(X)
            probabilities = None
        known = np.where(is_labeled(y), 0, -1)
        if n_labeled < 12:
            query = TypiClust(missing_label=-1, random_state=0)
            rows = query.query(tagger.transform(X), known, batch_size=6)
        else:
            margin = uncertainty_scores(probabilities, method="margin_sampling")
            rows = simple_batch(np.where(known == 0, np.nan, margin), 0, batch_size=6)
        suggested = None if probabilities is None else probabilities[rows]
        page = write_review_page(
            "next.html", paths[rows], classes, probabilities=suggested
        )
        assert Path(page).exists()
        # what the page lets one download after six keys
        answers = [classes[int(Path(path).stem) % 2] for path in paths[rows]]
        answer = pandas.DataFrame({"filename": paths[rows], "labels": answers})
        table = pandas.concat([table, answer])
        paths, y = load_audio_folder("recordings", table, return_X_y=True)
    truth = np.array([classes[int(Path(path).stem) % 2] for path in paths])
    assert is_labeled(y).sum() == 18
    assert (y == truth)[is_labeled(y)].all()
    # the last one learned from twelve
    assert (tagger.predict(X) == truth).mean() > 0.7
