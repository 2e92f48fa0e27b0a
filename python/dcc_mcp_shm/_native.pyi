from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from types import EllipsisType, TracebackType
from typing import Any, ClassVar, Literal, Self, TypeAlias, TypedDict, final, type_check_only

from numpy.typing import ArrayLike, DTypeLike, NDArray
from typing_extensions import Buffer

__all__ = [
    "ArrayView",
    "BufferEdit",
    "BufferPool",
    "Busy",
    "CapacityExceeded",
    "Compressed",
    "Damaged",
    "Exhausted",
    "Forked",
    "Interrupted",
    "InvalidArgument",
    "InvalidDescriptor",
    "NameTaken",
    "NoSuchArray",
    "NotFound",
    "NotSealed",
    "OutOfMemory",
    "SceneDataKind",
    "SceneWriter",
    "Sealed",
    "SharedBuffer",
    "SharedSceneBuffer",
    "ShmError",
    "Stale",
    "StillWritable",
    "Store",
    "StoreFull",
    "SystemFailure",
    "TooManyOpenFiles",
    "UnsafeStore",
    "UnsupportedVersion",
    "WrongRole",
    "__version__",
    "gc",
]

__version__: str

# What has the buffer protocol. NumPy's stubs do not say so of arrays before Python 3.12.
_Bytes: TypeAlias = Buffer | NDArray[Any]
_Shape: TypeAlias = int | Sequence[int]
_Domain: TypeAlias = Literal["point", "corner", "face", "edge", "instance", "frame", "constant"]
_Layout: TypeAlias = Mapping[str, tuple[DTypeLike, _Shape] | tuple[DTypeLike, _Shape, _Domain]]
# Inside of Store, `list` is its method.
_Descriptors: TypeAlias = list[_Descriptor]
_Pools: TypeAlias = list[_PoolStatus]
_Pending: TypeAlias = list[_PendingFile]
# Of an ArrayView: a flat index, or what NumPy takes for parts.
_Index: TypeAlias = int | slice | EllipsisType | tuple[int | slice | EllipsisType, ...]
# Its class cannot be imported.
_Rows: TypeAlias = Sequence[Any]
# An id, a name, or a descriptor as JSON or as a dict.
_Reference: TypeAlias = str | _Descriptor | dict[str, Any]

@type_check_only
class _ArrayDescriptor(TypedDict, total=False):
    dtype: str
    shape: list[int]
    domain: _Domain
    offset: int

@type_check_only
class _Descriptor(TypedDict, total=False):
    version: int
    id: str
    name: str
    path: str
    role: Literal["buffer", "scene", "slot", "pool"]
    data_offset: int
    size_bytes: int
    stored_bytes: int
    capacity: int
    kind: Literal["Geometry", "AnimationCache", "Screenshot", "Arbitrary"]
    source_dcc: str
    group: str
    attrs: dict[str, Any]
    state: Literal["open", "empty", "filling", "sealed"]
    use_compression: bool
    generation: int
    created_at: str
    ttl_seconds: float
    expires: str
    arrays: dict[str, _ArrayDescriptor]

@type_check_only
class _LockHolder(TypedDict):
    pid: int
    program: str | None
    stopped: bool

@type_check_only
class _SlotHolder(TypedDict):
    pid: int
    program: str
    since: str

@type_check_only
class _SlotStatus(TypedDict):
    id: str
    generation: int
    data_len: int
    in_use: bool
    holder: _SlotHolder | None

@type_check_only
class _PoolStatus(TypedDict):
    id: str
    name: str | None
    buffer_size: int
    persistent: bool
    created_at: str
    slots: list[_SlotStatus]

@type_check_only
class _Deletion(TypedDict):
    id: str
    name: str | None
    freed_bytes: int
    pending_bytes: int
    held_by: str
    holders: list[_LockHolder]

@type_check_only
class _PendingFile(TypedDict):
    id: str
    name: str | None
    bytes: int
    held_by: str
    holders: list[_LockHolder]

@type_check_only
class _GcEntry(TypedDict):
    id: str
    bytes: int
    reason: str

@type_check_only
class _GcReport(TypedDict):
    removed: list[_GcEntry]
    kept: list[_GcEntry]
    freed_bytes: int

class ShmError(RuntimeError): ...
class NotFound(ShmError): ...

class Stale(ShmError):
    expected: int
    found: int

class NameTaken(ShmError):
    holder: str

class InvalidArgument(ShmError):
    argument: str

class CapacityExceeded(ShmError):
    needed: int
    capacity: int

class StoreFull(ShmError):
    requested: int
    available: int
    reclaimable: int
    limit: str

class Busy(ShmError):
    holder: _LockHolder | None

class Exhausted(ShmError):
    slots: int
    holders: list[_SlotHolder]
    waited: float

class NotSealed(ShmError):
    state: str

class OutOfMemory(ShmError):
    requested: int | None

