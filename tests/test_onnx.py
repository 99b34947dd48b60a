"""Models in ONNX files: what other runtimes make of them, and what is refused."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from helpers import make_noise
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.svm import SVC
from torch import nn

from sklearn_triplet import (
    CRNNTagger,
    LabeledOnly,
    LogMel,
    PseudoLabeled,
    SequenceTagger,
    TripletEmbedder,
    TripletTagger,
    TunedThresholds,
    export_onnx,
    load_model,
    save_model,
)

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

RATE = 8000
N = 24
KIND = np.arange(N) % 3
Y = np.where(np.arange(N) < 18, KIND, -1)
NAMES = np.array(["bird", "car", "rain"], dtype=object)[KIND]
NAMES[18:] = -1
SEVERAL = np.column_stack([KIND == 0, KIND > 0, np.arange(N) % 2]).astype(int)
SEVERAL[18:] = -1
SECONDS = np.arange(RATE // 2) / RATE
# three tones in noise
SOUNDS = (
    np.sin(2 * np.pi * np.array([400, 1000, 2500])[KIND][:, None] * SECONDS) * 0.3
    + np.stack([make_noise(len(SECONDS), seed=i) for i in range(N)])
).astype(np.float32)
MEL = LogMel(RATE, n_mels=16)
CLIPS = MEL.transform(SOUNDS)
TABLE = CLIPS[:, :, 5]

ONCE = {"max_epochs": 1, "random_state": 0}
EMBEDDER = TripletEmbedder(n_components=8, segment_length=20, **ONCE)
TAGGER = TripletTagger(n_components=8, n_steps=4, **ONCE)
SEQUENCES = SequenceTagger(n_cells=5, **ONCE)
CRNN = CRNNTagger(n_components=8, n_cells=5, **ONCE)


def vary(estimator, **parameters):
    return type(estimator)(**{**estimator.get_params(deep=False), **parameters})


CLIP = vary(EMBEDDER, output="clip")


def run(path, X):
    """Run a file as its users would; the answers by the names of methods."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {given.name: X}), strict=True))


def ask(estimator, name, X):
    if name == "predict_frames":
        return estimator.predict_proba(X, frames=True)
    return getattr(estimator, name)(X)


def read_metadata(path):
    session = onnxruntime.InferenceSession(path)
    stored = session.get_modelmeta().custom_metadata_map
    return {name: json.loads(value) for name, value in stored.items()}


class Own(nn.Module):
    """An encoder of one's own, without pooling."""

    def __init__(self, n_features, n_components=4):
        super().__init__()
        self.layer = nn.Conv1d(n_features, n_components, 5, padding=2)

    def forward(self, X):
        return self.layer(X).tanh()


class OwnWithLengths(Own):
    def forward(self, X, lengths):
        return self.layer(X) / lengths[:, None, None]


class ByValue(Own):
    def forward(self, X):
        return self.layer(X) if X.sum() > 0 else -self.layer(X)


class BySize(Own):
    def forward(self, X):
        # true of the clips that the graph is made with, and not of all that come
        return self.layer(X) * (2 if X.shape[2] > 60 else 1)


# --- from a WAV file to tags, without this library


@pytest.fixture(scope="module")
def birds(tmp_path_factory):
    """A Pipeline, its file, and the folder of both."""
    folder = tmp_path_factory.mktemp("birds")
    pipe = make_pipeline(MEL, TAGGER).fit(SOUNDS, NAMES)
    export_onnx(pipe, folder / "birds.onnx", outputs=["predict_proba"])
    return pipe, folder / "birds.onnx", folder


GATEWAY = """
import json, sys
import numpy, onnxruntime, soundfile

session = onnxruntime.InferenceSession("birds.onnx")
about = session.get_modelmeta().custom_metadata_map
tags = []
for path in sys.argv[1:]:
    sound, rate = soundfile.read(path, dtype="float32")
    assert rate == json.loads(about["sample_rate"])
    (probabilities,) = session.run(["predict_proba"], {"waveforms": sound[None]})
    tags.append(json.loads(about["classes"])[probabilities[0].argmax()])
assert not {"torch", "sklearn", "sklearn_triplet", "librosa"} & set(sys.modules)
print(json.dumps(tags))
"""


