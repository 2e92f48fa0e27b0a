"""A second implementation of a store's reader, made from docs/format.md alone: it opens, lists, waits and sums.

It imports nothing of this project, and is here to show that the page is enough.
"""

import ctypes
import fcntl
import json
import mmap
import os
import select
import stat
import struct
import time
import uuid
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BUFFER, SCENE, SLOT, POOL = 1, 2, 3, 4
OPEN, EMPTY, SEALED = 0, 1, 2
PENDING = 2**64 - 1
GREATEST = 2**62
NAMES = uuid.UUID("6463636d-6370-5f73-686d-6e616d657331")
KINDS = {".shm": "published", ".shm.draft": "draft"}


class DamagedError(Exception):
    """A file that is not what the page says."""


class NewerVersionError(Exception):
    """A store or file of a version that this reader does not know."""


@dataclass(frozen=True)
class Header:
    """What a file says of itself, validated."""

    id: uuid.UUID
    role: int
    size: int
    capacity: int
    created: int
    sequence: int
    data_len: int
    state: int
    finished: int
    number: int
    metadata: dict[str, Any]
    payload: int
    mode: int

    @property
    def name(self) -> str | None:
        """The name that it was given. Whether it still has it, the link says."""
        return self.metadata.get("name")

    def is_finished(self) -> bool:
        """Whether its data can be read."""
        return self.role == BUFFER or (self.role == SCENE and self.state == SEALED and self.mode == 0o400)

    def place(self) -> tuple[int, int, bytes]:
        """Its place in a listing."""
        number = 0 if self.number == PENDING else self.number
        return -number, 0 if number else -(self.finished or self.created), self.id.bytes


def check_words(role: int, capacity: int, data_len: int, state: int) -> None:
    """What must hold between the words that change."""
    if data_len > capacity or state not in ((EMPTY, SEALED) if role == SCENE else (OPEN,)):
        raise DamagedError("its state does not go with its role")
    if state == SEALED and data_len != capacity:
        raise DamagedError("it is sealed and not full")


def parse(data: bytes, status: os.stat_result, name: uuid.UUID) -> Header:
    """The header of a file of this status, if all of it holds together."""
    if not stat.S_ISREG(status.st_mode) or data[:8] != b"\x89DSM\r\n\x1a\n" or len(data) < 4096:
        raise DamagedError("no file of a store")
    version, length = struct.unpack_from("<II", data, 8)
    if version != 1:
        raise NewerVersionError(version)
    capacity, created, _ttl, role = struct.unpack_from("<QQQI", data, 32)
    sequence, data_len, state, _generation, finished, number = struct.unpack_from("<QQQQQQ", data, 64)
    metadata_len, checksum = struct.unpack_from("<II", data, 128)
    if length % 4096 or not 4096 <= length <= 1 << 20 or length + capacity != status.st_size:
        raise DamagedError("its lengths do not go together")
    if 136 + metadata_len > length or len(data) < length:
        raise DamagedError("its metadata is longer than its header")
    metadata = data[136 : 136 + metadata_len]
    if zlib.crc32(metadata, zlib.crc32(data[128:132], zlib.crc32(data[:60]))) != checksum:
        raise DamagedError("its checksum does not match")
    if uuid.UUID(bytes=data[16:32]) != name or role not in (BUFFER, SCENE, SLOT, POOL):
        raise DamagedError("it is another file's header")
    check_words(role, capacity, data_len, state)
    if role == SLOT:
        number = 0
    elif GREATEST < number < PENDING:
        raise DamagedError("no number is as great")
    try:
        values = json.loads(metadata)
    except ValueError as error:
        raise DamagedError("its metadata is no JSON") from error
    return Header(
        id=name,
        role=role,
        size=values.get("size", 0) if role == SCENE else data_len,
        capacity=capacity,
        created=created,
        sequence=sequence,
        data_len=data_len,
        state=state,
        finished=finished if role == SCENE else 0,
        number=number,
        metadata=values,
        payload=length,
        mode=stat.S_IMODE(status.st_mode),
    )


