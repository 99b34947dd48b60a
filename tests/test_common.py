"""scikit-learn's own checks, in full and with no expected failure."""

import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.utils.estimator_checks import (
    estimator_checks_generator,
    parametrize_with_checks,
)

from sklearn_triplet import (
    CRNNTagger,
    LabeledOnly,
    LogMel,
    PseudoLabeled,
    SequenceTagger,
    TripletEmbedder,
    TripletTagger,
    TunedThresholds,
)

# small and short: what is checked is the manners, not the learning
EMBEDDERS = [
    TripletEmbedder(strategy, n_components=4, max_epochs=2, random_state=0)
    for strategy in ("s1", "s2", "s3", "s4", "s5", "pseudo")
]
TAGGERS = [
    SequenceTagger(n_cells=16, max_epochs=30, lr=0.01, random_state=0),
    CRNNTagger(n_components=8, n_cells=16, max_epochs=30, lr=0.01, random_state=0),
    # classifier and transformer at once: the checks of both
    TripletTagger(
        n_components=8,
        max_epochs=2,
        n_steps=10,
        batch_size=16,
        lr=0.01,
        decay=0.5,
        random_state=0,
    ),
]
ESTIMATORS = [LogMel(n_fft=64, win_length=64, hop_length=16, n_mels=4)]
ESTIMATORS += EMBEDDERS + TAGGERS
for inner in (LogisticRegression(), KNeighborsClassifier()):
    ESTIMATORS += [LabeledOnly(inner), PseudoLabeled(inner)]
# around a classifier of several labels one check could not hold: that 0.5 decides
for inner in (LogisticRegression(), LabeledOnly(LogisticRegression())):
    ESTIMATORS += [TunedThresholds(inner)]


@parametrize_with_checks(ESTIMATORS)
def test_common_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_the_checks_really_ran(estimator):
    # tags that exclude 2-D input would leave a single check, still green
    assert len(list(estimator_checks_generator(estimator))) > 40
