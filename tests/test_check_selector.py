"""check_selector: passes what keeps to the rules, and names the rule that is broken."""

import re

import numpy as np
import pytest
import torch

from sklearn_triplet import (
    ExampleMixing,
    GaussianNoise,
    Nearest,
    NegativeSelector,
    OtherLabel,
    OtherPseudoLabel,
    PositiveSelector,
    RandomNegative,
    SameLabel,
    SamePseudoLabel,
    SemiHard,
    TemporalProximity,
    TimeFrequencyShift,
    Transformed,
    check_selector,
)

BUILT_IN = [
    SameLabel(),
    Transformed(),
    Transformed([GaussianNoise()]),
    Transformed([TimeFrequencyShift()]),
    Transformed([TemporalProximity()]),
    Transformed([ExampleMixing()]),
    Nearest(),
    Nearest(n_neighbors=3, exclude_same_clip=True),
    SamePseudoLabel(),
    SamePseudoLabel(alpha=0.0, confidence_floor=0.5),
    OtherLabel(),
    OtherPseudoLabel(),
    RandomNegative(),
    SemiHard(),
    SemiHard(exclude_shared_labels=True),
]


@pytest.mark.parametrize("selector", BUILT_IN, ids=repr)
def test_every_selector_of_the_library_keeps_to_the_rules(selector):
    before = {**vars(selector)}
    check_selector(selector)
    assert vars(selector) == before


# --- wrong ones


class Louder(PositiveSelector):
    """A right one, which the others make something wrong of."""

    def select(self, anchors, segments, rng):
        louder = anchors.take(np.arange(len(anchors)))
        louder.X = (louder.X + np.float32(1)) * louder.valid
        return louder


class OnlyOne(Louder):
    def select(self, anchors, segments, rng):
        return segments.take(anchors.segments[:, :1])


class AsArray(Louder):
    def select(self, anchors, segments, rng):
        return anchors.X


class LouderPadding(Louder):
    def select(self, anchors, segments, rng):
        louder = super().select(anchors, segments, rng)
        louder.X = louder.X + np.float32(1)
        return louder


class InPlace(Louder):
    def select(self, anchors, segments, rng):
        anchors.X += 1
        return anchors


class Marking(Louder):
    def select(self, anchors, segments, rng):
        anchors.substituted[:] = True
        return super().select(anchors, segments, rng)


class Rewriting(Louder):
    def select(self, anchors, segments, rng):
        segments.clips.arrays[0][:] = 0
        return super().select(anchors, segments, rng)


class Seeded(Louder):
    def select(self, anchors, segments, rng):
        found = super().select(anchors, segments, rng)
        found.X *= np.random.default_rng().random(dtype=np.float32)
        return found


class Remembering(Louder):
    """Keeps what it has learned of the training set before."""

    def prepare(self, segments, anchors):
        self.level_ = getattr(self, "level_", len(segments))

    def select(self, anchors, segments, rng):
        found = super().select(anchors, segments, rng)
        found.X *= np.float32(self.level_)
        return found


class GlobalNumpy(Louder):
    def select(self, anchors, segments, rng):
        np.random.random()  # noqa: NPY002
        return super().select(anchors, segments, rng)


class Neighbour(Louder):
    """Forgets that there may be nothing behind a segment."""

    def select(self, anchors, segments, rng):
        return segments.take(anchors.segments + 1)


class OtherClip(Louder):
    """Forgets that there may be one clip only."""

    def select(self, anchors, segments, rng):
        others = [np.delete(np.arange(len(segments.count)), c) for c in anchors.clips]
        clips = np.array([rng.choice(row) for row in others])
        k = anchors.segments.shape[1]
        return segments.take(segments.draw_from_clips(clips, k, rng))


class ChangesItself(Louder):
    def __init__(self, gain=1.0):
        self.gain = gain

    def select(self, anchors, segments, rng):
        self.gain = 2 * self.gain
        return super().select(anchors, segments, rng)


class Converting(Louder):
    def __init__(self, gains=(1,)):
        self.gains = list(gains)


class Renaming(Louder):
    def __init__(self, gain=1.0):
        self.level = gain


class Strange(Louder):
    uses_labels = "sometimes"


class Nothing(NegativeSelector):
    pass


