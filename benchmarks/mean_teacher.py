"""A mean-teacher CRNN, as the winner of DCASE 2018 task 4 (the paper's [25]).

The network is that of ``CRNNTagger``. A student learns from labels, and to say of all
clips what a slowly moving average of itself, the teacher, says of them under other
noise; the teacher is what predicts.

L. JiaKai, "Mean teacher convolution system for DCASE 2018 task 4", Tech. Rep., 2018.
"""

import copy

import numpy as np
import torch
from torch.nn import functional

from sklearn_triplet import CRNNTagger, is_labeled


class MeanTeacherCRNN:
    """Labeled clips by cross-entropy, all clips by agreement with the teacher.

    Parameters
    ----------
    n_steps : int
    batch_size : int
        Labeled clips of a step, and as many unlabeled ones.
    weight : float
        Of the agreement, reached at 40 % of the steps.
    decay : float
        What the teacher keeps of itself in a step, at the most.
    noise : float
        Standard deviation, in deviations of a feature.
    random_state : int
    """

    def __init__(
        self, *, n_steps=300, batch_size=8, weight=2.0, decay=0.99, noise=0.5,
        lr=1e-3, device="cpu", random_state=0,
    ):  # fmt: skip
        self.n_steps, self.batch_size, self.weight = n_steps, batch_size, weight
        self.decay, self.noise, self.lr = decay, noise, lr
        self.device, self.random_state = device, random_state

    def fit(self, X, y):
        """Learn from arrays (n_clips, n_features, n_frames); y is -1 where unlabeled.

        Classes of single labels are numbers from 0, as columns of probabilities are.
        """
        self.tagger = CRNNTagger(
            max_epochs=0, device=self.device, random_state=self.random_state
        ).fit(X, y)
        student = self.tagger.net_.module_.train()
        teacher = copy.deepcopy(student)
        optimizer = torch.optim.Adam(student.parameters(), lr=self.lr)
        rng = np.random.default_rng(self.random_state)
        groups = np.flatnonzero(is_labeled(y)), np.flatnonzero(~is_labeled(y))
        for step in range(self.n_steps):
            rows = [rng.choice(group, self.batch_size) for group in groups]
            batch = self._take(X, np.concatenate(rows), rng)
            rise = min(1.0, (step + 1) / (0.4 * self.n_steps))
            agreement = self.weight * np.exp(-5 * (1 - rise) ** 2)
            loss = self._lose(student, teacher, *batch, y[rows[0]], agreement)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            follow(teacher, student, min(1 - 1 / (step + 1), self.decay))
        student.load_state_dict(teacher.state_dict())
        return self

    def _take(self, X, rows, rng):
        """Return standardised clips under two noises, and their valid frames."""
        clean = np.stack([self.tagger.scaler_.transform(clip) for clip in X[rows]])
        lengths = torch.from_numpy((~np.isnan(X[rows, 0])).sum(axis=1))
        noisy = (
            np.nan_to_num(clean) + self.noise * rng.normal(size=clean.shape)
            for _ in range(2)
        )
        first, second = (
            torch.from_numpy(part.astype(np.float32)).to(self.device) for part in noisy
        )
        return first, second, lengths.to(self.device)

    def _lose(self, student, teacher, first, second, lengths, given, agreement):
        """Return the loss of the labeled clips, which come first, and of all."""
        logits = student(first, lengths)
        with torch.no_grad():
            taught = teacher(second, lengths)
        target = torch.from_numpy(given.astype(np.int64)).to(self.device)
        if given.ndim > 1:
            loss = functional.binary_cross_entropy_with_logits(
                logits[: len(given)], target.float()
            )
            pair = logits.sigmoid(), taught.sigmoid()
        else:
            loss = functional.cross_entropy(logits[: len(given)], target)
            pair = logits.softmax(dim=1), taught.softmax(dim=1)
        return loss + agreement * functional.mse_loss(*pair)

    def predict_proba(self, X):
        """Return the probabilities of the teacher."""
        return self.tagger.predict_proba(X)


def follow(teacher, student, kept):
    """Move the teacher a little towards the student."""
    pairs = zip(
        teacher.state_dict().values(), student.state_dict().values(), strict=True
    )
    with torch.no_grad():
        for mean, new in pairs:
            # counters of batches are no averages
            is_float = mean.is_floating_point()
            mean.copy_(kept * mean + (1 - kept) * new if is_float else new)