@dataclass(frozen=True)
class Listing:
    """What is in a store: buffers and scenes, newest first, pools, and files that cannot be read."""

    buffers: list[Header]
    pools: list[Header]
    damaged: set[uuid.UUID]
    names: dict[str, uuid.UUID]

    def readable(self) -> list[Header]:
        """Those that can be read and have the name that they were given."""
        named = self.names.values()
        return [file for file in self.buffers if file.is_finished() and (file.name is None or file.id in named)]


@dataclass(frozen=True)
class Seen:
    """Up to where a store was seen."""

    count: int
    last: int
    to_come: frozenset[uuid.UUID]
    unnumbered: frozenset[uuid.UUID]


class Handle:
    """An open file, which collectors leave alone."""

    def __init__(self, fd: int, header: Header) -> None:
        """Keep what is open and locked."""
        self.fd, self.header = fd, header

    def data(self) -> memoryview:
        """The bytes of a sealed scene that is not compressed."""
        assert self.header.is_finished()
        assert self.header.role == SCENE
        assert "codec" not in self.header.metadata
        whole = mmap.mmap(self.fd, self.header.payload + self.header.capacity, prot=mmap.PROT_READ)
        return memoryview(whole)[self.header.payload :]

    def close(self) -> None:
        """Lets go. The time to live runs from here if nobody else is there."""
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
        else:
            if (now := boot_time()) is not None:
                os.utime(self.fd, ns=(now, now))
        os.close(self.fd)


