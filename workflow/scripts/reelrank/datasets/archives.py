"""Unpacks zip archives, single or split, as a stream into a folder that appears complete or not at all."""

import logging
import re
from pathlib import Path, PurePosixPath

from stream_inflate import StreamInflateError
from stream_unzip import MissingPasswordError, NotStreamUnzippable, PasswordError, UnzipError, stream_unzip

from reelrank.errors import InputError
from reelrank.files import atomic

#: Bytes read from a part at a time.
CHUNK_SIZE = 1 << 20

#: First bytes of an archive from a splitting writer: the first marker for several parts, the
#: second if one part was enough.
SPLIT_MARKERS = (b"PK\x07\x08", b"PK00")

#: Signature of the end of the central directory: 22 bytes, then a comment of up to 65,535 bytes.
END_SIGNATURE = b"PK\x05\x06"
END_SIZE = 22
LONGEST_TAIL = END_SIZE + 0xFFFF

#: Longest name of a file or folder on common file systems, in bytes.
LONGEST_NAME = 255


def extract(parts, folder, *, members=None, flatten=False, max_bytes=64 << 30, max_members=1_000_000, max_ratio=200.0):
    """Unpack a zip archive into `folder`, which appears only if every member is complete and has the right CRC-32.

    Folder entries and the extra files of macOS are skipped. The limits count the unpacked stream, including
    unwanted members; they do not trust the headers.

    Parameters
    ----------
    parts : sequence of str or Path
        One path for an ordinary zip; ``.z01``, ``.z02``, ..., ``.zip``, in this order, for a split one.
    folder : str or Path
        Final folder; an existing one is replaced.
    members : collection of str or callable, optional
        The wanted files, by their names in `folder`; all must be in the archive. A callable
        takes such a name and returns whether the file is wanted. Default: all files.
    flatten : bool, default False
        Drop the folders of the members' paths.
    max_bytes : int
        Maximum of the unpacked bytes.
    max_members : int
        Maximum number of members.
    max_ratio : float
        Maximum of the unpacked bytes divided by the bytes of all parts.

    Returns
    -------
    list of str
        Names of the files in `folder`, sorted, with ``/`` between folders.

    Raises
    ------
    InputError
        If a part or a wanted member is missing, the archive is damaged or truncated, a member's path
        leads out of `folder` or is repeated, or a limit is exceeded. No file is kept.
    """
    parts = [Path(part) for part in parts]
    check_parts(parts)
    n_members = _stated_members(parts)
    archive = parts[-1]
    packed = sum(part.stat().st_size for part in parts)
    limits = _Limits(archive, packed, max_bytes, max_members, max_ratio)
    required = frozenset() if members is None or callable(members) else frozenset(members)
    wanted = members if members is None or callable(members) else required.__contains__
    with atomic(folder) as temporary:
        temporary.mkdir()
        written = _unpack(archive, _read(parts), temporary, wanted, flatten, limits)
        # A zip64 archive has 0xFFFF here; a writer without zip64 counts modulo 65,536.
        if n_members not in (0xFFFF, limits.members % 0x10000):
            raise InputError(f"{archive}: found {limits.members} members; expected {n_members}, as in its directory")
        _check_found(archive, required, written)
    logging.info("%s: unpacked %d files, %d bytes in total", archive, len(written), limits.unpacked)
    return sorted(written)


def check_parts(parts):
    """Raise `InputError` unless `parts` are all files of one archive, in order."""
    parts = [Path(part) for part in parts]
    if not parts:
        raise InputError("found no file of an archive; expected at least one")
    if len(parts) > 1:
        stem = parts[-1].stem
        names = [f"{stem}.z{number:02d}" for number in range(1, len(parts))] + [f"{stem}.zip"]
        for part, expected in zip(parts, names, strict=True):
            if part.name.lower() != expected.lower():
                raise InputError(f"{parts[-1]}: {expected} of the split archive is missing; found {part.name} instead")
    missing = [str(part) for part in parts if not part.is_file()]
    if missing:
        raise InputError(f"{parts[-1]}: the archive needs {len(parts)} files; missing: {', '.join(missing)}")


def _stated_members(parts):
    """Return the number of members stated at the end of the archive; 0xFFFF for zip64.

    `stream_unzip` does not read the central directory, so it would accept an archive that
    is truncated there.
    """
    tail = b""
    for part in reversed(parts):  # the last part may be tiny
        with open(part, "rb") as stream:
            stream.seek(max(0, part.stat().st_size - LONGEST_TAIL + len(tail)))
            tail = stream.read() + tail
        if len(tail) >= LONGEST_TAIL:
            break
    end = tail.rfind(END_SIGNATURE)
    while end >= 0:
        record = tail[end : end + END_SIZE]
        if end + END_SIZE + int.from_bytes(record[20:22], "little") <= len(tail):
            return int.from_bytes(record[10:12], "little")
        end = tail.rfind(END_SIGNATURE, 0, end)  # this signature was part of the comment, or its record is truncated
    raise InputError(f"{parts[-1]}: truncated, or not a zip archive: the end of the central directory is missing")


