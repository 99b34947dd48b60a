import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
from mixture_helpers import (
    NAMES,
    RATE,
    SMALL,
    SPLITS,
    add_events,
    fade,
    loop_by_hand,
    mix,
    power,
    write_sounds,
)
from sklearn.utils import Bunch

from sklearn_triplet.datasets import load_esc50, mix_soundscapes

REAL = Path(__file__).parents[2] / "shared" / "data" / "esc10"


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Bunch:
    return write_sounds(tmp_path_factory.mktemp("sounds"))


def test_shapes_and_types(sounds):
    corpus = mix(sounds, n_clips={"train": 5, "validation": 2, "evaluation": 3})
    assert corpus.data.shape == (10, 2 * RATE)
    assert corpus.data.dtype == np.float32
    assert corpus.target.shape == corpus.target_true.shape == (10, 3)
    assert corpus.target.dtype == np.int64
    assert corpus.target_names.tolist() == sorted(NAMES)
    expected = ["train"] * 5 + ["validation"] * 2 + ["evaluation"] * 3
    assert corpus.split.tolist() == expected
    assert corpus.unused == corpus.skipped == []
    assert "paths" not in corpus


def test_labels_are_those_of_the_sources(sounds):
    corpus = mix(sounds, n_clips=30)
    label_of = dict(zip(sounds.paths, sounds.y, strict=True))
    for row, events, sources in zip(
        corpus.target_true, corpus.events, corpus.sources, strict=True
    ):
        heard = [label_of[source.path] for source in sources]
        assert heard == [corpus.target_names[event.label] for event in events]
        assert corpus.target_names[row == 1].tolist() == sorted(set(heard))
        assert events == sorted(events, key=lambda event: event.onset)


def test_clip_is_the_mix_of_its_sources(sounds):
    corpus = mix(sounds, background_classes=["rain"], n_events=(2, 3))
    for clip, waveform in enumerate(corpus.data):
        by_hand = add_events(corpus, clip, loop_by_hand(corpus, clip))
        np.testing.assert_allclose(waveform, by_hand, atol=1e-6)


def test_long_background_is_cut_out(sounds, tmp_path):
    rng = np.random.default_rng(1)
    soundfile.write(tmp_path / "long.wav", rng.normal(0, 0.1, 5 * RATE), RATE, "FLOAT")
    corpus = mix_soundscapes(
        sounds.paths, sounds.y, backgrounds=[tmp_path / "long.wav"], random_state=0,
        n_clips=8, **SMALL,
    )  # fmt: skip
    recording, _ = soundfile.read(tmp_path / "long.wav")
    assert len({source.start for source in corpus.backgrounds}) > 5
    for clip, source in enumerate(corpus.backgrounds):
        cut = recording[source.start : source.start + 2 * RATE] * source.gain
        by_hand = add_events(corpus, clip, cut)
        np.testing.assert_allclose(corpus.data[clip], by_hand, atol=1e-6)


def test_levels_and_background_are_those_asked_for(sounds):
    corpus = mix(
        sounds, n_clips=20, snr=(3, 9), background_level=(-30, -30), empty_fraction=0
    )
    for clip, waveform in enumerate(corpus.data):
        background = waveform - add_events(corpus, clip, np.zeros(2 * RATE))
        assert 10 * np.log10(power(background)) == pytest.approx(-30, abs=0.01)
        for event, level, source in zip(
            corpus.events[clip], corpus.snr[clip], corpus.sources[clip], strict=True
        ):
            recording, _ = soundfile.read(source.path)
            part = fade(recording[source.start : source.stop], RATE) * source.gain
            start = round(event.onset * RATE)
            ratio = power(part) / power(background[start : start + len(part)])
            assert 3 <= level <= 9
            assert 10 * np.log10(ratio) == pytest.approx(level, abs=0.01)


def test_peaks_are_lowered_by_one_factor(sounds):
    loud = mix(sounds, background_level=(0, 0), empty_fraction=0)
    quiet = mix(sounds, background_level=(-40, -40), empty_fraction=0)
    np.testing.assert_allclose(np.abs(loud.data).max(axis=1), 0.98, rtol=1e-5)
    assert np.abs(quiet.data).max() < 0.5
    scaled = loud.data / np.abs(loud.data).max(axis=1, keepdims=True)
    expected = quiet.data / np.abs(quiet.data).max(axis=1, keepdims=True)
    np.testing.assert_allclose(scaled, expected, atol=1e-5)


def test_events_sound_and_lie_within_the_clip(sounds):
    corpus = mix(sounds, n_clips=40, n_events=(1, 2))
    for events, sources in zip(corpus.events, corpus.sources, strict=True):
        assert len(events) <= 2
        for event, source in zip(events, sources, strict=True):
            assert 0 <= event.onset < event.offset <= 2.0
            assert 0.199 <= event.offset - event.onset <= 0.801
            assert source.stop - source.start == pytest.approx(
                (event.offset - event.onset) * RATE, abs=1
            )
            recording, _ = soundfile.read(source.path)
            # only the noise itself, up to the last hundredth of a second
            part = recording[source.start : source.stop]
            assert (part == 0).sum() <= 2 * RATE // 100


def test_crops_do_not_fall_into_a_pause(tmp_path):
    rng, clicks = np.random.default_rng(0), np.zeros(4 * RATE)
    for start in (0, 31_000):
        clicks[start : start + 800] = rng.normal(scale=0.1, size=800)
    soundfile.write(tmp_path / "clicks.wav", clicks, RATE, subtype="FLOAT")
    corpus = mix_soundscapes(
        [tmp_path / "clicks.wav"], ["click"], n_clips=40, random_state=0, **SMALL
    )
    starts = [source.start for sources in corpus.sources for source in sources]
    assert 0 in starts
    assert max(starts) > 25_000
    for sources in corpus.sources:
        for source in sources:
            assert np.abs(clicks[source.start : source.stop]).max() > 0.01


