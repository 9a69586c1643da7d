"""Model files: find them, verify them, load their tensors.

A model file is a safetensors file (no pickle) whose metadata describe the model and its training.  Its id, the
first eight bytes of the SHA-256 of its content, stands in every frame.  Files are looked for in the directories of
the environment variable LIKEZIP_MODELS (separated as in PATH), in the user's own, and among those shipped with the
package.

Every process that codes a block hashes the whole of its model, and compares size, time of change and inode again when
the tensors are mapped.  Nothing cheaper is honest: sizes and times tell nothing of a bit that has changed on a disk,
and a frame that was written with such a bit could be decoded nowhere else.  The hash is taken by a thread while numpy
and LLVM are imported (``identify_ahead``).
"""

from __future__ import annotations

import hashlib
import json
import math
import mmap
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

from likezip.errors import FormatError, UnknownModelError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

DEFAULT_NAME = "likezip-2"
NUMBERED = {1: bytes.fromhex("ae6c7900a4fcc117")}
"""The ids of models that frames name by a number: 1 is likezip-2."""
MODEL_SUFFIX = ".safetensors"
ID_BYTES = 8
LARGEST_MODEL = 1 << 30
"""Bytes of a model file at most; the shipped one has 67.5 million."""
LARGEST_HEADER = 1 << 20
"""Bytes of the description at the beginning of a model file, JSON with the names of tensors and the card, at most."""
DEEPEST_CARD = 32
"""Levels of lists and objects in a card at most."""


@dataclass(frozen=True)
class Model:
    """A model file: its id (8 bytes), name, place, and size on disk in bytes."""

    id: bytes
    name: str
    path: Path
    size: int

    def tensors(self) -> dict[str, npt.NDArray[np.generic]]:
        """The tensors by name, as they lie in the file: they can't be written to, and only what is used is read.

        Raises FormatError for a file that is no safetensors.
        """
        return _tensors(self.path, self.id)

    def card(self) -> dict[str, Any]:
        """The file's metadata, among them the model's card: how it was trained, and on which data.  Raises FormatError
        as ``tensors``."""
        try:
            with safe_open(self.path, "numpy") as opened:
                metadata: dict[str, Any] = dict(opened.metadata() or {})
            return {**metadata, "card": _parsed_card(metadata["card"])} if "card" in metadata else metadata
        except (SafetensorError, ValueError) as error:
            raise FormatError(f"{self.path}: not a model file ({error})") from error

    def part(self, name: str) -> dict[str, npt.NDArray[np.generic]]:
        """The tensors whose names begin with ``name`` and a dot, by the rest of their names."""
        prefix = f"{name}."
        return {key.removeprefix(prefix): value for key, value in self.tensors().items() if key.startswith(prefix)}

    def here(self) -> Model:
        """This model, or where its file is not here, as on another machine, the model with its id; raises
        UnknownModelError."""
        return self if self.path.is_file() else find_model(self.id)

    def has_prior(self) -> bool:
        """Whether the model has a network, and the trained state of the memory for use beside it.  Raises FormatError
        for a file that is no safetensors."""
        return _has_prior(self.path, self.id)


@lru_cache(maxsize=16)
def _has_prior(path: Path, _identity: bytes) -> bool:
    """``Model.has_prior``; a file that is replaced has another id."""
    try:
        names = _description(path)[0].keys()
    except (AttributeError, TypeError, ValueError) as error:
        raise FormatError(f"{path}: not a model file ({error})") from error
    return all(any(name.startswith(part) for name in names) for part in ("prior.", "both."))


def _parsed_card(text: str) -> Any:
    """A model's card from JSON; raises ValueError for a text that is no JSON, too long or nested too deep."""
    if len(text) > LARGEST_HEADER:
        raise ValueError(f"its card has {len(text)} characters")
    try:
        card = json.loads(text)
    except RecursionError as error:
        raise ValueError("its card is nested too deep") from error
    level, depth = [card], 0
    while level:
        level = [part for one in level if isinstance(one, dict | list) for part in _members(one)]
        depth += 1
        if depth > DEEPEST_CARD:
            raise ValueError("its card is nested too deep")
    return card


