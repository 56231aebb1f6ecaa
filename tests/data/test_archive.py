"""An archive comes from a server of the test's own: whole, in pieces that go on where the last broke off, or not."""

import hashlib
import io
import re
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import cifar
import pytest
import torchvision.datasets

from vit_lab.data.download import download
from vit_lab.data.errors import DatasetError
from vit_lab.data.pixels import load_pixels
from vit_lab.datasets import DATASETS, is_available

PART = ".cifar-10-python.tar.gz.part"
FILES = sorted(DATASETS["cifar-10"].download.files)


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """A made-up CIFAR-10 in an archive that also holds what nobody asked for."""
    folder, content = tmp_path_factory.mktemp("packed"), io.BytesIO()
    cifar.write(folder)
    with tarfile.open(fileobj=content, mode="w:gz", compresslevel=0) as archive:  # large, so that it comes in pieces
        archive.add(folder / cifar.FOLDER, cifar.FOLDER)
        for name in ("../outside", "/tmp/outside", f"{cifar.FOLDER}/readme.html"):
            archive.addfile(tarfile.TarInfo(name))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "../.."
        archive.addfile(link)
    return content.getvalue()


@pytest.fixture
def server(packed, monkeypatch):
    """A server of that archive, which torchvision's class names. `most` bytes an answer; `asked` are the ranges."""
    told = SimpleNamespace(content=packed, most=10**9, ranges=True, asked=[])

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            told.asked.append(self.headers["Range"])
            first = int(re.findall(r"\d+", self.headers["Range"])[0]) if told.ranges and self.headers["Range"] else 0
            if first >= len(told.content):
                self.send_error(416)
                return
            self.send_response(206 if first else 200)
            self.send_header("Content-Length", str(len(told.content) - first))
            self.end_headers()
            self.wfile.write(told.content[first : first + told.most])

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        serving = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        known = SimpleNamespace(
            url=f"http://127.0.0.1:{http.server_port}/cifar-10-python.tar.gz",
            filename="cifar-10-python.tar.gz",
            tgz_md5=hashlib.md5(packed).hexdigest(),
        )
        monkeypatch.setattr(torchvision.datasets, "CIFAR10", known)
        yield told
        http.shutdown()
        serving.join()


@pytest.fixture
def data(home, monkeypatch):
    monkeypatch.setattr("vit_lab.data.archive.PIECE", 50_000)
    return home / "data"


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def refusal():
    with pytest.raises(DatasetError) as caught:
        list(download("cifar-10"))
    sentence = str(caught.value)
    assert sentence.startswith("cifar-10 could not be downloaded (") and "\n" not in sentence
    assert "check the network and try again" in sentence and cifar.FOLDER in sentence
    return sentence


def test_torchvision_knows_the_archive():
    known = torchvision.datasets.CIFAR10
    assert known.url.startswith("https://") and known.filename.endswith(".tar.gz") and len(known.tgz_md5) == 32
    assert known.base_folder == DATASETS["cifar-10"].download.folder == cifar.FOLDER
    names = [name for name, _ in known.train_list + known.test_list] + [known.meta["filename"]]
    assert [f"{cifar.FOLDER}/{name}" for name in names] == list(DATASETS["cifar-10"].download.files)


def test_it_is_unpacked_in_place_and_nothing_else_is_left(data, server):
    progress = list(download("cifar-10"))
    assert (
        is_available("cifar-10") and files(data) == FILES and [path.name for path in data.iterdir()] == [cifar.FOLDER]
    )
    assert progress == sorted(progress) and progress[0] == 0 and len(progress) > 2
    assert progress[-1] == pytest.approx(len(server.content) / DATASETS["cifar-10"].download.bytes)
    assert list(download("cifar-10")) == [] and server.asked == [None], "it is not fetched again"


