"""The loss, the teacher and the batches of TripletTagger, against the definitions."""

from collections import Counter

import numpy as np
import pytest
import torch
from helpers import cut
from skorch.callbacks import Callback
from torch import nn

from sklearn_triplet import Gain, TripletTagger
from sklearn_triplet._input.labels import check_labels
from sklearn_triplet._sampling.segments import SegmentedClips
from sklearn_triplet._training.tag_triplets import (
    CropData,
    Tagged,
    TaggingEncoder,
    TagTripletLoss,
    compare_units,
    encode_whole,
    learn_norms,
)


def make_target(y, clips=None, guessed=False):
    labels = check_labels(np.asarray(y), len(y), "test")
    clips = np.arange(len(y)) if clips is None else np.asarray(clips)
    guessed = np.broadcast_to(np.asarray(guessed)[..., None], labels.present.shape)
    return {
        "present": torch.from_numpy(labels.present.astype(np.float32)),
        "unknown": torch.from_numpy(labels.unknown),
        "guessed": torch.from_numpy(guessed.copy()),
        "clips": torch.from_numpy(clips),
    }


def make_tagged(n, n_classes, seed=0):
    rng = np.random.default_rng(seed)
    return Tagged(
        torch.from_numpy(rng.normal(size=(n, 4))),
        torch.from_numpy(rng.normal(size=(n, n_classes))),
    )


# --- loss


def test_cross_entropy_of_labels_and_of_pseudo_labels():
    tagged = Tagged(
        torch.zeros(4, 2), torch.log(torch.tensor([[3.0, 1], [1, 4], [1, 1], [9, 1]]))
    )
    # the third is unknown; the last two are not labeled, the last has a guess
    target = make_target([0, 0, -1, 1], guessed=[False, False, True, True])
    labels = (np.log(4 / 3) + np.log(5)) / 2
    pseudo = np.log(10)
    for weights, expected in (
        ((1.0, 1.0, 0), labels + pseudo),
        ((2.0, 0.5, 0), 2 * (labels + 0.5 * pseudo)),
        ((1.0, 0, 0), labels),
        ((0.0, 1.0, 0), 0),
    ):
        loss = TagTripletLoss(False, 0.5, None, *weights)(tagged, target)
        assert float(loss) == pytest.approx(expected, rel=1e-6)


def test_binary_cross_entropy_is_averaged_over_what_is_known():
    logits = torch.tensor([[0.0, 2.0], [1.0, -1.0], [3.0, 0.5]])
    target = make_target([[1, -1], [0, 1], [-1, 0]])
    # of the second clip one entry is a guess, beside a label
    target["guessed"] = torch.tensor([[False, True], [False, True], [True, False]])

    def entropy(x, answer):
        return np.log1p(np.exp(-x if answer else x))

    labels = (entropy(0, 1) + entropy(1, 0) + entropy(0.5, 0)) / 3
    pseudo = entropy(-1, 1)
    tagged = Tagged(torch.zeros(3, 2), logits)
    loss = TagTripletLoss(True, 0.5, None, 1, 0.3, 0)(tagged, target)
    assert float(loss) == pytest.approx(labels + 0.3 * pseudo, rel=1e-6)


@pytest.mark.parametrize("temperature", [None, 0.15])
def test_nothing_known_is_no_loss_and_no_nan(temperature):
    target = make_target([-1, -1, 0, 1], clips=[0, 1, 2, 3])
    target = {name: value[:2] for name, value in target.items()}
    tagged = Tagged(torch.ones(2, 3, requires_grad=True), torch.zeros(2, 2))
    loss = TagTripletLoss(False, 0.5, temperature, 1, 1, 1)(tagged, target)
    assert float(loss.detach()) == 0
    loss.backward()
    assert torch.isfinite(tagged.embeddings.grad).all()


def relate(target, i, j):
    """Say by the definition what unit j is to unit i."""
    present, unknown = target["present"].numpy() > 0, target["unknown"].numpy()
    if i == j:
        return "itself"
    if target["clips"][i] == target["clips"][j]:
        return "positive"
    if (present[i] & present[j]).any():
        return "positive"
    may_share = (present[i] & unknown[j]) | (unknown[i] & present[j])
    if may_share.any():
        return "unclear"
    # two of which nothing is heard may be alike
    return "negative" if present[i].any() or present[j].any() else "unclear"