def _members(one: dict[str, Any] | list[Any]) -> list[Any]:
    return list(one.values()) if isinstance(one, dict) else one


@lru_cache(maxsize=4)
def _tensors(path: Path, identity: bytes) -> dict[str, npt.NDArray[np.generic]]:
    try:
        before = _identified(path)
        with safe_open(path, "numpy"):  # checks that the tensors fill the file, in bounds and apart from each other
            tensors = _mapped(path)
    except (SafetensorError, AttributeError, KeyError, TypeError, ValueError) as error:  # most: there is no such dtype
        raise FormatError(f"{path}: not a model file ({error})") from error
    if not before.id == identity == _identified(path).id:
        raise FormatError(f"{path}: the model file has changed since its id was taken")
    return tensors


def _description(path: Path) -> tuple[dict[str, Any], int]:
    """What a model file says of its tensors, by their names, and where they begin.  Raises ValueError, AttributeError
    or TypeError for a file that is none."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if size > LARGEST_HEADER:
            raise ValueError(f"its description has {size} bytes")
        described: dict[str, Any] = json.loads(file.read(size))
    described.pop("__metadata__", None)
    return described, 8 + size


DTYPES = {"I8": "i1", "U8": "u1", "I16": "<i2", "U16": "<u2", "I32": "<i4", "U32": "<u4", "I64": "<i8", "U64": "<u8"}
"""numpy's names of the types that tensors of a model have."""


def _mapped(path: Path) -> dict[str, npt.NDArray[np.generic]]:
    """The tensors of a file, which is mapped into memory."""
    import numpy as np

    described, begin = _description(path)
    with path.open("rb") as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    tensors = dict[str, "npt.NDArray[np.generic]"]()
    for name, tensor in described.items():
        shape, place = tensor["shape"], begin + tensor["data_offsets"][0]
        numbers = np.frombuffer(content, DTYPES[tensor["dtype"]], math.prod(shape), place)
        tensors[name] = numbers.reshape(shape)
    return tensors


def _is_a_model(path: Path) -> bool:
    """Whether a file begins like a model: with a description that names the memory's tensors.

    Only the description is read: there may be files of other programs with the same suffix, of any size.
    """
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        return size <= LARGEST_HEADER and b'"text.maps"' in file.read(size)


def user_directory() -> Path:
    """Where a user's own models are found: likezip/models in XDG_DATA_HOME or, where that is not set, in the system's
    directory for data of programs, on Linux ~/.local/share.  Raises RuntimeError for a user without a home."""
    from platformdirs import user_data_path

    home = os.environ.get("XDG_DATA_HOME", "")
    own = Path(home, "likezip") if os.path.isabs(home) else user_data_path("likezip", appauthor=False)
    return own / "models"


def _directories() -> Iterator[Path]:
    for place in os.environ.get("LIKEZIP_MODELS", "").split(os.pathsep):
        if place:
            yield Path(place)
    with suppress(RuntimeError):  # who has no home has no models there
        yield user_directory()
    yield from _shipped()


@lru_cache(maxsize=1)
def _shipped() -> tuple[Path, Path]:
    """The directories of the models that come with likezip, in an installation and in a checkout."""
    package = Path(__file__).resolve().parent
    return package / "models", package.parent / "models"


@lru_cache(maxsize=1)
def _shipped_as_default() -> list[Path]:
    """Where the model that likezip ships and compresses with may be."""
    return [place / f"{DEFAULT_NAME}{MODEL_SUFFIX}" for place in _shipped()]


def _identified(path: Path) -> Model:
    """The model in ``path``, which is read and hashed once, and again if it is replaced."""
    status = path.stat()
    with _hashing:
        return _hashed(path, status.st_size, status.st_mtime_ns, status.st_ino)


_hashing = Lock()
"""Held while a file is hashed, so that none is hashed twice."""