class Alone:
    def select(self, candidates):
        return None


class First(NegativeSelector):
    """A right one, which the others make something wrong of."""

    def select(self, candidates):
        allowed = candidates.allowed
        index = allowed.float().argmax(dim=1)
        return index.masked_fill(~allowed.any(dim=1), -1), torch.zeros_like(index) > 0


class WithoutMask(First):
    def select(self, candidates):
        return super().select(candidates)[0]


class NotAllowed(First):
    def select(self, candidates):
        index = candidates.distances.argmin(dim=1)
        return index, torch.zeros_like(index) > 0


class NoneLeft(First):
    """Forgets that a row may have no candidate."""

    def select(self, candidates):
        index = candidates.allowed.float().argmax(dim=1)
        return index, torch.zeros_like(index) > 0


class Masking(First):
    def select(self, candidates):
        candidates.distances[~candidates.allowed] = torch.inf
        return super().select(candidates)


class GlobalTorch(First):
    def select(self, candidates):
        torch.rand(1)
        return super().select(candidates)


class Fails(First):
    def select(self, candidates):
        return candidates.embeddings


MIXED = "On labeled and unlabeled clips, k = 1: "
KINDS = "On candidates of all kinds: "
WRONG = {
    OnlyOne(): "On labeled and unlabeled clips, k = 2: OnlyOne.select must return one "
    "positive per anchor: 'X' of shape",
    AsArray(): f"{MIXED}AsArray.select must return Units, as segments.take(ids)",
    LouderPadding(): "On clips with padding, k = 1: LouderPadding.select must return "
    "zeros where a segment is padded",
    InPlace(): f"{MIXED}InPlace.select changed what it was given.",
    Marking(): f"{MIXED}Marking.select changed what it was given.",
    Rewriting(): f"{MIXED}Rewriting.select changed what it was given.",
    Seeded(): f"{MIXED}Seeded.select returned other positives the second time.",
    Remembering(): "On clips of several classes, k = 1: Remembering.select returned "
    "other positives the second time. Draw by rng alone, and forget in prepare",
    GlobalNumpy(): f"{MIXED}GlobalNumpy.select drew from a global generator.",
    Neighbour(): f"{MIXED}Neighbour.select raised IndexError: index ",
    OtherClip(): "On a single clip, k = 1: OtherClip.select raised ValueError: ",
    ChangesItself(): f"{MIXED}ChangesItself.select changed a parameter, from "
    "ChangesItself() to ChangesItself(gain=2.0).",
    Converting(): "Converting cannot be cloned and printed: ",
    Renaming(): "Renaming cannot be cloned and printed: ",
    Strange(): "Strange.uses_labels must be True or False. Got 'sometimes'.",
    Nothing(): "Nothing must define select().",
    Alone(): "Alone must inherit from PositiveSelector or NegativeSelector",
    Louder: "check_selector takes an instance. Got the class Louder: write Louder().",
    WithoutMask(): f"{KINDS}WithoutMask.select must return a tuple (index, ",
    NotAllowed(): f"{KINDS}NotAllowed.select must choose negatives among candidates.",
    NoneLeft(): "On no candidate that is allowed: NoneLeft.select must choose ",
    Masking(): f"{KINDS}Masking.select changed what it was given.",
    GlobalTorch(): f"{KINDS}GlobalTorch.select drew from a global generator.",
    Fails(): f"{KINDS}Fails.select raised AttributeError: ",
}


@pytest.mark.parametrize("selector", WRONG, ids=lambda s: type(s).__name__)
def test_the_rule_that_is_broken_is_named(selector):
    state = np.random.get_state()  # noqa: NPY002
    with pytest.raises(AssertionError, match=f"^{re.escape(WRONG[selector])}"):
        check_selector(selector)
    np.random.set_state(state)  # noqa: NPY002


@pytest.mark.parametrize("selector", [Louder(), First()])
def test_the_right_ones_among_them_pass(selector):
    check_selector(selector)


def test_a_selector_by_labels_gets_labeled_anchors_only():
    asked = []

    class ByLabels(Louder):
        uses_labels = True

        def prepare(self, segments, anchors):
            asked.append(segments.labels.labeled[segments.clip_of[anchors]])

    check_selector(ByLabels())
    assert np.concatenate(asked).all()
