"""What whoever copies the disk could read: in which files a word stands."""

import base64
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

_PIECE = 4 << 20
# Nothing there is written by a program of the product.
_PASSED_OVER = {".git", ".venv", "node_modules"}


def forms(word: str) -> list[bytes]:
    """A word of ASCII as it may stand in a file: plain, as UTF-16, within hex or base64 text."""
    plain = word.encode("ascii")
    found = [plain, word.encode("utf-16-le"), plain.hex().encode(), plain.hex().upper().encode()]
    for before in range(3):
        # Only characters that do not depend on what stands before and after (RFC 4648 section 4).
        first, end = (before * 8 + 5) // 6, (before + len(plain)) * 8 // 6
        padded = b"\0" * before + plain
        found += [base64.b64encode(padded)[first:end], base64.urlsafe_b64encode(padded)[first:end]]
    return list(dict.fromkeys(found))


def holds(content: bytes, word: str) -> bool:
    return any(form in content for form in forms(word))


def files_with(word: str, folders: Iterable[Path], *, since: float) -> set[Path]:
    """The files below the folders, written `since` then (Unix time), that hold the word."""
    wanted = forms(word)
    paths = {path for folder in folders for path in _files(folder, since)}
    return {path for path in paths if _is_in(path, wanted)}


def _files(folder: Path, since: float) -> Iterator[Path]:
    for parent, below, names in os.walk(folder):
        below[:] = [name for name in below if name not in _PASSED_OVER]
        for name in names:
            path = Path(parent, name)
            try:
                if not path.is_symlink() and path.is_file() and path.stat().st_mtime >= since:
                    yield path
            except OSError:
                # Gone meanwhile.
                continue


def _is_in(path: Path, wanted: list[bytes]) -> bool:
    overlap = max(map(len, wanted))
    held = os.fsencode(path)
    try:
        with path.open("rb") as file:
            while not any(form in held for form in wanted):
                piece = file.read(_PIECE)
                if not piece:
                    return False
                held = held[-overlap:] + piece
    except (FileNotFoundError, PermissionError):
        # Gone, or of another account, whose programs are none of ours.
        return False
    return True