def _read(parts):
    """Yield the bytes of `parts` as one stream, without the marker of a split archive."""
    for number, part in enumerate(parts):
        with open(part, "rb") as stream:
            if number == 0 and stream.read(4) not in SPLIT_MARKERS:
                stream.seek(0)
            while chunk := stream.read(CHUNK_SIZE):
                yield chunk


class _Limits:
    """Counts members and unpacked bytes; raises `InputError` if a limit is exceeded."""

    def __init__(self, archive, packed, max_bytes, max_members, max_ratio):
        self.archive, self.packed = archive, packed
        self.max_bytes, self.max_members, self.max_ratio = max_bytes, max_members, max_ratio
        self.members = self.unpacked = 0

    def count_member(self):
        """Count one more member."""
        self.members += 1
        if self.members > self.max_members:
            raise InputError(f"{self.archive}: more than {self.max_members} members; refused as a possible zip bomb")

    def count_bytes(self, number, name):
        """Count unpacked bytes of the member `name`."""
        self.unpacked += number
        for limit, kind in ((self.max_bytes, "the limit"), (self.max_ratio * self.packed, "its packed size allows")):
            if self.unpacked > limit:
                raise InputError(
                    f"{self.archive}: member {name!r}: more than {limit:.0f} unpacked bytes ({kind}); "
                    "refused as a possible zip bomb"
                )


def _unpack(archive, stream, folder, wanted, flatten, limits):
    """Write the wanted members into `folder` and return the set of their names."""
    written = set()
    where = "the first member"
    try:
        for raw_name, _, chunks in stream_unzip(stream, chunk_size=CHUNK_SIZE):
            name = _decode(raw_name)
            where = f"member {name!r}"
            limits.count_member()
            target = _safe_name(archive, name)
            if target and flatten:
                target = PurePosixPath(target).name
            if target and (wanted is None or wanted(target)):
                _write(archive, name, folder / target, chunks, limits)
                written.add(target)
            else:
                # An unwanted member must be read to its end before the next one.
                for chunk in chunks:
                    limits.count_bytes(len(chunk), name)
            where = f"after member {name!r}"
    except (UnzipError, StreamInflateError) as error:
        raise InputError(f"{archive}: {where}: {_explain(error)}") from error
    return written


def _explain(error):
    if isinstance(error, (PasswordError, MissingPasswordError)):
        return f"encrypted; expected a plain zip ({type(error).__name__})"
    if isinstance(error, NotStreamUnzippable):
        return "stored without its size, so it cannot be read as a stream; unpack the archive and pack it again"
    # Wrapped errors have no text of their own, but their cause has.
    detail = error.__cause__ or error
    return f"damaged, truncated or not a zip archive ({type(error).__name__}{f': {detail}' if str(detail) else ''})"


def _decode(raw_name):
    try:
        return raw_name.decode("utf-8")
    except UnicodeDecodeError:
        return raw_name.decode("cp437")  # the zip format's default encoding of names


def _safe_name(archive, name):
    """Return the relative path of member `name`, or an empty string if it must be skipped.

    Links need no check, since only regular files are written.
    """
    path = PurePosixPath(name)
    pieces = path.parts
    reason = None
    if not pieces and not name.endswith("/"):
        reason = "an empty path"
    elif path.is_absolute() or re.match(r"[A-Za-z]:", name):
        reason = "an absolute path"
    elif ".." in pieces:
        reason = "a path that leads out of the folder"
    elif "\\" in name or any(ord(character) < 32 or ord(character) == 127 for character in name):
        reason = "a backslash or a control character in its path"
    elif any(len(piece.encode()) > LONGEST_NAME for piece in pieces):
        reason = f"a name longer than {LONGEST_NAME} bytes"
    if reason:
        raise InputError(f"{archive}: member {name!r} has {reason}; expected a relative path, refused as unsafe")
    if name.endswith("/") or "__MACOSX" in pieces or path.name == ".DS_Store":
        return ""
    return str(path)


def _write(archive, name, target, chunks, limits):
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        stream = open(target, "xb")  # noqa: SIM115 - errors of reading members must not look like errors of opening
    except (FileExistsError, NotADirectoryError):
        raise InputError(
            f"{archive}: member {name!r}: the name already exists as a file or folder; "
            "expected each name once (with flatten, without its folders)"
        ) from None
    with stream:
        for chunk in chunks:
            limits.count_bytes(len(chunk), name)
            stream.write(chunk)


def _check_found(archive, required, written):
    missing = sorted(required - written)
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise InputError(
            f"{archive}: {len(missing)} of {len(required)} wanted files are not in the archive: "
            f"{', '.join(missing[:5])}{more}"
        )
