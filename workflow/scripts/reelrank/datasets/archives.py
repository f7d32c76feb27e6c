"""Zip archives, whole or split, unpacked as a stream into a folder that appears whole or not at all."""

import logging
import re
from pathlib import Path, PurePosixPath

from stream_inflate import StreamInflateError
from stream_unzip import MissingPasswordError, NotStreamUnzippable, PasswordError, UnzipError, stream_unzip

from reelrank.errors import InputError
from reelrank.files import atomic

#: Bytes read from a part at a time.
CHUNK_SIZE = 1 << 20

#: What an archive that was made by a splitting writer begins with, before its first member:
#: the first for several parts, the second where it fitted in one after all.
SPLIT_MARKERS = (b"PK\x07\x08", b"PK00")

#: Signature of the end of the central directory: 22 bytes, then a comment of up to 65,535 bytes.
END_SIGNATURE = b"PK\x05\x06"
END_SIZE = 22
LONGEST_TAIL = END_SIZE + 0xFFFF

#: Longest name of a file or a folder that common file systems take, in bytes.
LONGEST_NAME = 255


def extract(parts, folder, *, members=None, flatten=False, max_bytes=64 << 30, max_members=1_000_000, max_ratio=200.0):
    """Unpack a zip archive into `folder`, which appears only when every member is there and its CRC-32 is right.

    Entries of folders and what macOS adds are skipped. The limits count what comes out
    of the stream, members that are not wanted included, whatever the headers say.

    Parameters
    ----------
    parts : sequence of str or Path
        One path for an ordinary zip; ``.z01``, ``.z02``, ..., ``.zip``, in this order, for a split one.
    folder : str or Path
        Final folder; one that is there is replaced.
    members : collection of str or callable, optional
        The wanted files, by the name that they get in `folder`: all must be there. A callable
        takes such a name and returns whether it is wanted. Default: all files.
    flatten : bool, default False
        Drop the folders of the members' paths.
    max_bytes : int
        Limit of the unpacked bytes.
    max_members : int
        Limit of the number of members.
    max_ratio : float
        Limit of the unpacked bytes over the bytes of all parts.

    Returns
    -------
    list of str
        Names of the files in `folder`, sorted, with ``/`` between folders.

    Raises
    ------
    InputError
        If a part is missing, the archive is damaged or cut, a wanted member is missing, a
        member's path leads out of `folder` or comes twice, or a limit is passed. Nothing is kept.
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
        # A zip64 archive says 0xFFFF here; a writer without zip64 counts modulo 65,536.
        if n_members not in (0xFFFF, limits.members % 0x10000):
            raise InputError(f"{archive}: found {limits.members} members, but its directory lists {n_members}")
        _check_found(archive, required, written)
    logging.info("%s: unpacked %d files of %d bytes in all", archive, len(written), limits.unpacked)
    return sorted(written)


def check_parts(parts):
    """Raise `InputError` unless `parts` are the files of one archive, all there, complete and in order."""
    parts = [Path(part) for part in parts]
    if not parts:
        raise InputError("an archive needs at least one file; found none")
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
    """Return the number of members that the end of the archive states; 0xFFFF where it says no more.

    `stream_unzip` does not read the central directory, so it would take an archive that
    is cut there for a whole one.
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
        end = tail.rfind(END_SIGNATURE, 0, end)  # that one was part of the comment, or is cut
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
    """Counts members and unpacked bytes, and raises `InputError` beyond the limits."""

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
                # A member that is not wanted must still be read to its end to get at the next one.
                for chunk in chunks:
                    limits.count_bytes(len(chunk), name)
            where = f"what follows member {name!r}"
    except (UnzipError, StreamInflateError) as error:
        raise InputError(f"{archive}: {where}: {_explain(error)}") from error
    return written


def _explain(error):
    if isinstance(error, (PasswordError, MissingPasswordError)):
        return f"encrypted; expected a plain zip ({type(error).__name__})"
    if isinstance(error, NotStreamUnzippable):
        return "stored without its size, which cannot be read as a stream; unpack and pack it again"
    # Wrapped errors carry their cause's text rather than their own.
    detail = error.__cause__ or error
    return f"damaged, truncated or not a zip archive ({type(error).__name__}{f': {detail}' if str(detail) else ''})"


def _decode(raw_name):
    try:
        return raw_name.decode("utf-8")
    except UnicodeDecodeError:
        return raw_name.decode("cp437")  # what the format says names are in, unless flagged as UTF-8


def _safe_name(archive, name):
    """Return the relative path of member `name`, or an empty string if it is to be skipped.

    Links cannot come from an archive, since only regular files are ever written.
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
        stream = open(target, "xb")  # noqa: SIM115 - the members' errors are not to be taken for those of opening
    except (FileExistsError, NotADirectoryError):
        raise InputError(
            f"{archive}: member {name!r}: its name is there already, as a file or a folder; "
            "expected each name once (with flatten, each name without its folders)"
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
