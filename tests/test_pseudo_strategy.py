"""Pseudo-labels among triplets: two selectors, the fit that guesses, the count."""

import pickle

import numpy as np
import pytest
import torch
from helpers import cut, select, weights
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from skorch.callbacks import Callback

from sklearn_triplet import (
    STRATEGIES,
    Candidates,
    LabeledOnly,
    OtherLabel,
    OtherPseudoLabel,
    SameLabel,
    SamePseudoLabel,
    SegmentedClips,
    SemiHard,
    Strategy,
    Transformed,
    TripletEmbedder,
    UnlabeledInTrain,
)
from sklearn_triplet._input.labels import check_labels
from sklearn_triplet._training.triplet_loss import compare_clips

N_CLIPS = 45
TRUTH = np.arange(N_CLIPS) % 3
FEW = np.where(np.arange(N_CLIPS) < 6, TRUTH, -1)  # two labels a class
SETTINGS = {
    "segment_length": 8,
    "n_components": 8,
    "n_triplets": 120,
    "max_epochs": 5,
    "lr": 0.01,
    "random_state": 0,
}


def make_clips(n_frames=24, seed=0):
    """Clips of three kinds, each louder in its own bands."""
    X = np.random.default_rng(seed).normal(size=(N_CLIPS, 6, n_frames))
    for kind in range(3):
        X[TRUTH == kind, 2 * kind : 2 * kind + 2] += 2
    return X.astype(np.float32)


X = make_clips()


def fit(y=FEW, clips=X, strategy="pseudo", **changes):
    return TripletEmbedder(strategy, **{**SETTINGS, **changes}).fit(clips, y)


# --- SamePseudoLabel


def make_guessed(y, guesses, confidence, n_segments=1):
    """Cut a clip per label into segments; what is guessed beside y is written down."""
    rng = np.random.default_rng(0)
    segments = cut([rng.normal(size=(4, 6 * n_segments)) for _ in y], y)
    labels = check_labels(guesses, len(y), "Test")
    table = labels.present * np.reshape(confidence, (len(y), -1))
    segments.guess(np.arange(len(y)), labels, table)
    return segments


def test_partners_are_drawn_by_how_sure_their_guess_is():
    # clip 0 and its partners: labeled, guessed at .6 and .4; others; nothing guessed
    y = [-1, 0, 1, -1, -1, -1, -1]
    guesses = [0, 0, 1, 0, 0, 1, -1]
    segments = make_guessed(y, guesses, [0.5, 1, 1, 0.6, 0.4, 0.9, 0])
    drawn = select(SamePseudoLabel(), segments, [0] * 8000)
    counts = np.bincount(drawn.clips, minlength=7) / 8000
    np.testing.assert_allclose(counts, [0, 0.5, 0, 0.3, 0.2, 0, 0], atol=0.02)
    assert not drawn.substituted.any()


def test_where_nothing_is_guessed_a_copy_is_the_rule():
    segments = make_guessed([0, 1, 0, -1], [0, 1, 0, -1], [1, 1, 1, 0], n_segments=2)
    found = select(SamePseudoLabel(), segments, [6, 7, 6])
    assert found.clips.tolist() == [3, 3, 3]
    assert not found.substituted.any()
    anchors = segments.take(np.array([[6], [7], [6]]))
    assert not (found.X == anchors.X).all(axis=(1, 2, 3)).any()


def test_a_class_of_a_single_clip_gets_a_copy_that_is_counted():
    segments = make_guessed([0, 0, 1, -1], [0, 0, 1, 0], [1, 1, 1, 0.7], n_segments=2)
    found = select(SamePseudoLabel(), segments, [4, 6, 0])
    assert found.clips[0] == 2
    assert found.substituted.tolist() == [True, False, False]
    assert found.clips[1] in (0, 1)


def test_without_guesses_labels_are_pseudo_labels():
    segments = cut(np.random.default_rng(0).normal(size=(4, 4, 6)), [0, 1, 0, -1])
    assert select(SamePseudoLabel(), segments, [0, 2]).clips.tolist() == [2, 0]


