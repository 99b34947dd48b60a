"""ESC-50 on disk, and from a server on loopback; few files hold any sound."""

import csv
import gc
import hashlib
import io
import threading
import warnings
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from helpers import whole

from sklearn_triplet.datasets import _esc50, fetch_esc50, get_data_home, load_esc50

REAL = Path(__file__).parents[2] / "shared" / "data" / "esc10"
HEADER = ["filename", "fold", "target", "category", "esc10", "src_file", "take"]
ROWS = [
    ["2-20-A-0.wav", "2", "0", "dog", "True", "20", "A"],
    ["1-10-A-0.wav", "1", "0", "dog", "True", "10", "A"],
    ["1-11-A-10.wav", "1", "10", "rain", "True", "11", "A"],
    ["3-30-B-9.wav", "3", "9", "crow", "False", "30", "B"],
]


@pytest.fixture
def table_home(tmp_path):
    """ESC-50 as it is unpacked today."""
    (tmp_path / "audio").mkdir()
    (tmp_path / "meta").mkdir()
    write_table(tmp_path, [HEADER, *ROWS])
    for row in ROWS:
        (tmp_path / "audio" / row[0]).touch()
    return tmp_path


@pytest.fixture
def folder_home(tmp_path):
    """ESC-10 as it was first published."""
    for name in [
        "002 - Rain/2-9-A.ogg",
        "001 - Dog bark/5-8-A.ogg",
        "001 - Dog bark/1-7-A.ogg",
        "003 - Pig/10-3-B.wav",
    ]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "README.txt").touch()
    (tmp_path / "002 - Rain" / "._2-9-A.ogg").touch()
    (tmp_path / "notes").mkdir()
    return tmp_path


def write_table(home, rows):
    with (home / "meta" / "esc50.csv").open("w", newline="") as lines:
        csv.writer(lines).writerows(rows)


def names(corpus):
    return [Path(path).name for path in corpus.paths]


def test_reads_the_table(table_home):
    corpus = load_esc50(table_home)
    expected = ["1-10-A-0.wav", "1-11-A-10.wav", "2-20-A-0.wav", "3-30-B-9.wav"]
    assert names(corpus) == expected
    assert corpus.target_names.tolist() == ["dog", "crow", "rain"]
    assert corpus.target.tolist() == ["dog", "rain", "dog", "crow"]
    assert corpus.fold.tolist() == [1, 1, 2, 3]
    assert corpus.target.dtype == object and corpus.fold.dtype == np.int64
    assert corpus.missing == []
    assert corpus.data_home == str(table_home)
    assert "CC BY" in corpus.DESCR
    # what the file names of ESC-50 say
    assert "131943 and 134049 are in folds 2 and 3, 209698 and 234879" in corpus.DESCR


def test_reads_a_folder_per_class(folder_home):
    corpus = load_esc50(folder_home)
    assert names(corpus) == ["1-7-A.ogg", "5-8-A.ogg", "2-9-A.ogg", "10-3-B.wav"]
    assert corpus.target_names.tolist() == ["Dog bark", "Rain", "Pig"]
    assert corpus.target.tolist() == ["Dog bark", "Dog bark", "Rain", "Pig"]
    assert corpus.fold.tolist() == [1, 5, 2, 10]


def test_subset_recounts_the_classes(table_home):
    corpus = load_esc50(table_home, subset="esc10")
    assert corpus.target_names.tolist() == ["dog", "rain"]
    assert corpus.target.tolist() == ["dog", "rain", "dog"]


def test_subset_of_a_folder_per_class(folder_home):
    corpus = load_esc50(folder_home, subset="esc10")
    assert corpus.target_names.tolist() == ["Dog bark", "Rain"]


def test_the_table_wins_over_class_folders(table_home):
    (table_home / "001 - Dog bark").mkdir()
    (table_home / "001 - Dog bark" / "1-7-A.ogg").touch()
    assert len(load_esc50(table_home).paths) == len(ROWS)