def test_a_process_without_torch_finds_the_same_tags(birds):
    pipe, _, folder = birds
    paths = [f"{i}.wav" for i in range(6)]
    # down to two samples, which are one frame
    for path, sound, n in zip(paths, SOUNDS, [4000, 1500, 40, 3999, 2, 800],
                              strict=False):  # fmt: skip
        soundfile.write(folder / path, sound[:n], RATE, subtype="FLOAT")
    done = subprocess.run(
        [sys.executable, "-I", "-c", GATEWAY, *paths],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    expected = pipe.predict([str(folder / path) for path in paths])
    assert json.loads(done.stdout) == expected.tolist()
    assert len(set(expected)) > 1


@pytest.mark.parametrize("n_clips", [1, 3, 17])
@pytest.mark.parametrize("n_samples", [1, 79, 80, 4000, 16001])
def test_any_number_and_length_of_clips(birds, n_clips, n_samples):
    pipe, path, _ = birds
    X = np.tile(SOUNDS, 5)[:n_clips, :n_samples]
    found = run(path, X)["predict_proba"]
    expected = pipe[1].predict_proba(MEL.transform(list(X)))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


def test_the_file_says_what_it_is(birds):
    pipe, path, _ = birds
    assert read_metadata(path) == {
        "sklearn_triplet": "0.1.0",
        "steps": ["LogMel", "TripletTagger"],
        "sample_rate": RATE,
        "frame_duration": 0.01,
        "classes": ["bird", "car", "rain"],
        "multilabel": False,
    }
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    (given,), (answer,) = model.graph.input, model.graph.output
    axes = [d.dim_param or d.dim_value for d in given.type.tensor_type.shape.dim]
    assert (given.name, axes) == ("waveforms", ["n_clips", "n_samples"])
    axes = [d.dim_param or d.dim_value for d in answer.type.tensor_type.shape.dim]
    assert (answer.name, axes) == ("predict_proba", ["n_clips", 3])
    # nobody needs to know on which machine it was made
    data = path.read_bytes()
    assert b".py" not in data and str(Path.home()).encode() not in data


# --- what is refused, before anything is written


def refuse(estimator, folder, error=ValueError, **settings):
    path = folder / "model.onnx"
    path.write_text("an older file")
    with pytest.raises(error) as caught:
        export_onnx(estimator, path, **settings)
    assert path.read_text() == "an older file"
    assert list(folder.iterdir()) == [path]
    return str(caught.value)


@pytest.fixture(scope="module")
def embedder():
    return CLIP.fit(CLIPS, Y) and CLIP


def test_steps_without_a_graph(embedder, tmp_path):
    pooled = embedder.transform(CLIPS[:18])
    forest_like = OneVsRestClassifier(SVC())
    for step in PCA(2), SVC(), RidgeClassifier(), forest_like:
        pipe = make_pipeline(FrozenEstimator(embedder), step.fit(pooled, KIND[:18]))
        told = refuse(pipe, tmp_path)
        assert f"has the step {step!r}, for which there is no graph" in told
        assert "pipe[:-1]" in told and "skl2onnx" in told
    told = refuse(FrozenEstimator(embedder), tmp_path, outputs=["predict"])
    assert told.startswith("The 'outputs' parameter of export_onnx must be one of")
    refuse(embedder, tmp_path, outputs=[])
    refuse(embedder, tmp_path, outputs=["predict_frames"])


def test_what_is_no_fitted_estimator(tmp_path):
    refuse(TripletTagger(), tmp_path, NotFittedError)
    refuse(make_pipeline(MEL, TripletTagger()), tmp_path, NotFittedError)
    for thing in (TripletTagger, "birds", None):
        told = refuse(thing, tmp_path)
        assert told.startswith("The 'estimator' parameter of export_onnx must be a")


def test_names_for_other_classes(birds, tmp_path):
    told = refuse(birds[0], tmp_path, classes=["bird", "car"])
    assert "one name for each of 3 classes. Got shape (2,)" in told


def test_a_package_is_missing(embedder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    told = refuse(embedder, tmp_path, ImportError)
    assert "onnxscript cannot be imported" in told
    assert "sklearn-triplet[onnx]" in told


@pytest.mark.slow
def test_encoders_that_torch_cannot_export(tmp_path):
    for encoder, reason in (
        (ByValue, "torch cannot export the encoder"),
        (BySize, "onnxruntime returns differences up to"),
    ):
        embedder = vary(EMBEDDER, encoder=encoder).fit(CLIPS, Y)
        told = refuse(embedder, tmp_path)
        assert reason in told and "must not decide by values" in told


# --- every estimator, alone and behind others


LINEAR = make_pipeline(StandardScaler(), LogisticRegression())
SEVERAL_LINEAR = make_pipeline(Normalizer(), OneVsRestClassifier(LogisticRegression()))
CASES = {
    "embedder": (EMBEDDER, Y),
    "embedder, clips": (CLIP, Y),
    "embedder, bfloat16": (vary(EMBEDDER, encoder="deep", precision="bfloat16"), Y),
    "embedder, common scale": (vary(CLIP, encoder="deep", scaling="common"), Y),
    "embedder, own encoder": (vary(EMBEDDER, encoder=Own), Y),
    "embedder, own encoder with lengths": (vary(CLIP, encoder=OwnWithLengths), Y),
    "embedder, table": (EMBEDDER, Y, TABLE),
    "embedder, table, clips": (CLIP, Y, TABLE),
    "tagger": (TAGGER, NAMES),
    "tagger, bfloat16": (vary(TAGGER, precision="bfloat16", frame_pooling=3), Y),
    "tagger, attention": (vary(TAGGER, pooling="attention", output="clip"), SEVERAL),
    "tagger, conv": (vary(TAGGER, encoder="conv", frame_pooling=1), SEVERAL),
    "tagger, table": (TAGGER, NAMES, TABLE),
    "tagger of embeddings": (make_pipeline(EMBEDDER, TAGGER), Y),
    "sequences": (SEQUENCES, NAMES),
    "sequences, 3 layers": (vary(SEQUENCES, n_layers=3, frame_pooling=1), SEVERAL),
    "sequences, linear": (vary(SEQUENCES, pooling="linear_softmax"), SEVERAL),
    "sequences, exponential": (vary(SEQUENCES, pooling="exponential_softmax"), Y),
    "sequences, encoder": (vary(SEQUENCES, encoder="deep", frame_pooling=3), Y),
    "crnn": (CRNN, NAMES),
    "crnn, attention": (vary(CRNN, pooling="attention", dropout=0.3), SEVERAL),
    "paper": (make_pipeline(MEL, EMBEDDER, SEQUENCES), SEVERAL, SOUNDS),
    "mels": (LogMel(RATE, n_mels=20, fmin=200, fmax=3000), None, SOUNDS),
    "mels, length of 600": (LogMel(RATE, n_fft=600, hop_length=90), None, SOUNDS),
    "mels, odd length": (LogMel(RATE, n_fft=401, win_length=201), None, SOUNDS),
    "linear": (make_pipeline(MEL, CLIP, LabeledOnly(LINEAR)), NAMES, SOUNDS),
    "linear, two classes": (
        make_pipeline(CLIP, "passthrough", PseudoLabeled(LINEAR)),
        np.minimum(Y, 1),
    ),
    "linear, several": (
        make_pipeline(CLIP, TunedThresholds(LabeledOnly(SEVERAL_LINEAR))),
        SEVERAL,
    ),
    "linear, one by one": (
        make_pipeline(CLIP, LabeledOnly(OneVsRestClassifier(LogisticRegression()))),
        NAMES,
    ),
}


def draw_like(X, n_clips, length):
    """Draw clips of another length, as loud as those of the fit."""
    rng = np.random.default_rng(length)
    noise = rng.normal(size=(n_clips, *X.shape[1:-1], length))
    if X is SOUNDS:
        return (0.1 * noise).astype(np.float32)
    return (noise * X.std() + X.mean()).astype(np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_every_estimator(name, tmp_path):
    estimator, y, *given = CASES[name]
    X = given[0] if given else CLIPS
    # as who was given it has it; an encoder of one's own has to be handed over
    save_model(estimator.fit(X, y), tmp_path / "model")
    loaded = load_model(tmp_path / "model", trusted=[Own, OwnWithLengths])
    export_onnx(loaded, tmp_path / "model.onnx")
    onnx.checker.check_model(tmp_path / "model.onnx", full_check=True)
    lengths = [X.shape[1]] if X is TABLE else [1, 2, 7, 50, 301]
    for n_clips in (1, 3, 17):
        for length in lengths:
            drawn = draw_like(X, n_clips, length * 80 if X is SOUNDS else length)
            for method, found in run(tmp_path / "model.onnx", drawn).items():
                expected = ask(set_free(estimator), method, drawn)
                assert found.dtype == np.float32
                np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def set_free(estimator):
    """Let ``LogMel`` take waveforms of another length than in the fit."""
    steps = getattr(estimator, "named_steps", {"logmel": estimator})
    vars(steps.get("logmel", estimator)).pop("n_features_in_", None)
    return estimator


@pytest.mark.slow
def test_thresholds_and_names_of_several(tmp_path):
    names = ["bird", "car", "rain"]
    tagger = vary(SEQUENCES, threshold=[0.2, 0.5, 0.7]).fit(CLIPS, SEVERAL)
    export_onnx(tagger, tmp_path / "tagger.onnx", classes=names)
    about = read_metadata(tmp_path / "tagger.onnx")
    assert about["classes"] == names and about["multilabel"] is True
    assert about["thresholds"] == [0.2, 0.5, 0.7]
    assert "sample_rate" not in about
    found = run(tmp_path / "tagger.onnx", CLIPS)["predict_proba"]
    expected = tagger.predict(CLIPS)
    np.testing.assert_array_equal(found >= about["thresholds"], expected == 1)
    # a number may be set after the fit
    export_onnx(tagger.set_params(threshold=0.4), tmp_path / "tagger.onnx")
    about = read_metadata(tmp_path / "tagger.onnx")
    assert about["thresholds"] == [0.4] * 3 and about["classes"] == [0, 1, 2]


@pytest.mark.slow
def test_float16_is_not_rounded_in_the_graph(tmp_path):
    mel = LogMel(RATE, n_mels=16, dtype="float16", memory=tmp_path / "features")
    pipe = make_pipeline(mel, TAGGER).fit(SOUNDS, Y)
    export_onnx(pipe, tmp_path / "model.onnx", outputs=["predict_proba"])
    found = run(tmp_path / "model.onnx", SOUNDS)["predict_proba"]
    np.testing.assert_allclose(found, pipe[1].predict_proba(CLIPS), rtol=0, atol=1e-4)
    assert pipe[0].dtype == "float16"
