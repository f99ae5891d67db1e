"""The release file: an immutable snapshot of strategies, named by its hash, usable with no database.

Layout (docs/release.md)::

    preceptor-release 1 <SHA-256 of the manifest line>\\n
    <manifest: canonical JSON on one line>\\n
    <sections, each padded to 64 bytes>

The manifest names every section with its place, length and SHA-256, so the hash on the first line covers every
byte of the file: one that was cut short or altered is refused. That hash is the release's digest, its first 16
digits name the release and the file.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from preceptor.core.decode import decode
from preceptor.core.errors import InputError
from preceptor.core.ids import canonical_json
from preceptor.core.records import Status, Strategy
from preceptor.library.index import IndexSettings

FORMAT = 1
SUFFIX = ".preceptor"
ALIGNMENT = 64
_TYPES = frozenset(("<f2", "<f4", "<f8", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8", "|b1"))
_MAGIC = re.compile(rb"preceptor-release ([0-9]{1,6}) ([0-9a-f]{64})")
_FILE = re.compile(r"release-([0-9a-f]{16})")
_APPROVED = b'{"status":"approved",'
"""How the line of an approved strategy begins, in canonical JSON."""
_AGAIN = "make it again with: preceptor release create (or fetch it again from where it came)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """One strategy as it was when the release was made."""

    strategy: Strategy
    version: int
    status: Status
    """``approved``; in a trial release also ``proposed``."""
    withheld_from: tuple[str, ...] = ()
    """Seat strings of students that it was measured to harm: they do not get it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One run of bytes behind the manifest: UTF-8 text, or an array."""

    name: str
    dtype: str
    """``text``, or a little-endian numpy type such as ``<f4``."""
    shape: tuple[int, ...]
    """For text: the number of lines."""
    start: int
    """Bytes from the first section's first byte."""
    length: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedderMark:
    """With what the embeddings were made, and how to tell another embedder: what it makes of a probe."""

    name: str
    probe: str
    vector: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a release says of itself."""

    format: int
    trial: bool
    """True: holds strategies that no person has approved. Can never be published."""
    strategies: int
    scenarios: int
    coach: Mapping[str, Any]
    """Limits on advice that the release was made with, as in ``[coach]`` of ``preceptor.toml``."""
    template: str
    """Body of the ``advice`` prompt."""
    retrieval: IndexSettings
    algorithm: str
    """Fingerprint of the code that built the index: another one builds it again from the text."""
    scalars: Mapping[str, float] = field(default_factory=dict[str, float])
    """Numbers of the built index that are no arrays."""
    embedder: EmbedderMark | None = None
    sections: tuple[Section, ...] = ()


class Release:
    """A release in memory, checked byte for byte. Safe to share between threads."""

    def __init__(self, digest: str, manifest: Manifest, body: memoryview) -> None:
        self.digest = digest
        """SHA-256 of the manifest, 64 hex digits."""
        self.manifest = manifest
        self._body = body
        self._sections = {section.name: section for section in manifest.sections}

    @property
    def id(self) -> str:
        """``release-`` and 16 hex digits: the name for people and files."""
        return release_id(self.digest)

    @property
    def trial(self) -> bool:
        """True: holds what no person approved."""
        return self.manifest.trial

    @property
    def arrays(self) -> tuple[str, ...]:
        """Names of all sections."""
        return tuple(self._sections)

    def array(self, name: str) -> NDArray[Any]:
        """An array section, read-only, without a copy. KeyError where there is none."""
        section = self._sections[name]
        flat = np.frombuffer(self._bytes(section), dtype=np.dtype(section.dtype))
        return flat.reshape(section.shape)

    def lines(self, name: str) -> list[str]:
        """The lines of a text section."""
        text = str(self._bytes(self._sections[name]), "utf-8")
        return text.split("\n")[:-1]

    def strategies(self) -> ReleasedStrategies:
        """All strategies in order of id, each decoded when it is first asked for."""
        section = self._sections["strategies"]
        return ReleasedStrategies(self._bytes(section), self.array("strategies.ends"))

    def states(self) -> dict[str, str]:
        """Scenario id to the state text that strategies are found by."""
        return dict(json.loads(line) for line in self.lines("scenarios"))

    def _bytes(self, section: Section) -> memoryview:
        return self._body[section.start : section.start + section.length]


class ReleasedStrategies(Sequence[Strategy]):
    """The strategies of a release, decoded one by one: a large release loads fast, and what is used stays."""

    def __init__(self, text: memoryview, ends: NDArray[np.int64]) -> None:
        self._text = text
        self._ends = ends
        self._found: list[Released | None] = [None] * len(ends)

    def __len__(self) -> int:
        return len(self._found)

    @overload
    def __getitem__(self, index: int) -> Strategy: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Strategy, ...]: ...
    def __getitem__(self, index: int | slice) -> Strategy | tuple[Strategy, ...]:
        if isinstance(index, slice):
            return tuple(self[n] for n in range(*index.indices(len(self))))
        return self.released(index).strategy

    def released(self, index: int) -> Released:
        """The strategy with its version and status. IndexError beyond the end."""
        found = self._found[index]
        if found is None:
            index = index % len(self._found)
            start = int(self._ends[index - 1]) if index else 0
            line = bytes(self._text[start : int(self._ends[index])])
            found = self._found[index] = decode(Released, json.loads(line))
        return found

    def all(self) -> Iterator[Released]:
        """Every one, in order of id."""
        return map(self.released, range(len(self)))


def release_id(digest: str) -> str:
    """The short name that goes with a digest."""
    return f"release-{digest[:16]}"


def file_name(digest: str) -> str:
    """The name of a release's file."""
    return f"{release_id(digest)}{SUFFIX}"