def test_takes_text_and_returns_a_pair(table_home):
    corpus = load_esc50(table_home)
    paths, target = load_esc50(str(table_home), return_X_y=True)
    np.testing.assert_array_equal(paths, corpus.paths)
    np.testing.assert_array_equal(target, corpus.target)


@pytest.mark.parametrize("loader", ["load_esc50", "fetch_esc50"])
def test_missing_recordings_are_counted_at_the_line_of_the_call(table_home, loader):
    for name in ("1-10-A-0.wav", "3-30-B-9.wav"):
        (table_home / "audio" / name).unlink()
    with pytest.warns(
        UserWarning, match="^2 of the 4 recordings that the table"
    ) as got:
        if loader == "load_esc50":
            corpus = load_esc50(table_home)
        else:
            table_home = table_home.rename(table_home.with_name("ESC-50-master"))
            corpus = fetch_esc50(data_home=table_home.parent)
    assert got[0].filename == __file__
    audio = table_home / "audio"
    expected = [str(audio / name) for name in ("1-10-A-0.wav", "3-30-B-9.wav")]
    assert corpus.missing == expected
    assert f"the first is {expected[0]!r}. They are left out;" in str(got[0].message)
    assert names(corpus) == ["1-11-A-10.wav", "2-20-A-0.wav"]
    assert corpus.target_names.tolist() == ["dog", "rain"]


def test_all_missing_is_an_error(table_home):
    for path in (table_home / "audio").iterdir():
        path.unlink()
    with pytest.raises(FileNotFoundError, match="^4 of the 4 recordings that the"):
        load_esc50(table_home)


@pytest.mark.parametrize("kind", ["nothing", "a file"])
def test_folder_missing(tmp_path, kind):
    home = tmp_path / "esc"
    if kind == "a file":
        home.touch()
    message = (
        "The 'data_home' parameter of load_esc50 must be an existing folder. There is "
        f"{kind} at {str(home)!r}: unpack the corpus there, or give the folder that "
        "holds it."
    )
    with pytest.raises(FileNotFoundError, match=whole(message)):
        load_esc50(home)


@pytest.mark.parametrize("home", [3, None, b"esc"])
def test_home_that_is_no_path(home):
    message = (
        "The 'data_home' parameter of load_esc50 must be the path of a folder. Got "
        f"{home!r} instead."
    )
    with pytest.raises(ValueError, match=whole(message)):
        load_esc50(home)


def test_no_text_is_not_the_working_directory(table_home, monkeypatch):
    monkeypatch.chdir(table_home)
    assert len(load_esc50(".").paths) == len(ROWS)
    message = (
        "The 'data_home' parameter of load_esc50 must be an existing folder. There is "
        "nothing at '': unpack the corpus there, or give the folder that holds it."
    )
    with pytest.raises(FileNotFoundError, match=whole(message)):
        load_esc50("")


def test_empty_folder(tmp_path):
    message = (
        f"load_esc50 found no recordings in {str(tmp_path)!r}. Give the folder that "
        "holds 'audio' and 'meta/esc50.csv' (ESC-50) or the folders named such as "
        "'001 - Dog bark' (ESC-10)."
    )
    with pytest.raises(FileNotFoundError, match=whole(message)):
        load_esc50(tmp_path)


def test_unknown_subset(table_home):
    message = (
        "The 'subset' parameter of load_esc50 must be one of [None, 'esc10']. "
        "Got 'esc5' instead."
    )
    with pytest.raises(ValueError, match=whole(message)):
        load_esc50(table_home, subset="esc5")


def test_table_without_folds(table_home):
    write_table(table_home, [["filename", "category"], ["a.wav", "dog"]])
    message = (
        "load_esc50 needs the columns ['filename', 'fold', 'category'] in the table "
        f"{str(table_home / 'meta' / 'esc50.csv')!r}, each once. Got ['filename', "
        "'category'] instead: rename them in its header."
    )
    with pytest.raises(ValueError, match=whole(message)):
        load_esc50(table_home)