TARGETS = {
    "single": make_target(
        [0, 1, -1, 0, -1, 2, -1, -1, 1, 2, 0, 1],
        [0, 1, 2, 0, 2, 3, 4, 5, 6, 7, 8, 9],
    ),
    "several": make_target(
        [[1, 0, 0], [0, 1, -1], [-1, -1, -1], [0, 0, 0], [1, 1, 0], [0, 0, 0],
         [0, 0, 1], [0, -1, -1], [-1, -1, -1]],
        [0, 1, 2, 3, 4, 5, 6, 7, 2],
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", TARGETS)
def test_units_are_compared_as_defined(kind):
    target = TARGETS[kind]
    positive, negative = compare_units(target)
    n = len(target["clips"])
    found = Counter()
    for i in range(n):
        for j in range(n):
            relation = relate(target, i, j)
            found[relation] += 1
            assert bool(positive[i, j]) == (relation == "positive"), (i, j)
            assert bool(negative[i, j]) == (relation == "negative"), (i, j)
    assert min(found[r] for r in ("positive", "negative", "unclear")) > 1


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("margin", [0.2, 1.0])
def test_triplets_are_all_those_of_the_batch(kind, margin):
    target = TARGETS[kind]
    n, n_classes = target["present"].shape
    tagged = make_tagged(n, n_classes)
    units = tagged.embeddings.numpy()
    units = units / np.linalg.norm(units, axis=1, keepdims=True)
    active = []
    for a in range(n):
        for p in range(n):
            for q in range(n):
                is_triplet = relate(target, a, p) == "positive"
                if is_triplet and relate(target, a, q) == "negative":
                    near = np.square(units[a] - units[p]).sum()
                    far = np.square(units[a] - units[q]).sum()
                    active.append(max(near - far + margin, 0))
    active = np.array(active)
    assert 2 <= (active > 0).sum() < len(active)
    expected = active.sum() / (active > 0).sum()
    loss = TagTripletLoss(kind == "several", margin, None, 0, 0, 2.0)(tagged, target)
    assert float(loss) == pytest.approx(2 * expected, rel=1e-6)


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_positives_are_compared_with_what_the_anchor_can_be_told_from(
    kind, temperature
):
    target = TARGETS[kind]
    n, n_classes = target["present"].shape
    tagged = make_tagged(n, n_classes)
    units = tagged.embeddings.numpy().astype(float)
    units = units / np.linalg.norm(units, axis=1, keepdims=True)
    similar = np.exp(units @ units.T / temperature)
    blind = target["unknown"].numpy().all(axis=1)
    losses, n_unclear = [], 0
    for a in range(n):
        relations = {i: relate(target, a, i) for i in range(n) if i != a}
        # where nothing is known of either, each is its own class; where something is
        # known of one, the other may be of its class
        others = [
            i
            for i, relation in relations.items()
            if relation != "unclear" or (blind[a] and blind[i])
        ]
        n_unclear += len(relations) - len(others)
        positives = [p for p in others if relations[p] == "positive"]
        shares = [similar[a, p] / similar[a, others].sum() for p in positives]
        if positives:
            losses.append(-np.log(shares).mean())
    assert 2 <= len(losses) < n
    assert n_unclear > 1
    multilabel = kind == "several"
    loss = TagTripletLoss(multilabel, 0.5, temperature, 0, 0, 2.0)(tagged, target)
    assert float(loss) == pytest.approx(2 * np.mean(losses), rel=1e-5)


# --- pooling


def test_attention_weighs_the_valid_frames_by_their_softmax():
    module = TaggingEncoder(nn.Identity(), 3, 2, pooling="attention").eval()
    weight = np.array([0.7, -0.4, 1.2])
    with torch.no_grad():
        module.attention.weight[0] = torch.from_numpy(weight)
    frames = np.random.default_rng(0).normal(size=(2, 3, 5))
    frames[1, :, 3:] = 99  # padding, whatever it holds
    lengths = [5, 3]
    expected = []
    for clip, length in zip(frames, lengths, strict=True):
        valid = clip[:, :length]
        shares = np.exp(weight @ valid)
        shares /= shares.sum()
        mean = valid @ shares
        variance = np.square(valid - mean[:, None]) @ shares
        expected.append(np.concatenate([mean, np.sqrt(variance)]))
    X = torch.from_numpy(frames).float()
    with torch.no_grad():
        tagged = module(X[:, None], torch.tensor(lengths)[:, None])
        by_frame = module.tag_frames(X[0])
    found = tagged.embeddings.numpy()  # the norm has not learned: 0 and 1
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    # the frames' logits, by their weights, are those of the clip
    shares = np.exp(weight @ frames[0])
    mean = by_frame.numpy() @ (shares / shares.sum())
    np.testing.assert_allclose(mean, tagged.logits[0].numpy(), rtol=1e-4)


# --- batches


def make_data(y, **settings):
    rng = np.random.default_rng(0)
    segments = cut([rng.normal(size=(3, 14)) for _ in y], np.asarray(y))
    given = {
        "n_segments": 1,
        "batch_size": 12,
        "labeled_ratio": 1 / 3,
        "n_steps": 7,
        "n_views": 2,
        "seed": 0,
        **settings,
    }
    return CropData(segments, None, **given)


UNEVEN = [0] * 12 + [1] * 2 + [2] + [-1] * 25


def test_batches_are_balanced_and_show_each_unlabeled_clip_from_all_views():
    data = make_data(UNEVEN)
    y = np.array(UNEVEN)
    drawn, of_class = Counter(), Counter()
    for _ in range(50):
        inputs, target = data.make_batch()
        assert inputs["X"].shape == (12, 1, 3, 6)
        clips = target["clips"].numpy()
        assert (y[clips[:4]] >= 0).all()
        assert (y[clips[4:]] == -1).all()
        np.testing.assert_array_equal(clips[4:8], clips[8:])
        # where all have been drawn, the next round may begin with one of the last
        assert len(set(clips[4:8])) >= 3
        guessed = target["guessed"].numpy()
        np.testing.assert_array_equal(guessed, (y[clips] == -1)[:, None] | [False] * 3)
        # four places for three classes: one or two of each
        counts = Counter(y[clips[:4]].tolist())
        assert sorted(counts.values()) == [1, 1, 2]
        of_class.update(counts)
        drawn.update(clips.tolist())
    # 200 places: the classes alike, and each clip of a class as often as the others
    assert all(abs(of_class[c] - 200 / 3) < 20 for c in range(3))
    per_clip = [drawn[i] for i in range(12)]
    assert max(per_clip) - min(per_clip) <= 1
    per_clip = [drawn[i] for i in range(15, 40)]
    assert max(per_clip) - min(per_clip) <= 2  # two views of each


def test_two_crops_of_a_clip_differ():
    segments = cut(np.random.default_rng(0).normal(size=(4, 3, 14)), [0, 1, -1, -1])
    data = CropData(
        segments, Gain(6), n_segments=1, batch_size=8, labeled_ratio=0.5, n_steps=1,
        n_views=2, seed=0,
    )  # fmt: skip
    inputs, _ = data.make_batch()
    assert (inputs["X"][4] != inputs["X"][6]).any()


@pytest.mark.parametrize(
    ("settings", "n_labeled"),
    [
        ({"labeled_ratio": 1}, 12),
        ({"labeled_ratio": 0.5}, 6),
        ({"labeled_ratio": 0.01}, 2),  # five pairs, and never none
        ({"n_views": 12}, 12),
        ({"n_views": 11}, 1),
        ({"n_views": 1, "batch_size": 2}, 1),
    ],
)
def test_share_of_labeled_units(settings, n_labeled):
    data = make_data(UNEVEN, **settings)
    _, target = data.make_batch()
    clips = target["clips"].numpy()
    assert len(clips) == data.n_labeled + data.n_unlabeled * data.n_views
    assert (np.array(UNEVEN)[clips] >= 0).sum() == n_labeled


def test_all_units_are_labeled_where_no_clip_is_unlabeled():
    _, target = make_data([0, 0, 1]).make_batch()
    assert len(target["clips"]) == 12
    assert not target["unknown"].any()


def test_clips_without_an_event_are_drawn_as_a_class():
    y = np.zeros((30, 2), int)
    y[:10, 0] = 1
    y[5:7, 1] = 1
    y[20:] = -1
    data = make_data(y, labeled_ratio=0.5)
    silent = 0
    for _ in range(20):
        _, target = data.make_batch()
        known = ~target["unknown"].any(dim=1)
        silent += int((known & (target["present"].sum(dim=1) == 0)).sum())
    assert silent == 20 * 2  # a third of six


def test_units_of_several_segments():
    inputs, _ = make_data(UNEVEN, n_segments=2).make_batch()
    assert inputs["X"].shape == (12, 2, 3, 6)
    assert inputs["lengths"].shape == (12, 2)


def test_after_a_choice_only_chosen_clips_are_drawn():
    data = make_data(UNEVEN)
    chosen = np.array([16, 20, 31, 39])
    data.draw_from(chosen)
    for _ in range(5):
        _, target = data.make_batch()
        assert set(target["clips"][4:].tolist()) <= set(chosen.tolist())


# --- teacher


def make_blobs(n=30, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    return rng.normal(size=(n, 6)) + 3 * y[:, None], y


class Recorder(Callback):
    """Keeps the weights of the head after every step, outside of its copies."""

    steps: list = []

    def on_batch_end(self, net, training=False, **kwargs):
        Recorder.steps.append(net.module_.head.weight.detach().clone())


def test_teacher_is_the_exponential_average_of_all_steps():
    X, y = make_blobs()
    Recorder.steps.clear()
    tagger = TripletTagger(
        max_epochs=2, n_steps=4, batch_size=8, decay=0.8, refit_head=False,
        callbacks=[Recorder()], random_state=0,
    )  # fmt: skip
    tagger.fit(X, y)
    assert len(Recorder.steps) == 8
    average = Recorder.steps[0]
    for step in Recorder.steps[1:]:
        average = 0.8 * average + 0.2 * step
    found = tagger.net_.module_.head.weight.detach()
    torch.testing.assert_close(found, average, rtol=1e-5, atol=1e-7)
    assert not torch.equal(found, Recorder.steps[-1])


class Guesses(Callback):
    """Keeps the pseudo-labels of every epoch."""

    epochs: list = []

    def on_epoch_end(self, net, dataset_train=None, **kwargs):
        Guesses.epochs.append(dataset_train.segments.guesses)


def test_history_counts_pseudo_labels_and_their_changes():
    X, y = make_blobs(60)
    labels = np.where(np.arange(60) < 6, y, -1)
    Guesses.epochs.clear()
    tagger = TripletTagger(
        max_epochs=5, n_steps=2, batch_size=8, guess_from=0, callbacks=[Guesses()],
        random_state=3,
    )  # fmt: skip
    tagger.fit(X, labels)
    counted = tagger.history_[:, "pseudo_labeled"]
    changed = tagger.history_[:, "changed_pseudo_labels"]
    before = np.full(60, -1)
    for epoch, guesses in enumerate(Guesses.epochs):
        now = np.where(guesses.labeled, guesses.present.argmax(axis=1), -1)
        np.testing.assert_array_equal(now[:6], y[:6])
        assert counted[epoch] == pytest.approx((now[6:] >= 0).mean())
        both = (now[6:] >= 0) & (before[6:] >= 0)
        expected = (now[6:] != before[6:])[both].mean() if both.any() else 0
        assert changed[epoch] == pytest.approx(expected)
        before = now
    # a half of each class at first, all of it for the last third
    assert abs(counted[0] - 0.5) < 0.02
    assert counted[-1] == 1
    assert all(np.diff(counted) >= 0)


class Negatives(Callback):
    """Counts by the definition what of a batch is pushed apart though alike."""

    epochs: list = []

    def on_epoch_begin(self, net, **kwargs):
        Negatives.epochs.append([0, 0])

    def on_batch_end(self, net, batch, **kwargs):
        teacher = next(c for _, c in net.callbacks_ if hasattr(c, "likely_"))
        target = batch[1]
        clips = target["clips"].numpy()
        blind = target["unknown"].numpy().all(axis=1)
        for i, j in np.ndindex(len(clips), len(clips)):
            if teacher.likely_ is None:
                continue
            likely = teacher.likely_[clips[[i, j]]]
            relation = relate(target, i, j)
            apart = relation == "negative" or (
                relation == "unclear" and blind[i] and blind[j]
            )
            if apart and likely.any(axis=1).all():
                Negatives.epochs[-1][0] += (likely[0] & likely[1]).any()
                Negatives.epochs[-1][1] += 1


def test_history_tells_how_many_negatives_were_none():
    X, y = make_blobs(40)
    labels = np.where(np.arange(40) < 6, y, -1)
    Negatives.epochs.clear()
    tagger = TripletTagger(
        max_epochs=5, n_steps=2, batch_size=12, guess_from=0.2,
        callbacks=[Negatives()], random_state=0,
    )  # fmt: skip
    tagger.fit(X, labels)
    found = tagger.history_[:, "false_negatives"]
    for told, (false, pairs) in zip(found, Negatives.epochs, strict=True):
        assert told == pytest.approx(false / max(pairs, 1))
    assert found[0] == 0  # before the first guess nobody knows
    assert max(found) > 0
    assert found[-1] == 0  # all have joined


# --- network


def make_encoder():
    torch.manual_seed(0)
    return TaggingEncoder(torch.nn.Conv1d(3, 5, 1), 5, 2).eval()


def test_a_unit_is_pooled_over_the_valid_frames_of_all_its_segments():
    module = make_encoder()
    X = torch.randn(4, 2, 3, 6)
    lengths = torch.tensor([[6, 6], [6, 2], [1, 4], [3, 3]])
    with torch.no_grad():
        tagged = module(X, lengths)
        for i in range(4):
            parts = [module.encoder(X[i, j][:, : lengths[i, j]]) for j in range(2)]
            frames = torch.cat(parts, dim=1)
            deviation = frames.var(dim=1, unbiased=False).clamp(min=1e-6).sqrt()
            u = torch.cat([frames.mean(dim=1), deviation])
            u = (u - module.norm.running_mean) / (module.norm.running_var + 1e-5).sqrt()
            torch.testing.assert_close(tagged.embeddings[i], u)
            torch.testing.assert_close(tagged.logits[i], module.head(u))


@pytest.mark.parametrize("n_clips", [2, 32, 33, 70])
def test_whole_clips_are_encoded_in_their_order(n_clips):
    module = make_encoder()
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 9, n_clips)
    segments = cut([rng.normal(size=(3, n)) for n in lengths])
    assert isinstance(segments, SegmentedClips)
    tagged = encode_whole(module, segments.clips, segments.scaler, "cpu")
    assert tagged.embeddings.shape == (n_clips, 10)
    for i in range(n_clips):
        X = torch.from_numpy(segments.scaler.transform(segments.clips[i]))
        with torch.no_grad():
            alone = module(X[None, None], torch.tensor([[lengths[i]]]))
        torch.testing.assert_close(tagged.embeddings[i], alone.embeddings[0])
        torch.testing.assert_close(tagged.logits[i], alone.logits[0])


def test_norms_have_the_statistics_of_the_clips():
    module = make_encoder()
    rng = np.random.default_rng(0)
    segments = cut(rng.normal(2, 3, (32, 3, 8)))
    before = [p.clone() for p in module.parameters()]
    learn_norms(module, segments.clips, segments.scaler, "cpu")
    tagged = encode_whole(module.eval(), segments.clips, segments.scaler, "cpu")
    torch.testing.assert_close(
        tagged.embeddings.mean(dim=0), torch.zeros(10), atol=1e-4, rtol=0
    )
    torch.testing.assert_close(
        tagged.embeddings.std(dim=0), torch.ones(10), atol=1e-2, rtol=0
    )
    assert all(map(torch.equal, before, module.parameters()))