def test_recording_shorter_than_an_event_is_whole(tmp_path):
    beep = np.zeros(RATE)
    beep[1600:2400] = 0.1
    soundfile.write(tmp_path / "beep.wav", beep, RATE, subtype="FLOAT")
    corpus = mix_soundscapes(
        [tmp_path / "beep.wav"], ["beep"], n_clips=5, random_state=0, duration=2.0,
        sample_rate=RATE, event_duration=(0.5, 1.0), empty_fraction=0.0,
    )  # fmt: skip
    for events, sources in zip(corpus.events, corpus.sources, strict=True):
        for event, source in zip(events, sources, strict=True):
            assert (source.start, source.stop) == (1600, 2400)
            assert event.offset - event.onset == pytest.approx(0.1)


def test_the_same_seed_repeats_every_sample(sounds):
    first, second = mix(sounds), mix(sounds)
    np.testing.assert_array_equal(first.data, second.data)
    assert first.events == second.events
    assert first.sources == second.sources
    assert not np.allclose(first.data, mix(sounds, random_state=1).data)


@pytest.mark.parametrize("kind", [np.random.RandomState, np.random.default_rng])
def test_generators_as_random_state(sounds, kind):
    first, second = (mix(sounds, random_state=kind(3)) for _ in range(2))
    np.testing.assert_array_equal(first.data, second.data)


def test_jobs_change_nothing(sounds):
    few, many = mix(sounds), mix(sounds, n_jobs=2)
    np.testing.assert_array_equal(few.data, many.data)
    assert few.sources == many.sources


@pytest.mark.parametrize("background_classes", [[], ["rain"]])
def test_neither_more_clips_nor_other_splits_change_a_clip(sounds, background_classes):
    settings = {"background_classes": background_classes}
    few = mix(sounds, n_clips=3, **settings)
    many = mix(
        sounds, n_clips={"train": 9, "validation": 3, "evaluation": 4}, **settings
    )
    alone = mix(sounds, n_clips=3, splits={"validation": 3}, **settings)
    for split in SPLITS:
        longer = many.data[many.split == split][:3]
        np.testing.assert_array_equal(few.data[few.split == split], longer)
    np.testing.assert_array_equal(alone.data, few.data[few.split == "validation"])


def test_a_small_cache_changes_nothing(sounds, monkeypatch):
    expected = mix(sounds).data
    init = "sklearn_triplet.datasets._mixtures.sources.Recordings.__init__.__defaults__"
    monkeypatch.setattr(init, (1,))
    np.testing.assert_array_equal(mix(sounds).data, expected)


def test_global_generator_is_left_alone(sounds):
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    mix(sounds, random_state=None)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_empty_clips_are_background(sounds):
    corpus = mix(sounds, empty_fraction=1.0)
    assert corpus.events == corpus.sources == [[]] * 18
    assert (corpus.target == 0).all()
    assert (np.abs(corpus.data).max(axis=1) > 0).all()


def test_computed_backgrounds_have_their_colours(sounds):
    corpus = mix(sounds, n_clips=20, empty_fraction=1.0)
    slopes = {}
    for waveform, source in zip(corpus.data, corpus.backgrounds, strict=True):
        spectrum = np.abs(np.fft.rfft(waveform)) ** 2
        # bins are 0.5 Hz wide: two octaves, 500 - 1000 and 2000 - 4000 Hz less its end
        low, high = spectrum[1000:1400].mean(), spectrum[4000:5600].mean()
        slopes.setdefault(source.path, []).append(10 * np.log10(high / low) / 2)
    assert set(slopes) == {"white noise", "pink noise", "brown noise"}
    assert np.mean(slopes["white noise"]) == pytest.approx(0, abs=0.3)
    assert np.mean(slopes["pink noise"]) == pytest.approx(-3, abs=0.3)
    assert np.mean(slopes["brown noise"]) == pytest.approx(-6, abs=0.3)


def test_other_rates_are_resampled(sounds):
    corpus = mix(sounds, sample_rate=16000, n_clips=2, background_level=(-30, -30))
    assert corpus.data.shape == (6, 32000)
    assert sum(map(len, corpus.events)) > 6
    for clip, waveform in enumerate(corpus.data):
        background = waveform - add_events(corpus, clip, np.zeros(32000))
        assert 10 * np.log10(power(background)) == pytest.approx(-30, abs=0.001)


@pytest.mark.skipif(not REAL.is_dir(), reason="ESC-10 is not there")
def test_real_recordings():
    esc = load_esc50(REAL)
    # three recordings of a class and fold are enough here
    rows = np.concatenate(
        [
            np.flatnonzero((esc.target == label) & (esc.fold == fold))[:3]
            for label in esc.target_names
            for fold in (1, 4, 5)
        ]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        corpus = mix_soundscapes(
            esc.paths[rows], esc.target[rows], fold=esc.fold[rows], n_clips=5,
            splits={"train": 1, "validation": 4, "evaluation": 5},
            background_classes=["Rain", "Sea waves"],
            labeled_fraction=0.4, random_state=0,
        )  # fmt: skip
    assert corpus.data.shape == (15, 441000)
    assert len(corpus.target_names) == 8
    assert np.abs(corpus.data).max() < 0.981
    for clip in (0, 6, 12):
        by_hand = add_events(corpus, clip, loop_by_hand(corpus, clip))
        np.testing.assert_allclose(corpus.data[clip], by_hand, atol=2e-6)