def test_what_is_unpacked_is_what_was_packed(data, server, monkeypatch, tmp_path):
    list(download("cifar-10"))
    cifar.write(tmp_path / "again")
    for file in FILES:
        assert (data / file).read_bytes() == (tmp_path / "again" / file).read_bytes()
    with pytest.raises(DatasetError, match=r"has 120 images where there should be 50,000"):
        load_pixels("cifar-10")


def test_a_download_that_breaks_off_goes_on_where_it_was(data, server):
    third = len(server.content) // 3 + 1
    server.most = third
    for times in (1, 2):
        kept = f"the first {times * third / 1e6:.1f} MB are kept"
        assert kept in refusal()
        assert files(data) == [PART] and not is_available("cifar-10")
        assert (data / PART).read_bytes() == server.content[: times * third]
    progress = list(download("cifar-10"))
    assert server.asked == [None, f"bytes={third}-", f"bytes={2 * third}-"]
    assert files(data) == FILES and progress[1] * DATASETS["cifar-10"].download.bytes > 2 * third


def test_a_person_who_leaves_halfway_comes_back_to_what_has_arrived(data, server):
    leaving = download("cifar-10")
    assert [next(leaving) for _ in range(3)][-1] > 0
    leaving.close()
    assert files(data) == [PART] and 0 < (data / PART).stat().st_size < len(server.content)
    list(download("cifar-10"))
    assert files(data) == FILES and server.asked[1].startswith("bytes=")


def test_a_server_that_only_has_the_whole_is_taken_at_its_word(data, server):
    server.most = len(server.content) // 2
    refusal()
    server.most, server.ranges = 10**9, False
    list(download("cifar-10"))
    assert files(data) == FILES and len(server.asked) == 2


def test_all_but_unpacked_is_only_unpacked(data, server):
    data.mkdir()
    (data / PART).write_bytes(server.content)
    list(download("cifar-10"))
    assert files(data) == FILES


@pytest.mark.parametrize("foreign", [b"<html>Please sign in</html>", b"x" * 3_000_000], ids=["short", "long"])
def test_what_is_not_that_archive_is_thrown_away(data, server, foreign):
    server.content, right = foreign, server.content
    assert "is not the archive that was asked for; nothing of it is kept" in refusal()
    assert files(data) == [] and not is_available("cifar-10")
    server.content = right
    list(download("cifar-10"))
    assert files(data) == FILES


def test_a_beginning_that_is_another_files_costs_one_more_try(data, server):
    data.mkdir()
    (data / PART).write_bytes(b"another" * 1_000)
    assert "nothing of it is kept" in refusal()
    list(download("cifar-10"))
    assert files(data) == FILES


def test_two_at_once_do_not_write_into_one_another(data, server):
    server.most = len(server.content) // 2
    refusal()
    server.most = 10**9
    one, other = download("cifar-10"), download("cifar-10")
    for some in (one, other, one, other):
        next(some)
    assert not (data / PART).exists(), "one of them has taken it"
    list(one), list(other)
    assert files(data) == FILES and len(set(server.asked)) == 2


def test_no_server_is_told_in_a_sentence_and_leaves_nothing(data, monkeypatch, server):
    torchvision.datasets.CIFAR10.url = "http://127.0.0.1:9/cifar-10-python.tar.gz"
    assert "Connection refused" in refusal()
    assert files(data) == []


def test_a_silent_server_is_given_up(data, server, monkeypatch):
    monkeypatch.setattr("vit_lab.data.archive.PATIENCE_SECONDS", 0.2)
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as mute:  # never serves, only listens
        torchvision.datasets.CIFAR10.url = f"http://127.0.0.1:{mute.server_port}/cifar-10-python.tar.gz"
        assert "timed out" in refusal()
    assert files(data) == []


def test_a_disk_without_room_keeps_what_has_arrived(data, server, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfileobj", full)
    with pytest.raises(DatasetError, match=r"cifar-10 cannot be stored in .*No space left on device"):
        list(download("cifar-10"))
    assert files(data) == [PART] and (data / PART).read_bytes() == server.content
