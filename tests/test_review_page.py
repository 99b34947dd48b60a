"""The page to label by ear: what stands in it, and driven in a browser."""

import base64
import csv
import json
import re
import shutil
import time
import urllib.parse
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
from helpers import make_noise, whole, write

from sklearn_triplet import LogMel, write_review_page
from sklearn_triplet.datasets import load_audio_folder

RATE = 8000
# what is in names must end no script, no cell and no link
NAMES = [
    "plain",
    'a "quoted" one',
    "it's #1",
    "50 % of it",
    "100%25",
    "Bär, müde; Kröte",
    "<b>&amp;",
    "a?b=c",
    "semi;colon",
    "__DATA__",
]
CLASSES = ["dog", "</script><b>rain", 'Bär "müde"', "it's #1 %"]
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
).split()


def make_recordings(folder, names=NAMES, seconds=1.0):
    folder.mkdir(parents=True, exist_ok=True)
    noise = [make_noise(int(seconds * RATE), seed=i) for i in range(len(names))]
    return [
        write(folder / f"{name}.wav", sound, RATE)
        for name, sound in zip(names, noise, strict=True)
    ]


def read_data(page):
    text = Path(page).read_text(encoding="utf-8")
    return json.loads(re.search(r'json">(.*?)</script>', text, re.S)[1])


def write_page(tmp_path, clips, classes=CLASSES, **settings):
    (tmp_path / "pages").mkdir(exist_ok=True)
    page = tmp_path / "pages" / "next.html"
    return write_review_page(page, clips, classes, log_mel=LogMel(RATE), **settings)


# --- what stands in it


def test_links_lead_from_the_page_to_the_recordings(tmp_path, monkeypatch):
    paths = make_recordings(tmp_path / "50 % #sounds")
    page = write_page(tmp_path, paths)
    assert page == str(tmp_path / "pages" / "next.html")
    links = [clip["href"] for clip in read_data(page)["clips"]]
    assert not any(re.search(r"[#?\s\"<]", link) for link in links)
    base = Path(page).as_uri()
    for path, link in zip(paths, links, strict=True):
        url = urllib.parse.urlsplit(urllib.parse.urljoin(base, link))
        assert urllib.parse.unquote(url.path) == path
    # and from wherever the paths start
    monkeypatch.chdir(tmp_path)
    relative = str(Path(paths[0]).relative_to(tmp_path))
    clip = read_data(write_page(tmp_path, [relative]))["clips"][0]
    assert (clip["name"], clip["href"]) == (relative, links[0])


def test_names_end_neither_the_script_nor_the_title(tmp_path):
    paths = make_recordings(tmp_path / "sounds")
    page = write_page(tmp_path, paths, title="</title><script>__DATA__")
    data = read_data(page)
    assert data["classes"] == CLASSES
    assert [clip["name"] for clip in data["clips"]] == paths
    text = Path(page).read_text(encoding="utf-8")
    assert text.count("</script>") == 2
    assert "<title>&lt;/title&gt;&lt;script&gt;__DATA__</title>" in text


def test_the_picture_is_that_of_the_log_mels(tmp_path):
    tone = np.sin(2 * np.pi * 1000 * np.arange(2 * RATE) / RATE).astype(np.float32)
    tone[RATE:] = 0
    path = write(tmp_path / "tone.wav", tone, RATE)
    page = write_page(tmp_path, [path])
    clip, ticks = read_data(page)["clips"][0], read_data(page)["frequencies"]
    picture = np.frombuffer(base64.b64decode(clip["pixels"]), np.uint8)
    picture = picture.reshape(-1, clip["columns"])
    energies = LogMel(RATE).transform([path])[0]
    assert picture.shape == energies.shape == (64, 201)
    assert clip["seconds"] == pytest.approx(2.0)
    band = energies[:, 50].argmax()
    assert picture[:, 50].argmax() == band
    assert picture[band, 50] > 250
    assert (picture[:, 110:] == 0).all()  # silence
    # louder is brighter, whatever the scale
    order = np.argsort(energies, axis=None)
    assert (np.diff(picture.ravel()[order].astype(int)) >= 0).all()
    # the tone stands beside its frequency, to half a band
    assert {text: place for place, text in ticks}["1 kHz"] == pytest.approx(
        (band + 0.5) / 64, abs=0.5 / 64
    )
    edges = librosa.mel_frequencies(n_mels=66, fmin=0, fmax=RATE / 2)
    for place, text in ticks:
        number, unit = text.split()
        frequency = float(number) * {"Hz": 1, "kHz": 1000}[unit]
        assert np.interp(64 * place - 0.5, np.arange(64), edges[1:-1]) == pytest.approx(
            frequency, rel=0.01
        )