def test_several_labels_a_clip_share_whichever_is_known():
    # 0 and 1 share the first class, 0 and 2 the second, 3 is known to have none
    y = [[1, 1, 0], [1, -1, 0], [-1, 1, 1], [0, 0, 0], [-1, -1, -1]]
    confidence = [[1, 1, 0], [0.25, 0, 0], [0, 0.75, 0.9], [0, 0, 0], [0, 0, 0]]
    segments = make_guessed(y, y, np.array(confidence))
    drawn = select(SamePseudoLabel(), segments, [0] * 8000)
    counts = np.bincount(drawn.clips, minlength=5) / 8000
    np.testing.assert_allclose(counts, [0, 0.25, 0.75, 0, 0], atol=0.02)
    # of what is known to hold nothing, or not known at all, a copy is the rule
    found = select(SamePseudoLabel(), segments, [3, 4])
    assert found.clips.tolist() == [3, 4]
    assert not found.substituted.any()


def test_units_of_two_segments_are_of_one_partner():
    segments = make_guessed([0, -1, 1], [0, 0, 1], [1, 0.8, 1], n_segments=3)
    found = select(SamePseudoLabel(), segments, [[0, 1]])
    assert found.clips.tolist() == [1]
    assert len(set(found.segments[0])) == 2


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("n_neighbors", 0),
        ("alpha", 1.0),
        ("alpha", -0.1),
        ("guess_from", 1.1),
        ("confidence_floor", 1.0),
    ],
)
@pytest.mark.parametrize("slot", ["labeled", "unlabeled"])
def test_parameters_out_of_range_are_refused(parameter, value, slot):
    selector = SamePseudoLabel(**{parameter: value})
    strategy = STRATEGIES["pseudo"].set_params(**{f"{slot}_positive": selector})
    sentence = f"The '{parameter}' parameter of SamePseudoLabel must be .*Got {value}"
    with pytest.raises(ValueError, match=sentence):
        fit(strategy=strategy)


# --- OtherPseudoLabel


def choose(shares, other, distances, positive, allowed=None):
    shares, other = (torch.tensor(t, dtype=torch.bool) for t in (shares, other))
    distances = torch.tensor(distances)
    if allowed is None:
        allowed = np.ones(distances.shape)
    none = torch.zeros_like(shares)
    candidates = Candidates(
        distances=distances,
        positive_distances=torch.tensor(positive),
        allowed=torch.tensor(np.array(allowed), dtype=torch.bool),
        shares_label=none,
        other_label=none,
        noise=torch.zeros(distances.shape),
        shares_pseudo_label=shares,
        other_pseudo_label=other,
    )
    index, substituted = OtherPseudoLabel().select(candidates)
    return index.tolist(), substituted.tolist()


def test_negatives_are_semi_hard_among_those_of_other_pseudo_labels():
    distances = [[0.0, 3.0, 2.0, 4.0, 5.0, 2.5]]
    shares, other = [[1, 1, 1, 0, 0, 0]], [[0, 0, 0, 1, 1, 0]]
    # columns 1 and 2 share, of 5 nothing is known: the nearest of the rest
    assert choose(shares, other, distances, [1.0]) == ([3], [False])
    assert choose(shares, other, distances, [4.0]) == ([4], [False])
    # none is farther than the positive: the farthest of other classes, counted
    assert choose(shares, other, distances, [9.0]) == ([4], [True])
    # none of another class is allowed: no negative at all
    allowed = [[0, 1, 1, 0, 0, 1]]
    assert choose(shares, other, distances, [1.0], allowed) == ([-1], [False])


def test_where_nothing_is_guessed_of_an_anchor_all_are_candidates():
    distances = [[0.0, 3.0, 2.0, 4.0], [0.0, 3.0, 2.0, 4.0]]
    shares, other = [[0, 0, 0, 0], [1, 0, 0, 0]], [[0, 0, 0, 0], [0, 0, 0, 1]]
    assert choose(shares, other, distances, [1.0, 1.0]) == ([2, 3], [False, False])


def test_candidates_without_pseudo_labels_are_as_before():
    tables = {
        "distances": torch.tensor([[1.0, 2.0, 3.0]]),
        "positive_distances": torch.tensor([0.5]),
        "allowed": torch.ones(1, 3, dtype=torch.bool),
        "shares_label": torch.tensor([[True, True, False]]),
        "other_label": torch.tensor([[False, False, True]]),
        "noise": torch.zeros(1, 3),
    }
    assert OtherPseudoLabel().select(Candidates(**tables))[0].tolist() == [2]
    assert OtherPseudoLabel().select(Candidates(*tables.values()))[0].tolist() == [2]


# --- the fit


