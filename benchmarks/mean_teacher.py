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
        crnn = CRNNTagger(
            max_epochs=0, device=self.device, random_state=self.random_state
        )
        self.tagger = crnn.fit(X, y)
        student, scaler = crnn.net_.module_.train(), crnn.scaler_
        teacher = copy.deepcopy(student)
        optimizer = torch.optim.Adam(student.parameters(), lr=self.lr)
        rng = np.random.default_rng(self.random_state)
        noise = torch.Generator().manual_seed(self.random_state)
        lengths = (~np.isnan(X[:, 0])).sum(axis=1)
        labeled = np.flatnonzero(is_labeled(y))
        unlabeled = np.flatnonzero(~is_labeled(y))
        for step in range(self.n_steps):
            rows = [
                rng.choice(group, self.batch_size) for group in (labeled, unlabeled)
            ]
            rows, n = np.concatenate(rows), self.batch_size
            clean = np.stack([scaler.transform(clip) for clip in X[rows]])
            clean = torch.from_numpy(np.nan_to_num(clean).astype(np.float32))
            valid = torch.from_numpy(lengths[rows]).to(self.device)
            # the same clips under two noises
            first, second = (
                (clean + self.noise * torch.randn(clean.shape, generator=noise))
                for _ in range(2)
            )
            logits = student(first.to(self.device), valid)
            with torch.no_grad():
                taught = teacher(second.to(self.device), valid)
            given = torch.from_numpy(y[rows[:n]].astype(np.int64)).to(self.device)
            if y.ndim > 1:
                loss = functional.binary_cross_entropy_with_logits(
                    logits[:n], given.float()
                )
                pair = logits.sigmoid(), taught.sigmoid()
            else:
                loss = functional.cross_entropy(logits[:n], given)
                pair = logits.softmax(dim=1), taught.softmax(dim=1)
            rise = min(1.0, (step + 1) / (0.4 * self.n_steps))
            agreement = self.weight * np.exp(-5 * (1 - rise) ** 2)
            loss = loss + agreement * functional.mse_loss(*pair)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            kept = min(1 - 1 / (step + 1), self.decay)
            with torch.no_grad():
                for mean, new in zip(
                    teacher.state_dict().values(),
                    student.state_dict().values(),
                    strict=True,
                ):
                    # counters of batches are no averages
                    is_float = mean.is_floating_point()
                    mean.copy_(kept * mean + (1 - kept) * new if is_float else new)
        student.load_state_dict(teacher.state_dict())
        return self

    def predict_proba(self, X):
        """Return the probabilities of the teacher."""
        return self.tagger.predict_proba(X)