def test_a_short_call_shows_in_a_long_recording(tmp_path):
    sound = np.zeros(60 * RATE, dtype=np.float32)
    sound[30 * RATE : 30 * RATE + RATE // 50] = make_noise(RATE // 50)
    page = write_page(tmp_path, [write(tmp_path / "call.wav", sound, RATE)])
    clip = read_data(page)["clips"][0]
    picture = np.frombuffer(base64.b64decode(clip["pixels"]), np.uint8)
    picture = picture.reshape(64, clip["columns"])
    assert clip["columns"] == 500
    assert clip["seconds"] == pytest.approx(60)
    loud = np.flatnonzero(picture.max(axis=0) > 250)
    assert set(loud) <= {249, 250}
    assert len(loud)


def test_silence_is_dark(tmp_path):
    path = write(tmp_path / "silence.wav", np.zeros(RATE, np.float32), RATE)
    clip = read_data(write_page(tmp_path, [path]))["clips"][0]
    values = set(base64.b64decode(clip["pixels"]))
    assert len(values) == 1


def test_a_recording_that_cannot_be_read(tmp_path):
    paths = make_recordings(tmp_path / "sounds", ["good", "bad"])
    Path(paths[1]).write_text("no sound at all")
    page = tmp_path / "next.html"
    with pytest.raises(ValueError, match="Row 1 of X of LogMel"):
        write_review_page(page, paths, ["dog"])
    assert not page.exists()
    shares = [[0.5], [np.nan]]
    with pytest.warns(UserWarning, match="could not use 1 of 2 clips"):
        write_review_page(
            page, paths, ["dog"], probabilities=shares, log_mel=LogMel(errors="warn")
        )
    good, bad = read_data(page)["clips"]
    assert good["pixels"]
    assert good["probabilities"] == [0.5]
    assert bad["pixels"] == ""
    assert bad["probabilities"] is None


def test_formats_that_browsers_do_not_play_are_counted(tmp_path):
    paths = make_recordings(tmp_path / "sounds", ["a"])
    paths.append(write(tmp_path / "sounds" / "b.aiff", make_noise(RATE), RATE))
    sentence = (
        "1 of the 2 clips given to write_review_page are in formats that browsers do "
        f"not play; the first is {paths[1]!r}. Convert them to FLAC or WAV."
    )
    with pytest.warns(UserWarning, match=whole(sentence)):
        write_page(tmp_path, paths)


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        (
            {"page": "next.txt"},
            ValueError,
            "The 'page' parameter of write_review_page must be the path of a file that "
            "ends in '.html', or browsers would not show it. Got 'next.txt' instead.",
        ),
        ({"page": "nowhere/next.html"}, FileNotFoundError, "There is none at"),
        ({"clips": []}, ValueError, "is empty: give at least one recording."),
        ({"clips": "a.wav"}, ValueError, "must be a list of paths or of (path, onset"),
        ({"clips": [np.zeros(9)]}, ValueError, "in row 0: correct it or leave it out."),
        (
            {"clips": [("a.wav", 2.0, 1.0)]},
            ValueError,
            "The 'clips' parameter of write_review_page must hold paths, or (path, "
            "onset, offset) with 0 <= onset < offset in seconds. Got ('a.wav', 2.0, "
            "1.0) in row 0: correct it or leave it out.",
        ),
        ({"clips": [("a.wav", -1.0, 1.0)]}, ValueError, "0 <= onset < offset"),
        ({"clips": [("a.wav", 0, np.nan)]}, ValueError, "0 <= onset < offset"),
        ({"clips": ["a.wav", ("a.wav", 0, 1)]}, ValueError, "Write two pages."),
        (
            {"clips": ["a.wav", "b.wav", "a.wav"]},
            ValueError,
            "Rows 0 and 2 are both 'a.wav': leave one of them out.",
        ),
        ({"classes": []}, ValueError, "must be a sequence of different names. Got []"),
        ({"classes": "dog"}, ValueError, "different names. Got 'dog' instead."),
        ({"classes": ["dog", " dog"]}, ValueError, "sequence of different names."),
        ({"classes": ["dog", "NaN"]}, ValueError, "'NaN' would be read as no class"),
        (
            {"classes": ["a,b"], "multilabel": True},
            ValueError,
            "'a,b' would be read as several classes: choose another name.",
        ),
        (
            {"clips": [("a.wav", 0, 1)], "classes": ["listened"]},
            ValueError,
            "'listened' would be read as no class",
        ),
        (
            {"probabilities": [[0.5]]},
            ValueError,
            "must be numbers of shape (n_clips, n_classes), here (1, 2), as "
            "predict_proba returns them. Got shape (1, 1) instead.",
        ),
        ({"probabilities": [[0.5, 2.0]]}, ValueError, "must lie in [0, 1]."),
        ({"multilabel": "yes"}, ValueError, "must be one of [True, False]."),
        ({"log_mel": 22050}, ValueError, "must be None or a LogMel"),
        ({"title": 3}, ValueError, "must be a text. Got 3 instead."),
        ({"clips": ["nowhere.wav"]}, FileNotFoundError, "there is no file"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, monkeypatch, changes, error, sentence):
    monkeypatch.chdir(tmp_path)
    make_recordings(tmp_path, ["a"])
    given = {"page": "next.html", "clips": ["a.wav"], "classes": ["dog", "rain"]}
    with pytest.raises(error, match=re.escape(sentence)):
        write_review_page(**{**given, **changes})
    assert not list(tmp_path.glob("*.html"))


# --- driven in a browser


@pytest.fixture
def browser(tmp_path):
    webdriver = pytest.importorskip("selenium.webdriver")
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not binary or not driver:
        pytest.skip("needs chromium and chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in [*FLAGS, f"--user-data-dir={tmp_path / 'profile'}"]:
        options.add_argument(flag)
    (tmp_path / "downloads").mkdir()
    folder = {"download.default_directory": str(tmp_path / "downloads")}
    options.add_experimental_option("prefs", folder)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(driver)
    chromium = webdriver.Chrome(options=options, service=service)
    yield Review(chromium, tmp_path)
    errors = [
        entry for entry in chromium.get_log("browser") if entry["level"] == "SEVERE"
    ]
    chromium.quit()
    assert not errors


class Review:
    """A page in a browser, and hands on its keys."""

    def __init__(self, chromium, folder):
        self.chromium, self.folder = chromium, folder

    def open(self, page):
        self.chromium.get(Path(page).as_uri())

    def press(self, *keys):
        from selenium.webdriver.common.action_chains import ActionChains

        for key in keys:
            ActionChains(self.chromium).send_keys(NAMED.get(key, key)).perform()

    def ask(self, script):
        return self.chromium.execute_script(f"return {script}")

    def text(self, name):
        return self.ask(f"document.getElementById('{name}').textContent")

    def click(self, name):
        self.chromium.find_element("id", name).click()

    def wait(self, script, seconds=10):
        end = time.monotonic() + seconds
        while not self.ask(script):
            assert time.monotonic() < end, script
            time.sleep(0.02)

    def download(self):
        self.click("download")
        table = self.folder / "downloads" / "next.csv"
        end = time.monotonic() + 10
        while not table.exists():
            assert time.monotonic() < end
            time.sleep(0.02)
        return table


NAMED = {"space": " ", "left": "\ue012", "right": "\ue014", "enter": "\ue007"}
NAMED["backspace"] = "\ue003"


def test_twenty_clips_are_labeled_by_keys(tmp_path, browser):
    names = [f"{name}{i}" for i in (1, 2) for name in NAMES]
    paths = make_recordings(tmp_path / "50 % #sounds", names, seconds=0.3)
    browser.open(write_page(tmp_path, paths))
    truth = [CLASSES[i % 4] for i in range(20)]
    for i in range(20):
        assert browser.text("name") == f"{i + 1}. {Path(paths[i]).name}"
        # the link works, and the next clip plays by itself
        browser.wait("audio.readyState >= 1")
        assert browser.ask("audio.duration") == pytest.approx(0.3, abs=0.02)
        browser.press(str(1 + i % 4))
        assert browser.text("count") == f"{i + 1} of 20 labeled"
    assert browser.text("message") == "All 20 clips are labeled: download the table."
    assert browser.ask("document.querySelectorAll('b').length") == 0
    table = browser.download()
    found = load_audio_folder(
        tmp_path / "50 % #sounds", table, multilabel=False, target_names=CLASSES
    )
    assert not found.missing
    assert not found.unlisted
    assert dict(zip(found.paths, found.target, strict=True)) == dict(
        zip(paths, truth, strict=True)
    )


def test_a_closed_tab_loses_nothing(tmp_path, browser):
    paths = make_recordings(tmp_path / "sounds", ["a", "b", "c"])
    page = write_page(tmp_path, paths)
    browser.open(page)
    browser.press("1", "2")
    browser.open(write_page(tmp_path, paths[:1]))  # of other clips, the same name
    assert browser.text("count") == "0 of 1 labeled"
    # written anew, with suggestions and without a class
    page = write_page(tmp_path, paths, ["rain"], probabilities=[[0.5]] * 3)
    browser.open(page)
    assert browser.text("count") == "2 of 3 labeled"
    assert browser.text("name") == "3. c.wav"
    browser.press("1")
    lines = browser.download().read_text(encoding="utf-8").splitlines()
    assert [line.rsplit(",", 1)[1] for line in lines] == [
        "labels", "dog", "</script><b>rain", "rain"
    ]  # fmt: skip


def test_a_browser_that_keeps_nothing_says_so(tmp_path, browser):
    refuse = "Object.defineProperty(window, 'localStorage', {get() { throw Error() }})"
    browser.chromium.execute_cdp_cmd(
        "Page.addScriptToEvaluateOnNewDocument", {"source": refuse}
    )
    paths = make_recordings(tmp_path / "sounds", ["a", "b"])
    browser.open(write_page(tmp_path, paths))
    assert "download the table before you close it" in browser.text("kept")
    browser.press("1")
    leave = "!dispatchEvent(new Event('beforeunload', {cancelable: true}))"
    assert browser.ask(leave)  # asks before it loses something
    y = load_audio_folder(tmp_path / "sounds", browser.download(), return_X_y=True)[1]
    assert y.tolist() == ["dog", -1]
    assert not browser.ask(leave)


def test_back_skip_clear_and_accept(tmp_path, browser):
    paths = make_recordings(tmp_path / "sounds", ["a", "b", "c"])
    shares = [[0.1, 0.7, 0.2], [0.6, 0.3, 0.1], [np.nan] * 3]
    browser.open(write_page(tmp_path, paths, ["x", "y", "z"], probabilities=shares))
    assert browser.text("suggestion") == "Suggested: y (70 %)"
    browser.press("right")
    assert browser.text("suggestion") == "Suggested: x (60 %)"
    browser.press("enter")  # accepts x
    assert browser.text("name") == "3. c.wav"
    browser.press("enter")  # where nothing is suggested, nothing is labeled
    assert browser.text("count") == "1 of 3 labeled"
    browser.press("3")
    # what was skipped comes again
    assert browser.text("name") == "1. a.wav"
    browser.press("left", "backspace")
    assert browser.text("name") == "3. c.wav"
    assert browser.text("count") == "1 of 3 labeled"
    browser.press("2", "1")
    table = browser.download()
    y = load_audio_folder(tmp_path / "sounds", table, return_X_y=True)[1]
    assert y.tolist() == ["x", "x", "y"]


def test_what_is_not_labeled_is_not_in_the_table(tmp_path, browser):
    paths = make_recordings(tmp_path / "sounds", ["a", "b", "c"])
    browser.open(write_page(tmp_path, paths))
    assert not browser.ask("document.getElementById('download').offsetParent === null")
    assert browser.ask("document.getElementById('download').disabled")
    browser.press("right", "1")
    y = load_audio_folder(tmp_path / "sounds", browser.download(), return_X_y=True)[1]
    assert y.tolist() == [-1, "dog", -1]


def test_several_classes_or_none(tmp_path, browser):
    paths = make_recordings(tmp_path / "sounds", ["a", "b", "c", "d"])
    shares = [[0.9, 0.5, 0.1], [0.1, 0.2, 0.3], [0, 0, 1], [0, 0, 0]]
    classes = ["x", "y", "z"]
    browser.open(
        write_page(tmp_path, paths, classes, probabilities=shares, multilabel=True)
    )
    assert browser.text("suggestion") == "Suggested: x (90 %), y (50 %)"
    browser.press("1", "2", "3", "2", "enter")  # y on and off
    assert browser.text("suggestion") == "Suggested: none of the classes"
    assert browser.text("enter") == "None of these Enter"
    browser.press("enter", "3", "enter", "right")  # d remains unlabeled
    table = browser.download()
    found = load_audio_folder(tmp_path / "sounds", table, target_names=classes)
    assert found.target.tolist() == [[1, 0, 1], [0, 0, 0], [0, 0, 1], [-1, -1, -1]]


def test_letters_are_the_keys_of_more_classes(tmp_path, browser):
    paths = make_recordings(tmp_path / "sounds", ["a", "b"])
    classes = [f"class {i}" for i in range(40)]
    browser.open(write_page(tmp_path, paths, classes))
    keys = browser.ask(
        "[...document.querySelectorAll('#classes kbd')].map(k => k.innerText)"
    )
    assert "".join(keys) == "123456789abcdefghijklmnopqrstuvwxyz"
    browser.press("a")
    browser.chromium.find_elements("css selector", "#classes button")[39].click()
    y = load_audio_folder(tmp_path / "sounds", browser.download(), return_X_y=True)[1]
    assert y.tolist() == ["class 9", "class 39"]


def test_space_plays_also_after_a_click_on_a_class(tmp_path, browser):
    paths = make_recordings(tmp_path / "sounds", ["a", "b"], seconds=20)
    browser.open(write_page(tmp_path, paths))
    assert browser.ask("audio.paused")
    browser.press("space")
    browser.wait("!audio.paused && audio.currentTime > 0.05")
    browser.press("space")
    browser.wait("audio.paused")
    browser.chromium.find_elements("css selector", "#classes button")[0].click()
    browser.wait("!audio.paused")  # the next clip, at once
    browser.press("space")
    browser.wait("audio.paused")
    assert browser.text("count") == "1 of 2 labeled"


def test_a_phone(tmp_path, browser):
    paths = make_recordings(tmp_path / "sounds", ["a" * 120, "b"])
    classes = [*CLASSES, "a class of a name that is rather long", "x" * 60]
    page = write_page(tmp_path, paths, classes, probabilities=np.full((2, 6), 1 / 6))
    phone = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    browser.chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    browser.open(page)
    assert browser.ask("document.documentElement.scrollWidth") <= 390
    boxes = browser.ask(
        "[...document.querySelectorAll('button')].map(b => b.getBoundingClientRect())"
    )
    # a finger needs 44 px, and finds all of it on the screen
    assert min(box["height"] for box in boxes) >= 44
    assert max(box["right"] for box in boxes) <= 390
    browser.chromium.find_elements("css selector", "#classes button")[1].click()
    browser.click("enter")
    table = browser.download()
    with open(table, newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert [row["labels"] for row in rows] == [CLASSES[1], CLASSES[0]]


def make_windows(tmp_path):
    """A recording of 30 s, and windows of it."""
    path = make_recordings(tmp_path / "sounds", ["Bär, #1"], seconds=30)[0]
    return [(path, 2.0, 4.5), (path, 20.25, 22.25), (path, 26.0, 29.0)]


def test_windows_show_what_is_in_them(tmp_path):
    windows = make_windows(tmp_path)
    windows.append((windows[0][0], 28.0, 31.0))
    with pytest.warns(UserWarning, match="1 of 4 clips"):
        clips = read_data(write_page(tmp_path, windows))["clips"]
    assert [(c["name"], c["onset"], c["offset"]) for c in clips] == windows
    # the last one ends with its recording
    seconds = [clip["seconds"] for clip in clips]
    assert seconds == pytest.approx([2.5, 2.0, 3.0, 2.0], abs=0.011)
    sound, _ = soundfile.read(windows[0][0], dtype="float32")
    alone = write(tmp_path / "alone.wav", sound[2 * RATE : int(4.5 * RATE)], RATE)
    whole_clip = read_data(write_page(tmp_path, [alone]))["clips"][0]
    assert clips[0]["pixels"] == whole_clip["pixels"]


def test_a_window_plays_from_its_onset_to_its_offset(tmp_path, browser):
    browser.open(write_page(tmp_path, make_windows(tmp_path)))
    assert browser.text("name") == "1. Bär, #1.wav, 2 s to 4.5 s"
    browser.press("right")
    browser.wait("!audio.paused")
    browser.wait("audio.paused")
    assert browser.ask("audio.currentTime") == pytest.approx(22.25, abs=0.15)
    browser.press("space")  # once more from its onset
    browser.wait("!audio.paused")
    assert 20.2 <= browser.ask("audio.currentTime") < 22
    browser.click("spectrogram")  # its middle, but for the axis
    browser.wait("audio.currentTime > 21.1")


def test_times_are_those_of_the_recording(tmp_path, browser):
    browser.open(write_page(tmp_path, make_recordings(tmp_path / "sounds", ["a"])))
    clocks = {0.1 + 0.2: "0.3 s", 59.999: "1:00", 61.5: "1:01.5", 7325.25: "2:02:05.25"}
    assert {t: browser.ask(f"clock({t})") for t in clocks} == clocks


def test_the_table_of_windows_is_one_of_events(tmp_path, browser):
    windows = make_windows(tmp_path)
    page = write_page(tmp_path, windows, ["call", "a, b"], multilabel=True)
    browser.open(page)
    browser.press("1", "2", "enter", "enter", "right")  # both, none, not labeled
    with open(browser.download(), newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    times = [(float(row["onset"]), float(row["offset"])) for row in rows]
    assert {row["filename"] for row in rows} == {windows[0][0]}
    labels = [row["event_label"] for row in rows]
    assert list(zip(labels, times, strict=True)) == [
        ("listened", (2.0, 4.5)),
        ("call", (2.0, 4.5)),
        ("a, b", (2.0, 4.5)),
        ("listened", (20.25, 22.25)),
    ]