def identify_ahead() -> None:
    """Begin to hash the default model in a thread, if no model was hashed before: who needs its id waits, and had
    better import first what else is needed."""
    if _hashed.cache_info().currsize:
        return

    def hash_it() -> None:
        with suppress(OSError, FormatError, UnknownModelError):  # whoever needs it meets the same
            default_model()

    with suppress(RuntimeError):  # no thread can be started
        Thread(target=hash_it, daemon=True).start()


HASHED_TOGETHER = 1 << 24
"""Bytes that are hashed in one go, without Python's lock: the fewer, the more often a thread would wait for it."""


@lru_cache(maxsize=16)
def _hashed(path: Path, size: int, modified: int, number: int) -> Model:
    """The model in a file of this size, time of change and inode number, which differ once the file is replaced.

    Raises FormatError for a file that is larger than LARGEST_MODEL, before it is read.
    """
    if size > LARGEST_MODEL:
        raise FormatError(f"{path}: not a model file ({size} bytes, and one has at most {LARGEST_MODEL})")
    digest, room = hashlib.sha256(), memoryview(bytearray(min(size, HASHED_TOGETHER)))
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(room):
            digest.update(room[:count])
    return Model(digest.digest()[:ID_BYTES], path.stem, path, size)


def load_model(path_or_name: str | os.PathLike[str]) -> Model:
    """The model in a file, or the model of that name, or with that id in hex, in the model directories.

    Raises UnknownModelError if there is none, FormatError for a file that is too large for a model.
    """
    path = Path(path_or_name)
    named = [place / f"{path_or_name}{MODEL_SUFFIX}" for place in _directories()]
    for candidate in [path, *named]:
        if os.path.isfile(candidate):  # false for a name that can't be looked at
            return _identified(candidate.resolve())
    if re.fullmatch(f"[0-9a-f]{{{2 * ID_BYTES}}}", str(path_or_name)):
        model = _model_with(bytes.fromhex(str(path_or_name)))
        if model is not None:
            return model
    raise UnknownModelError(f"no model file {path_or_name}, nor one of that name or id in the model directories")


def default_model() -> Model:
    """The model that likezip ships and compresses with, even if another model has its name."""
    for path in _shipped_as_default():
        with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return _identified(path)
    return load_model(DEFAULT_NAME)


ModelLike = Model | str | os.PathLike[str]
"""A model, its file or its name."""


def resolve_model(model: ModelLike | None) -> Model:
    """The model itself, from its file or its name, or for None the default; raises UnknownModelError."""
    if model is None:
        return default_model()
    return model if isinstance(model, Model) else load_model(model)


def all_models() -> Iterator[Model]:
    """The models in the model directories, in the order of the search; files that can't be read, don't begin like a
    model or are too large are passed over without being read."""
    for place in dict.fromkeys(Path(os.path.realpath(place)) for place in _directories()):
        paths: list[Path] = []
        with suppress(OSError):
            paths = sorted(place.glob(f"*{MODEL_SUFFIX}"))
        for path in paths:
            with suppress(OSError, FormatError, UnknownModelError):
                if path.is_file() and _is_a_model(path):
                    yield load_model(path)


def _model_with(identity: bytes) -> Model | None:
    """The model whose id is ``identity``: the one that likezip ships, or one in the model directories."""
    if identity in NUMBERED.values():
        with suppress(OSError, UnknownModelError):
            model = default_model()
            if model.id == identity:
                return model
    return next((model for model in all_models() if model.id == identity), None)


_last_found: dict[bytes, Model] = {}
"""The model that was found last, by its id: a file of many frames looks for it as often."""


def _is_still(model: Model) -> bool:
    """Whether a model's file is still there and the same."""
    try:
        return _identified(model.path) == model
    except (OSError, FormatError):
        return False


def find_model(identity: bytes) -> Model:
    """The model whose id is ``identity``; raises UnknownModelError."""
    model = _last_found.get(identity)
    if model is None or not _is_still(model):
        model = _model_with(identity)
    if model is not None:
        _last_found.clear()
        _last_found[identity] = model
        return model
    raise UnknownModelError(
        f"the frame was written with model {identity.hex()}, which is not among the models here; "
        "put its file into a directory named in LIKEZIP_MODELS or into ~/.local/share/likezip/models, or name it with "
        "--model"
    )
