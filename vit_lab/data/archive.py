"""A data set that comes in one archive: fetched piece by piece, so that what a broken download has brought is kept."""

import hashlib
import shutil
import tarfile
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from vit_lab.data.errors import DownloadError, reason
from vit_lab.datasets import Download
from vit_lab.paths import data_folder

PIECE = 2**18  # bytes that are read at a time
PATIENCE_SECONDS = 30.0  # that a server may be silent


def arrived(wanted: Download, folder: Path) -> Iterator[float]:
    """Fetch the archive that torchvision knows, unpack its files into `folder`, yielding the fraction that is there.

    What came before a download broke off waits in the data folder, under the archive's name with .part behind it.
    Only one download at a time goes on from there; others begin anew. Raises DownloadError, and OSError of the disk.
    """
    yield 0.0
    from torchvision import datasets  # takes a second to import, so only when something is fetched

    known = getattr(datasets, wanted.torchvision_class)
    kept, here = data_folder() / f".{known.filename}.part", folder / known.filename
    with suppress(FileNotFoundError):
        kept.replace(here)
    here.touch()
    try:
        with closing(_fetched(known.url, here)) as sizes:
            for size in sizes:
                yield min(size / wanted.bytes, 1.0)
        if _md5(here) != known.tgz_md5:
            here.unlink()
            raise DownloadError("what arrived is not the archive that was asked for; nothing of it is kept")
        with tarfile.open(here) as archive:
            for file in wanted.files:  # read by name and written where we say, wherever the archive would have them
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                content = archive.extractfile(file)
                assert content is not None, "the archive is the one that torchvision knows"
                with content, (folder / file).open("wb") as target:
                    shutil.copyfileobj(content, target)
        here.unlink()
    finally:
        if _size(here) > _size(kept):
            here.replace(kept)


def _fetched(url: str, here: Path) -> Generator[int]:
    """Bring a file to its end, yielding how many bytes of it are there. Raises DownloadError and OSError."""
    with here.open("r+b") as file:
        for place, piece in _pieces(url, here.stat().st_size):
            file.seek(place)
            file.write(piece)
            file.truncate()
            yield place + len(piece)


def _pieces(url: str, size: int) -> Iterator[tuple[int, bytes]]:
    """The pieces of a file after its first `size` bytes, or from 0 if the server cannot do that, each with its place.

    Raises DownloadError, also if the file ends before it should.
    """
    asked, place = Request(url, headers={"Range": f"bytes={size}-"} if size else {}), size
    try:
        with urlopen(asked, timeout=PATIENCE_SECONDS) as response:
            place = size if response.status == HTTPStatus.PARTIAL_CONTENT else 0
            end = place + int(response.headers.get("Content-Length", 0))
            while piece := response.read(PIECE):
                yield place, piece
                place += len(piece)
        if place < end:
            raise HTTPException("the connection was closed")
    except (OSError, HTTPException) as error:
        if isinstance(error, HTTPError) and error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # all of it is here
        kept = f"; the first {place / 1e6:,.1f} MB are kept" if place else ""
        raise DownloadError(reason(error) + kept) from error


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _md5(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