@pytest.mark.parametrize("column", ["fold", "target"])
def test_fold_or_target_that_is_no_number(table_home, column):
    row = dict(zip(HEADER, ROWS[1], strict=True)) | {column: "two"}
    write_table(table_home, [HEADER, ROWS[0], list(row.values())])
    message = (
        "load_esc50 cannot use line 3 of the table "
        f"{str(table_home / 'meta' / 'esc50.csv')!r}: it must hold whole numbers in "
        f"the columns 'fold' and 'target'. Got {row['fold']} and {row['target']} "
        "instead: correct the row or take it out."
    )
    with pytest.raises(ValueError, match=whole(message)):
        load_esc50(table_home)


def test_table_without_classes_in_order(table_home):
    columns = [0, 1, 3]
    write_table(table_home, [[row[i] for i in columns] for row in [HEADER, *ROWS]])
    assert load_esc50(table_home).target_names.tolist() == ["crow", "dog", "rain"]


def test_file_name_without_fold(folder_home):
    (folder_home / "002 - Rain" / "shower.ogg").touch()
    with pytest.raises(ValueError, match=r"shower.ogg': its name must begin with"):
        load_esc50(folder_home)


@pytest.mark.skipif(not REAL.is_dir(), reason="the recordings of ESC-10 are not here")
def test_the_real_esc10():
    corpus = load_esc50(REAL)
    assert len(corpus.paths) == 400
    assert len(set(corpus.paths)) == 400
    found, counts = np.unique(corpus.target.astype(str), return_counts=True)
    assert counts.tolist() == [40] * 10
    assert found.tolist() == sorted(corpus.target_names)
    assert corpus.target_names[0] == corpus.target[0] == "Dog bark"
    assert np.bincount(corpus.fold).tolist() == [0] + [80] * 5
    assert len(load_esc50(REAL, subset="esc10").paths) == 400


def pack_archive():
    """Zip a corpus of two recordings as GitHub zips a commit."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        table = "\n".join(",".join(row) for row in [HEADER, ROWS[1], ROWS[2]])
        archive.writestr("ESC-50-33c8ce9/meta/esc50.csv", table)
        for name in ("1-10-A-0.wav", "1-11-A-10.wav"):
            archive.writestr(f"ESC-50-33c8ce9/audio/{name}", name)
    return buffer.getvalue()


@pytest.fixture
def server(monkeypatch):
    """A server on loopback that answers by ``statuses``, and then has the archive."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.n_asked += 1
            status = self.server.statuses.pop(0) if self.server.statuses else 200
            self.send_response(status)
            self.send_header("Content-Length", str(len(self.server.content)))
            self.end_headers()
            cut = len(self.server.content) // 2 if status == 206 else None
            self.wfile.write(self.server.content[:cut])

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.n_asked, server.statuses, server.content = 0, [], pack_archive()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(_esc50, "URL", f"http://127.0.0.1:{server.server_port}/a.zip")
    known = f"sha256:{hashlib.sha256(server.content).hexdigest()}"
    monkeypatch.setattr(_esc50, "KNOWN_HASH", known)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    with warnings.catch_warnings():
        # sockets of refused requests, which would be told of in some later test
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def test_downloads_once(server, tmp_path):
    corpus = fetch_esc50(data_home=tmp_path, n_retries=0)
    assert corpus.target.tolist() == ["dog", "rain"]
    assert corpus.data_home == str(tmp_path / "ESC-50-master")
    assert [Path(path).read_text() for path in corpus.paths] == names(corpus)
    # neither the archive nor anything else stays
    assert [path.name for path in tmp_path.iterdir()] == ["ESC-50-master"]
    paths, target = fetch_esc50(data_home=tmp_path, return_X_y=True)
    assert paths.tolist() == corpus.paths.tolist()
    assert target.tolist() == corpus.target.tolist()
    assert len(fetch_esc50(data_home=tmp_path, download_if_missing=False).paths) == 2
    assert server.n_asked == 1


def test_a_broken_connection_is_tried_again(server, tmp_path):
    server.statuses = [206]  # half of the archive, and then nothing
    assert len(fetch_esc50(data_home=tmp_path, n_retries=1).paths) == 2
    assert server.n_asked == 2