class Sealed(ShmError): ...
class StillWritable(ShmError): ...
class Forked(ShmError): ...
class Interrupted(ShmError): ...
class Damaged(ShmError): ...

class UnsupportedVersion(ShmError):
    found: int
    known: int

class InvalidDescriptor(ShmError): ...

class WrongRole(ShmError):
    expected: str
    found: str

class NoSuchArray(ShmError):
    available: list[str]

class Compressed(ShmError): ...
class UnsafeStore(ShmError): ...
class TooManyOpenFiles(ShmError): ...

class SystemFailure(ShmError):
    errno: int | None

@final
class SceneDataKind:
    Geometry: ClassVar[SceneDataKind]
    AnimationCache: ClassVar[SceneDataKind]
    Screenshot: ClassVar[SceneDataKind]
    Arbitrary: ClassVar[SceneDataKind]
    def __int__(self) -> int: ...
    def __hash__(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class ArrayView:
    @property
    def dtype(self) -> str: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def nbytes(self) -> int: ...
    @property
    def readonly(self) -> bool: ...
    @property
    def rows(self) -> _Rows: ...
    @property
    def __array_interface__(self) -> dict[str, Any]: ...
    def tobytes(self) -> bytes: ...
    def __dlpack_device__(self) -> tuple[int, int]: ...
    def __dlpack__(
        self,
        *,
        stream: None = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any: ...
    def __len__(self) -> int: ...
    def __getitem__(self, index: _Index, /) -> Any: ...
    def __setitem__(self, index: _Index, value: ArrayLike, /) -> None: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...

@final
class Store:
    def __new__(cls, path: str | PathLike[str] | None = None) -> Self: ...
    @property
    def path(self) -> str: ...
    @property
    def quota(self) -> int | None: ...
    @quota.setter
    def quota(self, bytes: int | None, /) -> None: ...
    def used_bytes(self) -> int: ...
    def reserve_bytes(self) -> int: ...
    def list(
        self,
        *,
        kind: SceneDataKind | str | None = None,
        source_dcc: str | None = None,
        name: str | None = None,
        group: str | None = None,
    ) -> _Descriptors: ...
    def pools(self) -> _Pools: ...
    def describe(self, buffer: _Reference) -> _Descriptor: ...
    def wait(
        self,
        *,
        kind: SceneDataKind | str | None = None,
        source_dcc: str | None = None,
        name: str | None = None,
        group: str | None = None,
        after: Sequence[_Descriptor] | None = None,
        timeout: float | None = None,
    ) -> _Descriptors: ...
    def delete(self, buffer: _Reference) -> _Deletion: ...
    def keep(self, buffer: _Reference, ttl: float = 0) -> None: ...
    def pending(self) -> _Pending: ...
    def gc(self, dry_run: bool = False) -> _GcReport: ...

def gc(dry_run: bool = False, *, store: Store | None = None) -> _GcReport: ...

@final
class SharedBuffer:
    @classmethod
    def create(
        cls,
        capacity: int,
        *,
        kind: SceneDataKind | str | None = None,
        source_dcc: str | None = None,
        name: str | None = None,
        replace: bool = False,
        ttl: float | None = None,
        group: str | None = None,
        attrs: Mapping[str, Any] | None = None,
        unlink_on_close: bool = False,
        store: Store | None = None,
    ) -> Self: ...
    @classmethod
    def open(
        cls,
        path: _Reference | PathLike[str] | None = None,
        id: _Reference | None = None,
        *,
        store: Store | None = None,
    ) -> Self: ...
    @classmethod
    def from_descriptor_json(cls, json: str) -> Self: ...
    @property
    def id(self) -> str: ...
    @property
    def ttl(self) -> float: ...
    @ttl.setter
    def ttl(self, ttl: float, /) -> None: ...
    def path(self) -> str: ...
    def capacity(self) -> int: ...
    def data_len(self) -> int: ...
    @property
    def sequence(self) -> int: ...
    def wait(self, after: int, timeout: float | None = None) -> int | None: ...
    def write(self, data: _Bytes) -> int: ...
    def read(self) -> bytes: ...
    def view(self) -> memoryview: ...
    def edit(self, size: int) -> BufferEdit: ...
    def clear(self) -> None: ...
    def descriptor_json(self) -> str: ...
    def unlink(self) -> None: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        error: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None: ...

@final
class BufferEdit:
    def __enter__(self) -> memoryview: ...
    def __exit__(
        self,
        error: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None: ...

@final
class BufferPool:
    def __new__(
        cls,
        capacity: int,
        buffer_size: int,
        name: str | None = None,
        *,
        kind: SceneDataKind | str | None = None,
        source_dcc: str | None = None,
        replace: bool = False,
        group: str | None = None,
        attrs: Mapping[str, Any] | None = None,
        persistent: bool = False,
        store: Store | None = None,
    ) -> Self: ...
    @classmethod
    def open_or_create(
        cls,
        capacity: int,
        buffer_size: int,
        name: str,
        *,
        kind: SceneDataKind | str | None = None,
        source_dcc: str | None = None,
        group: str | None = None,
        attrs: Mapping[str, Any] | None = None,
        persistent: bool = False,
        store: Store | None = None,
    ) -> Self: ...
    @classmethod
    def open(cls, name: _Reference, *, store: Store | None = None) -> Self: ...
    def acquire(self, timeout: float | None = None) -> SharedBuffer: ...
    def available(self) -> int: ...
    def capacity(self) -> int: ...
    def buffer_size(self) -> int: ...
    @property
    def total_bytes(self) -> int: ...
    @property
    def id(self) -> str: ...
    def status(self) -> _PoolStatus: ...
    def unlink(self) -> None: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        error: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None: ...

@final
class SharedSceneBuffer:
    @classmethod
    def write(
        cls,
        data: _Bytes,
        kind: SceneDataKind | str | None = None,
        source_dcc: str | None = None,
        use_compression: bool | None = None,
        *,
        name: str | None = None,
        replace: bool = False,
        ttl: float | None = None,
        group: str | None = None,
        attrs: Mapping[str, Any] | None = None,
        unlink_on_close: bool = False,
        store: Store | None = None,
    ) -> Self: ...
    @classmethod
    def write_arrays(
        cls,
        arrays: Mapping[str, _Bytes],
        *,
        domains: Mapping[str, _Domain] | None = None,
        kind: SceneDataKind | str | None = None,
        source_dcc: str | None = None,
        use_compression: bool = False,
        name: str | None = None,
        replace: bool = False,
        ttl: float | None = None,
        group: str | None = None,
        attrs: Mapping[str, Any] | None = None,
        unlink_on_close: bool = False,
        store: Store | None = None,
    ) -> Self: ...
    @classmethod
    def writer(
        cls,
        arrays: _Layout,
        *,
        kind: SceneDataKind | str | None = None,
        source_dcc: str | None = None,
        use_compression: bool = False,
        name: str | None = None,
        replace: bool = False,
        ttl: float | None = None,
        group: str | None = None,
        attrs: Mapping[str, Any] | None = None,
        unlink_on_close: bool = False,
        store: Store | None = None,
    ) -> SceneWriter: ...
    @classmethod
    def create_empty(
        cls,
        arrays: _Layout,
        *,
        kind: SceneDataKind | str | None = None,
        source_dcc: str | None = None,
        name: str | None = None,
        replace: bool = False,
        ttl: float | None = None,
        group: str | None = None,
        attrs: Mapping[str, Any] | None = None,
        unlink_on_close: bool = False,
        store: Store | None = None,
    ) -> Self: ...
    @classmethod
    def fill(cls, buffer: _Reference, *, store: Store | None = None) -> SceneWriter: ...
    @classmethod
    def open(cls, buffer: _Reference, *, store: Store | None = None) -> Self: ...
    @classmethod
    def open_path(cls, path: str | PathLike[str], id: str) -> Self: ...
    @classmethod
    def from_descriptor_json(cls, json: str) -> Self: ...
    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str | None: ...
    @property
    def kind(self) -> SceneDataKind: ...
    @property
    def source_dcc(self) -> str: ...
    @property
    def group(self) -> str | None: ...
    @property
    def attrs(self) -> dict[str, Any]: ...
    @property
    def use_compression(self) -> bool: ...
    @property
    def size_bytes(self) -> int: ...
    @property
    def total_bytes(self) -> int: ...
    @property
    def is_inline(self) -> bool: ...
    @property
    def is_chunked(self) -> bool: ...
    @property
    def state(self) -> Literal["empty", "filling", "sealed"]: ...
    @property
    def ttl(self) -> float: ...
    @ttl.setter
    def ttl(self, ttl: float, /) -> None: ...
    def path(self) -> str: ...
    def descriptor_json(self) -> str: ...
    def read(self, offset: int | None = None, size: int | None = None) -> bytes: ...
    def view(self) -> memoryview: ...
    def keys(self) -> list[str]: ...
    def unlink(self) -> None: ...
    def close(self) -> None: ...
    def __getitem__(self, name: str, /) -> ArrayView: ...
    def __iter__(self) -> Iterator[str]: ...
    def __contains__(self, name: str, /) -> bool: ...
    def __len__(self) -> int: ...
    def __bool__(self) -> bool: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        error: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None: ...

@final
class SceneWriter:
    @property
    def scene(self) -> SharedSceneBuffer: ...
    def keys(self) -> list[str]: ...
    def finish(self) -> SharedSceneBuffer: ...
    def abort(self) -> None: ...
    def __getitem__(self, name: str, /) -> ArrayView: ...
    # ArrayLike does not know ctypes arrays, which are buffers.
    def __setitem__(self, name: str, source: ArrayLike | Buffer, /) -> None: ...
    def __iter__(self) -> Iterator[str]: ...
    def __contains__(self, name: str, /) -> bool: ...
    def __len__(self) -> int: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        error: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None: ...