def test_easy_classes_are_guessed():
    fitted = fit()
    hidden = FEW < 0
    assert fitted.pseudo_labels_.shape == FEW.shape
    assert (fitted.pseudo_labels_ == TRUTH)[hidden].mean() > 0.9
    np.testing.assert_array_equal(fitted.pseudo_labels_[~hidden], FEW[~hidden])
    confidence = fitted.pseudo_label_confidence_
    assert (confidence[~hidden] == 1).all()
    assert ((confidence[hidden] > 1 / 3) & (confidence[hidden] < 1)).all()


def test_a_table_is_guessed():
    rows = X.mean(axis=2)
    fitted = fit(clips=rows)
    assert (fitted.pseudo_labels_ == TRUTH)[FEW < 0].mean() > 0.9


def test_names_of_classes_are_kept():
    names = np.array(["bird", "dog", "rain"], dtype=object)
    y = [names[k] if k >= 0 else -1 for k in FEW]
    fitted = fit(y)
    assert (fitted.pseudo_labels_ == names[TRUTH]).mean() > 0.9


def test_guesses_begin_when_they_shall_and_grow():
    history = fit(max_epochs=10).history_
    # epochs 1 to 4 are before 0.4 of ten have passed; half of each class joins first
    labeled = history[:, "pseudo_labeled"]
    assert labeled[:4] == [0] * 4
    assert labeled[4] == pytest.approx(0.5, abs=0.06)
    assert labeled == sorted(labeled)
    assert labeled[-1] == 1
    strategy = STRATEGIES["pseudo"].set_params(unlabeled_positive__guess_from=0.8)
    assert fit(max_epochs=10, strategy=strategy).history_[:, "pseudo_labeled"][7] == 0


def test_before_the_first_guess_it_is_s2():
    never = STRATEGIES["pseudo"].set_params(unlabeled_positive__guess_from=1.0)
    torch.testing.assert_close(
        weights(fit(strategy=never)), weights(fit(strategy="s2")), rtol=0, atol=0
    )


def test_where_all_is_labeled_it_is_s2():
    left, right = fit(TRUTH), fit(TRUTH, strategy="s2")
    torch.testing.assert_close(weights(left), weights(right), rtol=0, atol=0)
    np.testing.assert_array_equal(left.pseudo_labels_, TRUTH)
    assert (left.pseudo_label_confidence_ == 1).all()
    assert not hasattr(right, "pseudo_labels_")


def test_with_no_label_it_is_s1_and_says_so():
    with pytest.warns(UserWarning, match="labels 0 of 45 clips, of 0 classes"):
        left = fit(None)
    torch.testing.assert_close(
        weights(left), weights(fit(None, strategy="s1")), rtol=0, atol=0
    )
    assert (left.pseudo_labels_ == -1).all()
    assert np.isnan(left.pseudo_label_confidence_).all()
    assert left.history_[:, "pseudo_labeled"] == [0] * 5


def test_one_class_is_refused_or_not_guessed():
    y = np.where(TRUTH == 0, 0, -1)
    with pytest.raises(ValueError, match="the labels in y are of 1 class"):
        fit(y)
    strategy = STRATEGIES["pseudo"].set_params(labeled_negative=SemiHard())
    with pytest.warns(UserWarning, match="labels 15 of 45 clips, of 1 class."):
        fitted = fit(y, strategy=strategy)
    assert (fitted.pseudo_labels_ == y).all()
    assert np.isnan(fitted.pseudo_label_confidence_[y < 0]).all()


def test_a_class_of_one_clip_is_guessed_too():
    y = np.where(np.arange(N_CLIPS) < 5, TRUTH, -1)  # the third has one label
    with pytest.warns(UserWarning, match="Label more clips of the rare classes"):
        fitted = fit(y)
    assert (fitted.pseudo_labels_ == TRUTH)[y < 0].mean() > 0.9


def test_a_floor_keeps_what_is_unsure_out():
    name = {"unlabeled_positive__confidence_floor": 0.999}
    fitted = fit(strategy=STRATEGIES["pseudo"].set_params(**name))
    assert fitted.history_[-1, "pseudo_labeled"] == 0
    # what is thought of them is told all the same
    assert (fitted.pseudo_labels_ >= 0).all()


def make_indicator():
    y = np.column_stack([np.eye(3, dtype=int)[TRUTH], np.full(N_CLIPS, -1)])
    y[12:] = -1
    y[3, 1] = -1
    return y