def boot_time() -> int | None:
    """The host's clock, in nanoseconds, if it is known."""
    try:
        if Path("/proc/self/ns/time").stat().st_ino != 4026531834:
            return None
    except FileNotFoundError:
        if not Path("/proc/self/ns/pid").exists():
            return None
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class SecondReader:
    """A store, read by what the page says."""

    def __init__(self, path: Path) -> None:
        """Refuse a directory that others can enter, and a store of a newer version."""
        status = path.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
            raise PermissionError("others could tamper with it")
        self.path = path
        self.record()

    # Files

    def _open(self, name: str) -> int:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOATIME
        return os.open(self.path / name, flags)

    def _header(self, fd: int, name: uuid.UUID) -> Header:
        status = os.fstat(fd)
        data = os.pread(fd, 4096, 0)
        if len(data) == 4096 and (length := struct.unpack_from("<I", data, 12)[0]) <= 1 << 20:
            data = os.pread(fd, max(length, 4096), 0)
        return parse(data, status, name)

    def look(self, name: uuid.UUID) -> Header | None:
        """The header of a published file, or nothing if there is none."""
        try:
            fd = self._open(f"{name}.shm")
        except FileNotFoundError:
            return None
        try:
            return self._header(fd, name)
        finally:
            os.close(fd)

    def _draft_number(self, name: uuid.UUID) -> int:
        try:
            fd = self._open(f"{name}.shm.draft")
        except FileNotFoundError:
            return 0
        try:
            data = os.pread(fd, 112, 0)
        finally:
            os.close(fd)
        # It may be half made.
        if len(data) < 112 or data[:8] != b"\x89DSM\r\n\x1a\n" or struct.unpack_from("<I", data, 56)[0] == SLOT:
            return 0
        return int(struct.unpack_from("<Q", data, 104)[0])

    def open(self, reference: str | uuid.UUID) -> Handle:
        """Opens a file by its id or name, and holds it."""
        while True:
            name = self.holder(reference) if isinstance(reference, str) else reference
            if name is None:
                raise FileNotFoundError(reference)
            try:
                fd = self._open(f"{name}.shm")
            except FileNotFoundError:
                if isinstance(reference, str) and self.holder(reference) not in (name, None):
                    continue
                raise
            fcntl.flock(fd, fcntl.LOCK_SH)
            if os.fstat(fd).st_nlink:
                now = boot_time()
                os.utime(fd, ns=(0, now if now is not None else 1))
                return Handle(fd, self._header(fd, name))
            os.close(fd)

    # The record

    def record(self) -> tuple[int, int] | None:
        """Which count there is, and the last number that was taken, if the record says so."""
        try:
            fd = self._open(".store")
        except FileNotFoundError:
            return None
        try:
            status = os.fstat(fd)
            start = os.pread(fd, 12, 0)
            if not stat.S_ISREG(status.st_mode) or status.st_size < 4096 or start[:8] != b"\x89DSS\r\n\x1a\n":
                return None
            if (version := struct.unpack_from("<I", start, 8)[0]) > 2:
                raise NewerVersionError(version)
            with mmap.mmap(fd, 4096, prot=mmap.PROT_READ) as record, memoryview(record).cast("Q") as words:
                for _ in range(3):
                    confirmed, last, count = words[3], words[2], words[4]
                    if last < GREATEST and 0 <= last - confirmed <= 65536:
                        return (count, last) if last else None
            return None
        finally:
            os.close(fd)

    # Names

    def _linked(self, link: str) -> uuid.UUID | None:
        try:
            return uuid.UUID(str((self.path / link).readlink()))
        except (FileNotFoundError, ValueError):
            return None

    def holder(self, name: str) -> uuid.UUID | None:
        """The id that the link of a name says."""
        return self._linked(link_of(name))

    @contextmanager
    def _at_rest(self) -> Iterator[None]:
        try:
            fd = os.open(self.path / ".lock", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            yield
            return
        try:
            try_for(0.05, lambda: is_free(fd))
            try_for(0.05, lambda: is_shared(fd))
            yield
        finally:
            os.close(fd)

    # Listing

    def _entries(self) -> list[str]:
        return [entry.name for entry in self.path.iterdir()]

    def _files(self) -> Iterator[tuple[uuid.UUID, str]]:
        for name in self._entries():
            kind = KINDS.get(name[36:])
            if kind:
                yield uuid.UUID(name[:36]), kind

    def _read(self, name: uuid.UUID, files: dict[uuid.UUID, Header], damaged: set[uuid.UUID]) -> bool:
        try:
            header = self.look(name)
        except (DamagedError, NewerVersionError):
            damaged.add(name)
            return False
        if header is not None:
            files[name] = header
        return header is not None

    def _resolve(
        self, link: str, files: dict[uuid.UUID, Header], damaged: set[uuid.UUID]
    ) -> tuple[str, uuid.UUID] | None:
        before = None
        while (holder := self._linked(link)) is not None:
            if holder in files:
                name = files[holder].name
                return (name, holder) if name is not None and link_of(name) == link else None
            if not self._read(holder, files, damaged) and before == holder:
                return None
            before = holder
        return None

    def listing(self) -> Listing:
        """What is in the store."""
        with self._at_rest():
            entries = self._entries()
        files: dict[uuid.UUID, Header] = {}
        damaged: set[uuid.UUID] = set()
        for entry in entries:
            if entry[36:] == ".shm":
                self._read(uuid.UUID(entry[:36]), files, damaged)
        links = {entry for entry in entries if entry[36:] == ".name"}
        links.update(link_of(file.name) for file in files.values() if file.name is not None)
        names = dict(filter(None, (self._resolve(link, files, damaged) for link in links)))
        record = self.record()
        for file in list(files.values()):
            ahead = record is not None and file.number != PENDING and file.number > record[1]
            replaced = file.name is not None and names.get(file.name) != file.id
            if ahead:
                damaged.add(file.id)
            if ahead or (replaced and not (self.path / f"{file.id}.shm").exists()):
                del files[file.id]
        in_order = sorted(files.values(), key=Header.place)
        return Listing(
            [file for file in in_order if file.role in (BUFFER, SCENE)],
            [file for file in in_order if file.role == POOL],
            damaged,
            names,
        )

    # Waiting

    def see(self) -> tuple[Listing, Seen]:
        """What is in the store, and up to where it was seen."""
        count, last = self.record() or (0, 0)
        listing = self.listing()
        numbers = [file.number for file in listing.buffers + listing.pools if file.number != PENDING]
        last = max([last, *numbers])
        readable = {file.id for file in listing.readable()}
        to_come = set()
        for file in listing.buffers:
            if file.id not in readable:
                now = self.look(file.id)
                lacks_its_name = file.name is not None and listing.names.get(file.name) != file.id
                if now is not None and (lacks_its_name or now.number == PENDING or now.number != file.number):
                    to_come.add(file.id)
        listed = {file.id for file in listing.buffers + listing.pools}
        for _ in range(2):
            for name, kind in self._files():
                if kind == "draft" and self._draft_number(name):
                    to_come.add(name)
                elif kind == "published" and name not in listed:
                    try:
                        now = self.look(name)
                    except (DamagedError, NewerVersionError):
                        continue
                    if now is not None and (now.number == PENDING or 0 < now.number <= last):
                        to_come.add(name)
        unnumbered = {file.id for file in listing.readable() if file.number in (0, PENDING)}
        return listing, Seen(count, last, frozenset(to_come - readable), frozenset(unnumbered))

    def new(self, seen: Seen) -> tuple[list[Header], Seen]:
        """What can be read and was not seen, the latest first, and what has been seen now."""
        listing, now = self.see()
        lost = seen.last > 0 and (now.count != seen.count or now.last < seen.last)

        def is_new(file: Header) -> bool:
            if file.number in (0, PENDING):
                return file.id not in seen.unnumbered
            return lost or file.number > seen.last or file.id in seen.to_come

        return [file for file in listing.readable() if is_new(file)], now

    def wait(self, seen: Seen, timeout: float) -> tuple[list[Header], Seen]:
        """The same, once there is something or the time is up."""
        deadline = time.monotonic() + timeout
        with watched(self.path) as changed:
            while True:
                new, now = self.new(seen)
                left = deadline - time.monotonic()
                if new or left <= 0:
                    return new, now
                changed(left)

    # Accounts

    def used_bytes(self) -> int:
        """The lengths of all files, finished or not."""
        used = 0
        for name in self._entries():
            if ".shm" in name:
                try:
                    status = (self.path / name).lstat()
                except FileNotFoundError:
                    continue
                used += status.st_size if stat.S_ISREG(status.st_mode) else 0
        return used

    def quota(self) -> int | None:
        """The most that the store may hold."""
        try:
            return int((self.path / ".quota").read_text())
        except FileNotFoundError:
            return None


def link_of(name: str) -> str:
    """What the link of a name is called."""
    return f"{uuid.uuid5(NAMES, name)}.name"


def try_for(seconds: float, attempt: Callable[[], bool]) -> bool:
    """Tries again and again for some time."""
    deadline = time.monotonic() + seconds
    while not attempt():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.0005)
    return True


