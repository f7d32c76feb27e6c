"""Zip archives made for tests, whole or cut into parts."""

import io
import zipfile
from pathlib import Path

import pytest

from reelrank.datasets.archives import extract
from reelrank.errors import InputError

FILES = {
    "covers/1.jpg": b"first" * 100,
    "covers/2.jpg": bytes(range(256)) * 20,
    "covers/more/3.jpg": b"",
    "titre été 🎬.txt": b"text",
}


class Pipe(io.BytesIO):
    """A file that cannot be gone back in: sizes come after the members, not before."""

    def seekable(self):
        return False

    def tell(self):
        raise OSError


def pack(members, compression=zipfile.ZIP_DEFLATED, comment=b"", buffer=None):
    """Return a zip of `members`, a mapping or pairs of name (or ZipInfo) and content."""
    buffer = io.BytesIO() if buffer is None else buffer
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members.items() if isinstance(members, dict) else members:
            archive.writestr(name, content)
        archive.comment = comment
    return buffer.getvalue()


def split(data, folder, n, name="frames"):
    """Write `data` as `n` parts, as a splitting writer would, and return their paths in order."""
    folder.mkdir(parents=True, exist_ok=True)
    if n > 1:
        data = b"PK\x07\x08" + data
    names = [f"{name}.z{i:02d}" for i in range(1, n)] + [f"{name}.zip"]
    bounds = [len(data) * i // n for i in range(n + 1)]
    for part, begin, end in zip(names, bounds, bounds[1:], strict=False):
        (folder / part).write_bytes(data[begin:end])
    return [folder / part for part in names]


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in Path(folder).rglob("*") if p.is_file()}


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out" / "frames"


def fail(parts, out, match, **options):
    """The archive is refused by name and nothing is kept."""
    with pytest.raises(InputError, match=match) as caught:
        extract(parts, out, **options)
    assert str(parts[-1]) in str(caught.value)
    assert not out.parent.exists() or list(out.parent.iterdir()) == []
    return str(caught.value)