def read_release(path: str | Path, *, digest: str = "") -> Release:
    """The release in a file, every byte checked.

    Args:
        digest: which release it must be; empty: the one that its file name tells, if it tells one.

    Raises:
        InputError: no such file; not a release; written by a newer preceptor; cut short, altered, or another
            release than wanted.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"there is no release file {path}", hint="see: preceptor release list") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}", hint="make it readable") from error
    release = parse_release(data, str(path))
    named = _FILE.match(path.name)
    if digest and release.digest != digest:
        raise InputError(f"{path} holds {release.id}, not {release_id(digest)}", hint=_AGAIN)
    if named and not release.digest.startswith(named[1]):
        raise InputError(f"{path} holds {release.id}: it was altered or renamed", hint=_AGAIN)
    return release


def parse_release(data: bytes, name: str) -> Release:
    """The release in ``data``; ``name`` is for messages. InputError as in :func:`read_release`."""
    first, _, rest = data[:200].partition(b"\n")
    magic = _MAGIC.fullmatch(first)
    if magic is None or not rest:
        raise InputError(f"{name} is not a release file, or it was cut short", hint=_AGAIN)
    if int(magic[1]) != FORMAT:
        raise InputError(
            f"{name} has release format {int(magic[1])}, this preceptor reads {FORMAT}",
            hint="upgrade preceptor, or make the release again",
        )
    digest = magic[2].decode()
    start = len(first) + 1
    end = data.find(b"\n", start)
    if end < 0:
        raise InputError(f"{name} was cut short in its manifest", hint=_AGAIN)
    line = data[start:end]
    if hashlib.sha256(line).hexdigest() != digest:
        raise InputError(f"{name} was altered: its manifest does not fit its hash", hint=_AGAIN)
    try:
        manifest = decode(Manifest, json.loads(line))
    except (ValueError, RecursionError, InputError) as error:
        raise InputError(f"{name} has a manifest that cannot be used ({error})", hint=_AGAIN) from error
    body = memoryview(data)[_aligned(end + 1) :]
    _check_sections(manifest, body, data[end + 1 : _aligned(end + 1)], name)
    _check_statuses(manifest, body, name)
    return Release(digest, manifest, body)


def write_release(folder: Path, data: bytes) -> Path:
    """Stores packed bytes under their name in ``folder``, all or nothing; an equal file stays as it is.

    Raises:
        InputError: the bytes are no release, or cannot be written.
    """
    path = folder / file_name(parse_release(data, "the new release").digest)
    try:
        if path.is_file() and path.read_bytes() == data:
            return path
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(path, data)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror or error}",
            hint="make room or change the folder's permissions",
        ) from error
    return path


def write_atomic(path: Path, data: bytes) -> None:
    """Replaces a file so that a reader, or a loss of power, meets the old bytes or the new ones. OSError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def pack(manifest: Manifest, sections: Mapping[str, str | NDArray[Any]]) -> bytes:
    """The bytes of a release file. ``manifest.sections`` is made from ``sections`` (text ends in a newline)."""
    told: list[Section] = []
    parts: list[bytes] = []
    start = 0
    for name, value in sections.items():
        raw, dtype, shape = _raw(value)
        told.append(
            Section(
                name=name,
                dtype=dtype,
                shape=shape,
                start=start,
                length=len(raw),
                sha256=hashlib.sha256(raw).hexdigest(),
            )
        )
        padded = _aligned(len(raw))
        parts.append(raw + bytes(padded - len(raw)))
        start += padded
    line = canonical_text(replace(manifest, sections=tuple(told))).encode()
    head = f"preceptor-release {FORMAT} {hashlib.sha256(line).hexdigest()}\n".encode() + line + b"\n"
    return b"".join([head, bytes(_aligned(len(head)) - len(head)), *parts])