def test_wrong_bytes_are_never_unpacked(server, tmp_path):
    server.content = server.content[:-1] + b"x"
    with pytest.raises(OSError) as caught:
        fetch_esc50(data_home=tmp_path, n_retries=0)
    assert str(caught.value) == (
        f"fetch_esc50 downloaded {_esc50.URL!r}, but its checksum is not "
        f"{_esc50.KNOWN_HASH!r}, and removed it. Try again; if it stays so, the server "
        f"packs the same files in another way: download {_esc50.URL!r} in a browser, "
        "unpack it and give it to load_esc50."
    )
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_refuses(server, tmp_path):
    server.statuses = [404]
    with pytest.raises(ConnectionError) as caught:
        fetch_esc50(data_home=tmp_path, n_retries=0)
    message = str(caught.value)
    assert message.startswith(
        f"fetch_esc50 could not download {_esc50.URL!r} in 1 attempts, the last of "
        "which ended with: 404 "
    )
    assert message.endswith("unpack it and give it to load_esc50.")
    assert list(tmp_path.iterdir()) == []


def test_a_faster_process_is_not_undone(server, tmp_path, monkeypatch):
    done = []

    def replace_late(source, target):
        done.append(Path(target, "audio"))
        done[0].mkdir(parents=True)
        Path(target, "meta").mkdir()
        write_table(Path(target), [HEADER, ROWS[0]])
        (done[0] / ROWS[0][0]).touch()
        raise OSError(39, "Directory not empty")

    monkeypatch.setattr(_esc50.os, "replace", replace_late)
    assert names(fetch_esc50(data_home=tmp_path, n_retries=0)) == [ROWS[0][0]]
    assert [path.name for path in tmp_path.iterdir()] == ["ESC-50-master"]


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"download_if_missing": False}, FileNotFoundError,
         "ESC-50 is not in {home!r}. Give the 'data_home' that holds this folder, or "
         "download_if_missing=True."),
        ({"subset": "esc11"}, ValueError, "The 'subset' parameter of fetch_esc50 must "
         "be one of [None, 'esc10']. Got 'esc11' instead."),
        ({"n_retries": -1}, ValueError, "The 'n_retries' parameter of fetch_esc50 must "
         "be an integer in [0, inf). Got -1 instead."),
        ({"data_home": 7}, ValueError, "The 'data_home' parameter must be the path of "
         "a folder, or None. Got 7 instead."),
    ],
)  # fmt: skip
def test_what_is_refused_before_any_download(
    server, tmp_path, settings, error, message
):
    message = message.replace("{home!r}", repr(str(tmp_path / "ESC-50-master")))
    with pytest.raises(error, match=whole(message)):
        fetch_esc50(**{"data_home": tmp_path} | settings)
    assert server.n_asked == 0


def test_data_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.delenv("SKLEARN_TRIPLET_DATA", raising=False)
    assert get_data_home() == str(tmp_path / "sklearn_triplet_data")
    monkeypatch.setenv("SKLEARN_TRIPLET_DATA", str(Path("~", "deep", "corpora")))
    assert get_data_home() == str(tmp_path / "deep" / "corpora")
    assert (tmp_path / "deep" / "corpora").is_dir()
    assert get_data_home(tmp_path / "given") == str(tmp_path / "given")
    assert get_data_home("~") == str(tmp_path)


def test_data_home_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    home = tmp_path / "file" / "corpora"
    message = (
        "The 'data_home' parameter must be a folder that is there or can be made. "
        f"{str(home)!r} cannot (Not a directory): give another path, or set "
        "SKLEARN_TRIPLET_DATA."
    )
    with pytest.raises(NotADirectoryError, match=whole(message)):
        get_data_home(home)
    message = (
        "The 'data_home' parameter must be a folder. There is a file at "
        f"{str(tmp_path / 'file')!r}: give another path, or set SKLEARN_TRIPLET_DATA."
    )
    with pytest.raises(FileExistsError, match=whole(message)):
        get_data_home(tmp_path / "file")