def is_free(lock: int) -> bool:
    """Whether nobody waits to have the store's lock alone."""
    asked = struct.pack("hhqqi4x", fcntl.F_RDLCK, os.SEEK_SET, 1, 1, 0)
    found = fcntl.fcntl(lock, getattr(fcntl, "F_OFD_GETLK", 36), asked)
    return bool(struct.unpack("hhqqi4x", found)[0] == fcntl.F_UNLCK)


def is_shared(lock: int) -> bool:
    """Whether the store's lock could be taken shared."""
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def watched(path: Path) -> Iterator[Callable[[float], None]]:
    """Gives a way to sleep until something happens in a directory, from now on."""
    libc = ctypes.CDLL(None, use_errno=True)
    attrib, close_write, moved_from, moved_to, create, delete = 0x4, 0x8, 0x40, 0x80, 0x100, 0x200
    fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    events = attrib | close_write | moved_from | moved_to | create | delete
    try:
        if fd < 0 or libc.inotify_add_watch(fd, os.fsencode(path), events) < 0:
            raise OSError(ctypes.get_errno(), "no watch")

        def changed(timeout: float) -> None:
            if select.select([fd], [], [], timeout)[0]:
                os.read(fd, 1 << 16)

        yield changed
    finally:
        os.close(fd)