def test_several_labels_a_clip_are_guessed_class_by_class():
    y = make_indicator()
    fitted = fit(y)
    guessed, sure = fitted.pseudo_labels_, fitted.pseudo_label_confidence_
    assert guessed.shape == sure.shape == y.shape
    assert (guessed[:, :3] == np.eye(3)[TRUTH]).all(axis=1).mean() > 0.9
    np.testing.assert_array_equal(guessed[y >= 0], y[y >= 0])
    assert guessed[3, 1] == 0
    # of a class that nobody has spoken of, nobody guesses
    assert (guessed[:, 3] == -1).all()
    assert np.isnan(sure[:, 3]).all()
    assert (sure[:, :3] >= 0.5).all()


def test_clips_that_cannot_be_read_have_no_guess():
    clips = X.copy()
    clips[[7, 20]] = np.nan
    clips[9, :, 5:] = np.nan  # one padded segment
    with pytest.warns(UserWarning, match="leaves out 2 of 45"):
        fitted = fit(clips=clips)
    unread = np.isin(np.arange(N_CLIPS), [7, 20])
    np.testing.assert_array_equal(fitted.pseudo_labels_ == -1, unread)
    np.testing.assert_array_equal(np.isnan(fitted.pseudo_label_confidence_), unread)
    assert (fitted.pseudo_labels_ == TRUTH)[~unread].mean() > 0.9


def test_clips_that_validate_are_guessed_in_the_end_only():
    y = np.where(np.arange(N_CLIPS) < 15, TRUTH, -1)
    fitted = fit(y, validation_fraction=0.3, patience=5)
    assert (fitted.pseudo_labels_ == TRUTH).mean() > 0.9
    assert np.isfinite(fitted.history_[:, "valid_loss"]).all()


def test_of_many_clips_some_are_looked_at(monkeypatch):
    monkeypatch.setattr("sklearn_triplet._training.pseudo_labeling.MAX_GUESSED", 10)
    fitted = fit(max_epochs=10)
    share = np.array(fitted.history_[:, "pseudo_labeled"])
    assert 0 < share[4] <= 10 / 39
    # other clips each time, and those of before keep their guess
    assert share[-1] > 20 / 39
    assert (fitted.pseudo_labels_ == TRUTH).mean() > 0.9


def test_no_epoch_at_all_guesses_by_random_weights():
    fitted = fit(max_epochs=0)
    assert set(fitted.pseudo_labels_) == {0, 1, 2}


def test_fits_are_bit_identical():
    left, right = fit(), fit()
    torch.testing.assert_close(weights(left), weights(right), rtol=0, atol=0)
    np.testing.assert_array_equal(left.pseudo_labels_, right.pseudo_labels_)
    confidence = left.pseudo_label_confidence_
    np.testing.assert_array_equal(confidence, right.pseudo_label_confidence_)
    assert not torch.equal(weights(left), weights(fit(strategy="s2")))


def test_going_on_guesses_at_once():
    fitted = fit(max_epochs=4).partial_fit(X[:30], FEW[:30])
    assert fitted.n_iter_ == 8
    assert fitted.pseudo_labels_.shape == (30,)
    assert fitted.history_[:, "pseudo_labeled"][4:] == [1] * 4


def test_another_strategy_leaves_no_guess_behind():
    fitted = fit()
    fitted.set_params(strategy="s2").fit(X, FEW)
    assert not hasattr(fitted, "pseudo_labels_")
    assert not hasattr(fitted, "pseudo_label_confidence_")
    assert "pseudo_labeled" not in fitted.history_[-1]


def test_bfloat16_and_pickles():
    fitted = pickle.loads(pickle.dumps(fit(precision="bfloat16")))
    assert (fitted.pseudo_labels_ == TRUTH).mean() > 0.9
    assert fitted.transform(X).shape == (N_CLIPS, 8, 24)


def test_a_fit_with_one_selector_alone():
    for slots in (
        (SamePseudoLabel(guess_from=0.2), SemiHard()),
        (Transformed(), OtherPseudoLabel()),
    ):
        fitted = fit(strategy=Strategy(SameLabel(), OtherLabel(), *slots))
        assert (fitted.pseudo_labels_ == TRUTH).mean() > 0.9
        assert fitted.history_[-1, "pseudo_labeled"] == 1