def canonical_text(value: Any) -> str:
    """Canonical JSON as valid UTF-8: lone surrogates become JSON escapes."""
    return canonical_json(value).encode("utf-8", "backslashreplace").decode("utf-8")


def _raw(value: str | NDArray[Any]) -> tuple[bytes, str, tuple[int, ...]]:
    if isinstance(value, str):
        return value.encode(), "text", (value.count("\n"),)
    little = value.dtype.newbyteorder("<")
    return np.ascontiguousarray(value, dtype=little).tobytes(), little.str, value.shape


def _aligned(length: int) -> int:
    return -(-length // ALIGNMENT) * ALIGNMENT


def _check_statuses(manifest: Manifest, body: memoryview, name: str) -> None:
    """Only a trial holds what is not approved, and says so itself: no pointer and no setting makes it another."""
    section = next((s for s in manifest.sections if s.name == "strategies"), None)
    if manifest.trial or section is None:
        return
    text = bytes(body[section.start : section.start + section.length])
    if any(not line.startswith(_APPROVED) for line in text.splitlines()):
        raise InputError(f"{name} holds what was not approved, and is not marked as a trial", hint=_AGAIN)


def _check_sections(manifest: Manifest, body: memoryview, padding: bytes, name: str) -> None:
    end = 0
    loose = padding.strip(b"\0") != b""
    for section in manifest.sections:
        stop = section.start + section.length
        if section.start != end or section.length < 0:
            raise InputError(f"{name} has sections that do not follow each other", hint=_AGAIN)
        end = _aligned(stop)
        if len(body) < end:
            raise InputError(f"{name} was cut short: section '{section.name}' is not whole", hint=_AGAIN)
        part = body[section.start : stop]
        if hashlib.sha256(part).hexdigest() != section.sha256:
            raise InputError(f"{name} was altered: section '{section.name}' does not fit its hash", hint=_AGAIN)
        loose |= any(body[stop:end])
        _check_shape(section, name)
    if loose or len(body) != end:
        raise InputError(f"{name} was altered: it holds bytes that its manifest does not name", hint=_AGAIN)
    missing = {"strategies", "strategies.ends", "scenarios"} - {section.name for section in manifest.sections}
    if missing:
        raise InputError(f"{name} has no section '{min(missing)}'", hint=_AGAIN)


def _check_shape(section: Section, name: str) -> None:
    if section.dtype == "text":
        return
    if section.dtype not in _TYPES:
        raise InputError(f"{name}: section '{section.name}' has the unknown type {section.dtype}", hint=_AGAIN)
    if (
        min(section.shape, default=0) < 0
        or int(np.prod(section.shape, dtype=np.int64)) * np.dtype(section.dtype).itemsize != section.length
    ):
        raise InputError(f"{name}: section '{section.name}' has not the size of its shape", hint=_AGAIN)
