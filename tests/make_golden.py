"""Write the models and answers of the present format that test_persistence.py reads.

Run once per format, ``python tests/make_golden.py NUMBER``. The files of older formats
stay as they are, for they show that these can still be read.
"""

import sys
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_triplet import LabeledOnly, TripletEmbedder, TripletTagger, save_model

GOLDEN = Path(__file__).parent / "golden"


def make_models():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(12, 6, 20)).astype(np.float32)
    X += np.arange(12)[:, None, None] % 2
    names = np.where(np.arange(12) % 2, "high", "low").astype(object)
    names[8:] = -1
    pipeline = make_pipeline(
        TripletEmbedder(
            n_components=3,
            segment_length=8,
            output="clip",
            encoder="conv",
            max_epochs=2,
            random_state=0,
        ),
        StandardScaler(),
        LabeledOnly(LogisticRegression()),
    )
    tagger = TripletTagger(
        n_components=3,
        encoder="conv",
        segment_length=8,
        max_epochs=2,
        n_steps=2,
        batch_size=6,
        threshold=[0.3, 0.6],
        random_state=0,
    )
    y = np.column_stack([np.arange(12) % 2, np.arange(12) < 5])
    y[8:] = -1
    return X, {"pipeline": pipeline.fit(X, names), "tagger": tagger.fit(X, y)}


if __name__ == "__main__":
    number = sys.argv[1]
    X, models = make_models()
    answers = {}
    for name, model in models.items():
        save_model(model, GOLDEN / f"format_{number}_{name}.model")
        answers[name] = model.predict_proba(X)
    np.savez(GOLDEN / f"format_{number}.npz", X=X, **answers)