def test_a_search_over_strategies_and_their_parameters():
    embedder = TripletEmbedder(**{**SETTINGS, "max_epochs": 2}, output="clip")
    pipeline = Pipeline([("emb", embedder), ("clf", LabeledOnly(LogisticRegression()))])
    name = "emb__strategy__unlabeled_positive__alpha"
    grid = [
        {"emb__strategy": ["s2", "pseudo"]},
        {"emb__strategy": [STRATEGIES["pseudo"]], name: [0.5, 0.9]},
    ]
    y = np.where(np.arange(N_CLIPS) < 24, TRUTH, -1)
    search = GridSearchCV(pipeline, grid, cv=UnlabeledInTrain(2), error_score="raise")
    search.fit(X, y)
    assert len(search.cv_results_["params"]) == 4
    assert search.best_score_ > 0.9


# --- the count of false negatives


class Keep(Callback):
    """Keeps the clips of anchors and negatives, and by what they are looked at."""

    seen: list = []

    def on_epoch_begin(self, net, **kwargs):
        self.pairs = []

    def on_batch_end(self, net, training, **kwargs):
        self.pairs += kwargs["y_pred"].clips.tolist()

    def on_epoch_end(self, net, dataset_train, **kwargs):
        known = dataset_train.known
        self.seen.append((self.pairs, known.present.tolist(), known.unknown.tolist()))


def is_false(pair, present, unknown):
    """Tell by hand: True, False, or None where it cannot be told."""
    rows = [list(zip(present[c], unknown[c], strict=True)) for c in pair]
    if any(p and q for (p, _), (q, _) in zip(*rows, strict=True)):
        return True
    if any(all(u for _, u in row) for row in rows) or not any(
        p for row in rows for p, _ in row
    ):
        return None
    for (p, u), (q, v) in zip(*rows, strict=True):
        if (p and v) or (u and q):
            return None
    return False


@pytest.mark.parametrize("strategy", ["s1", "s2", "s4", "s5", "pseudo"])
@pytest.mark.parametrize("several", [False, True])
def test_false_negatives_by_brute_force(strategy, several):
    Keep.seen = []
    y = make_indicator() if several else FEW
    # a small batch has few candidates, so that some of the anchor's class are chosen
    fitted = fit(y, strategy=strategy, callbacks=[Keep()], batch_size=12, max_epochs=6)
    expected = []
    for pairs, present, unknown in Keep.seen:
        answers = [is_false(p, present, unknown) for p in pairs if p[1] >= 0]
        told = [a for a in answers if a is not None]
        expected.append(sum(told) / max(len(told), 1))
    assert len(expected) == 6
    np.testing.assert_allclose(fitted.history_[:, "false_negatives"], expected)
    if strategy in ("s1", "s4"):
        assert max(expected) > 0
    if strategy in ("s2", "s5"):
        assert max(expected) == 0


def test_negatives_become_true_once_all_are_guessed():
    """What s2 tears apart, by the labels that it does not see."""
    share = {}
    for strategy in ("s2", "pseudo"):
        Keep.seen = []
        fit(strategy=strategy, callbacks=[Keep()], max_epochs=8)
        pairs = np.array(Keep.seen[-1][0])
        pairs = pairs[(pairs[:, 1] >= 0) & (FEW[pairs[:, 0]] < 0)]
        share[strategy] = (TRUTH[pairs[:, 0]] == TRUTH[pairs[:, 1]]).mean()
    assert share["s2"] > 0.2
    assert share["pseudo"] < 0.1


def test_pairs_of_a_small_example():
    y = [[1, 0], [1, -1], [0, 1], [-1, -1], [0, 0], [0, 0]]
    labels = check_labels(y, 6, "Test")
    left = np.array([0, 0, 0, 0, 4, 1])
    right = np.array([1, 2, 3, 4, 5, 2])
    shares, told = compare_clips(labels, left, right)
    # two clips without any event are alike, and no class is shared by them
    assert shares.tolist() == [True, False, False, False, False, False]
    assert told.tolist() == [True, True, False, True, False, False]


def test_segments_begin_with_what_is_labeled():
    segments = SegmentedClips.from_arrays([[0.0], [1.0], [2.0]], [0, 1, -1])
    assert segments.guesses is segments.labels
    np.testing.assert_array_equal(segments.confidence, [[1, 0], [0, 1], [0, 0]])
    guessed = check_labels([0, 1], 2, "Test")
    segments.guess(np.array([2, 1]), guessed, np.array([[0.7, 0.3], [0, 1]]))
    np.testing.assert_array_equal(segments.confidence, [[1, 0], [0, 1], [0.7, 0]])
    assert segments.guesses.present.argmax(axis=1).tolist() == [0, 1, 0]
    assert not segments.labels.labeled[2]
