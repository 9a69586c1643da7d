"""Model files, sound and forged: the loader refuses one with a FormatError, or what it compresses with it comes back.

Kernels are compiled without checks of bounds, so a number that breaks one of FORMAT.md's has to be refused, whatever
comes of it by chance: ``breaks_a_bound`` reads the file a second time.
"""

from __future__ import annotations

import json
import math
import os
import struct
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import likezip
from fuzz import frames
from fuzz.choices import Choices
from fuzz.layout import repaired
from fuzz.memory import allocations_at_most
from likezip.blocks.options import PriorChoice
from likezip.memory.trained_state import untrained_state
from likezip.prior.ngrams import FIRST_FEATURES, count_rows

Tensors = dict[str, npt.NDArray[Any]]

STARTS = ("text", "records", "code", "both")
DTYPES = {"I8": np.int8, "U8": np.uint8, "I16": np.int16, "U16": np.uint16, "I32": np.int32, "U32": np.uint32}
OTHER_DTYPES = ("F32", "F16", "BF16", "BOOL", "I64", "U64", "F64", "F8_E4M3", "C64", "X")

MOST_MEMORY = 64 << 20
"""Bytes that may be allocated with a model of 3 MB and some hundred bytes of content."""

TEXT = b"It was the best of times, it was the worst of times, and so on; it was the best of times. "


@dataclass
class Forgery:
    """A model file being made: its header, as JSON will have it, and the bytes of its tensors."""

    header: dict[str, Any]
    body: bytearray

    def content(self) -> bytes:
        text = json.dumps(self.header).encode()
        return struct.pack("<Q", len(text)) + text + bytes(self.body)


def run(data: bytes) -> None:
    """Load the model that ``data`` describes, and compress and decompress something with it."""
    choices = Choices(data)
    prior: PriorChoice = choices.pick(("on", "off", "auto"))
    lanes = choices.pick((1, 2, 9, 1024))
    base = forgery(choices.below(len(NETWORKS)), with_prior=prior != "off", with_apms=choices.below(4) == 3)
    original = base.content()
    for _ in range(choices.below(5)):
        choices.pick(EDITS)(base, choices)
    content = base.content()
    if choices.below(16) == 15:
        content = choices.pick(FILE_EDITS)(content, choices)
    check(content, TEXT + choices.rest()[:100] + TEXT, prior, lanes, must_be_read=content == original)


def seeds() -> list[bytes]:
    """No edit, and each alone."""
    found = [bytes([0, lanes, network, 3, 0, 0]) for lanes in range(4) for network in range(len(NETWORKS))]
    found += [bytes([prior, 1, 0, apms, 0, 0]) for prior in range(3) for apms in (0, 3)]
    for number in range(len(EDITS) * 4):
        edits = [1, number % len(EDITS), number // len(EDITS) % 2, *range(number, number + 8)]
        found.append(bytes([number % 3, number % 4, 0, 0, *edits]))
    return found + [bytes([0, 0, 0, 0, 0, 15, edit, 9, 9, 9]) for edit in range(len(FILE_EDITS))]


# Models that are sound: trained states that know nothing, and small networks of numbers that mean nothing.

NETWORKS: tuple[tuple[int, tuple[tuple[int, int], ...]], ...] = (
    (5, ((3, 6), (2, 4))),
    (8, ()),
    (1, ((1, 1),)),
    (33, ((31, 65),)),
    (2, ((1, 2096), (2096, 1))),
)
"""Width, and of each block states and hidden values."""

ROWS = count_rows(FIRST_FEATURES)
"""Of the embeddings."""


@lru_cache
def _sound_tensors(network: int) -> Tensors:
    start, (width, blocks) = untrained_state().tensors(), NETWORKS[network]
    found = {f"{name}.{part}": tensor for name in STARTS for part, tensor in start.items()}
    random = np.random.default_rng(network)
    shapes = {"enter": (width, 7), "head": (256, width)}
    for block, (state, hidden) in enumerate(blocks):
        shapes |= {f"{block}.gates": (2 * state, width), f"{block}.out": (width, state)}
        shapes |= {f"{block}.up": (hidden, width), f"{block}.down": (width, hidden)}
    for name, (outputs, columns) in shapes.items():
        found[f"prior.{name}.weight"] = random.integers(-63, 64, (outputs, columns)).astype(np.int8)
        found[f"prior.{name}.offset"] = random.integers(-999, 1000, outputs).astype(np.int32)
        found[f"prior.{name}.shift"] = random.integers(0, 9, outputs).astype(np.int32)
    features = [(one.history, one.classes, one.words, one.bits) for one in FIRST_FEATURES]
    found["prior.features"] = np.array(features, np.int32)
    found["prior.embeddings"] = random.integers(-127, 128, (ROWS, 1)).astype(np.int8)
    return found


def forgery(network: int, *, with_prior: bool, with_apms: bool) -> Forgery:
    """A sound model, to be changed."""
    names = {dtype: name for name, dtype in DTYPES.items()}
    made = Forgery({"__metadata__": {"format": "likezip model 1"}}, bytearray())
    for name, tensor in _sound_tensors(network).items():
        part, _, rest = name.partition(".")
        if (part in ("prior", "both") and not with_prior) or (rest == "apms" and not (with_apms and part == "text")):
            continue
        begin = len(made.body)
        made.body += tensor.tobytes()
        offsets = [begin, len(made.body)]
        made.header[name] = {"dtype": names[tensor.dtype.type], "shape": list(tensor.shape), "data_offsets": offsets}
    return made


# What can be done to it.

EXTREMES = (64, -64, 63, -63, 127, -127, -128, 16, 15, 0, 1, -1, 1 << 26, (1 << 26) + 1, -(1 << 26) - 1, 1 << 31)


def _name(forged: Forgery, choices: Choices) -> str:
    """That of a tensor, of the network or of a start."""
    wanted = choices.below(2) == 0
    names = [name for name in forged.header if name.startswith("prior.") == wanted and name != "__metadata__"]
    return choices.pick(names or ["none"])


def _span(entry: dict[str, Any]) -> tuple[int, int]:
    """Where the bytes of a tensor begin and end, as far as the header says so."""
    offsets: list[int] = entry.get("data_offsets") or []
    return (offsets[0], offsets[1]) if len(offsets) == 2 else (0, 0)


def _numbers(forged: Forgery, name: str) -> tuple[int, int, int]:
    """Where a tensor's numbers begin, how many there are, and their bytes."""
    entry = forged.header.get(name, {})
    size = np.dtype(DTYPES.get(entry.get("dtype"), np.uint8)).itemsize
    begin, end = _span(entry)
    end = min(end, len(forged.body))
    return begin, max(0, end - begin) // size, size


def _extreme(choices: Choices, size: int) -> bytes:
    number = choices.pick(EXTREMES)
    if choices.below(4) == 3:
        number = int.from_bytes(choices.take(size), "little")
    return (number % (1 << 8 * size)).to_bytes(size, "little")


def _set_number(forged: Forgery, choices: Choices) -> None:
    begin, numbers, size = _numbers(forged, _name(forged, choices))
    if numbers:
        place = begin + size * choices.below(numbers)
        forged.body[place : place + size] = _extreme(choices, size)


def _fill(forged: Forgery, choices: Choices) -> None:
    """All numbers of a tensor become one."""
    begin, numbers, size = _numbers(forged, _name(forged, choices))
    forged.body[begin : begin + numbers * size] = _extreme(choices, size) * numbers


def _rename(forged: Forgery, choices: Choices) -> None:
    name, other = _name(forged, choices), _name(forged, choices)
    entry = forged.header.pop(name, {})
    new = choices.pick(
        (other, name + ".", "prior." + other, name[:-1], "prior.2.up.weight", "prior.junk", "", "prior.")
    )
    forged.header[new] = entry


def _drop(forged: Forgery, choices: Choices) -> None:
    forged.header.pop(_name(forged, choices), None)


def _set_dtype(forged: Forgery, choices: Choices) -> None:
    entry = forged.header.get(_name(forged, choices), {})
    entry["dtype"] = choices.pick((*DTYPES, *OTHER_DTYPES))


SIZES = (0, 1, 2, 3, 255, 256, ROWS, 2096, 2097, 1 << 31, 1 << 32, 1 << 62, 1 << 63, (1 << 64) - 1, -1)


def _set_shape(forged: Forgery, choices: Choices) -> None:
    """Another shape, of as many numbers or not."""
    entry = forged.header.get(_name(forged, choices), {})
    shape = entry.get("shape", [1])
    numbers = math.prod(shape)
    others: list[list[int]] = [shape[::-1], [numbers], [numbers, 1], [1, numbers], [], [*shape, *[1] * 70], [0, *shape]]
    others += [[choices.pick(SIZES), *shape[1:]], [*shape, choices.pick(SIZES)], [0, choices.pick(SIZES)]]
    entry["shape"] = choices.pick(others)


def _set_offsets(forged: Forgery, choices: Choices) -> None:
    entry, other = (forged.header.get(_name(forged, choices), {}) for _ in range(2))
    size = choices.pick(SIZES)
    entry["data_offsets"] = choices.pick((other.get("data_offsets"), [size, size], [0, size], [size, 0], [0], None))


def _resize(forged: Forgery, choices: Choices) -> None:
    """A tensor of another size where everything fits: a shape, its offsets, and those of the tensors behind it."""
    name = _name(forged, choices)
    begin, numbers, size = _numbers(forged, name)
    entry, end = forged.header.get(name, {}), begin + numbers * size
    shape = list(entry.get("shape", [])) or [1]
    axis = choices.below(len(shape))
    shape[axis] = choices.pick((0, 1, 2, 3, 4, 6, 8, 10, 12, 2096, 2097, max(0, shape[axis] - 1), shape[axis] + 1))
    room = math.prod(shape) * size
    if not 0 <= room <= 1 << 21:
        return
    forged.body[begin:end] = bytes(forged.body[begin:end])[:room].ljust(room, b"\1")
    for other in forged.header:
        first, last = _span(forged.header[other]) if other not in (name, "__metadata__") else (0, 0)
        if first >= end and last > 0:
            forged.header[other]["data_offsets"] = [first + begin + room - end, last + begin + room - end]
    entry |= {"shape": shape, "data_offsets": [begin, begin + room]}


def _set_metadata(forged: Forgery, choices: Choices) -> None:
    forged.header["__metadata__"] = choices.pick(({}, {"a": 1}, [], None, {"\0": "\ud800"}, {"training": "x" * 5000}))


EDITS: tuple[Callable[[Forgery, Choices], None], ...] = (
    *[_set_number] * 4,
    *[_fill] * 3,
    _rename,
    _drop,
    _set_dtype,
    _set_shape,
    _set_offsets,
    _resize,
    _set_metadata,
)


def _written_over(content: bytes, choices: Choices) -> bytes:
    """A few bytes of the header or its length."""
    place, written = choices.below(min(len(content), 1 << 12)), choices.take(1 + choices.below(4))
    return content[:place] + written + content[place + len(written) :]


def _cut(content: bytes, choices: Choices) -> bytes:
    return content[: choices.pick((0, 7, 8, 9, choices.below(len(content)), len(content) - 1))]


def _extended(content: bytes, choices: Choices) -> bytes:
    return content + bytes(1 + choices.below(9))


def _another_length(content: bytes, choices: Choices) -> bytes:
    """Of the header."""
    length = int.from_bytes(content[:8], "little") + choices.pick((-1, 1, -8, 8, 1 << 20, 1 << 40, 1 << 62))
    return struct.pack("<Q", length % (1 << 64)) + content[8:]


FILE_EDITS: tuple[Callable[[bytes, Choices], bytes], ...] = (_written_over, _cut, _extended, _another_length)


# What has to be true of whatever it has become.


def check(content: bytes, raw: bytes, prior: PriorChoice, lanes: int, *, must_be_read: bool = False) -> None:
    """AssertionError, or whatever exception it was, if likezip takes the model file in any other way than it should."""
    likezip.compress(b"anything", prior="on")  # the default model is loaded, which is no case's memory
    with _file(content) as path, allocations_at_most(MOST_MEMORY + 8 * len(content)):
        try:
            model = likezip.load_model(path)
            frame = likezip.compress(raw, model=model, prior=prior, lanes=lanes)
            assert likezip.decompress(frame, model=model) == raw, "another content came back"
            assert likezip.compress(raw, model=model, prior=prior, lanes=lanes) == frame, (
                "another frame the second time"
            )
        except likezip.FormatError:
            assert not must_be_read, "a sound model was refused"
            return
        except likezip.UnsupportedError:
            assert prior == "on" and not model.has_prior()
            return
        found = breaks_a_bound(content, prior)
        assert not found, f"a model was taken in which {found}"
        _read_another_model_s_frames(model)


def _read_another_model_s_frames(model: likezip.Model) -> None:
    """A model with the id of another, so that its predictions are wrong from the first bit on."""
    for frame, raw in frames.vectors()[1:5]:
        forged = repaired(frame[:4] + bytes([frame[4] & 15]) + model.id + frame[5:], closed=True)
        with suppress(likezip.LikezipError):
            assert likezip.decompress(forged, model=model) == raw


_numbers_of_files = count()


@contextmanager
def _file(content: bytes) -> Iterator[Path]:
    """A file of a name that was not used before, as likezip remembers them."""
    path = Path(tempfile.gettempdir()) / f"fuzz-{os.getpid()}-{next(_numbers_of_files)}.safetensors"
    path.write_bytes(content)
    try:
        yield path
    finally:
        path.unlink()


def breaks_a_bound(content: bytes, prior: PriorChoice) -> str:
    """Which of FORMAT.md's rules for a model file this one breaks, in what is used with ``prior``; "" for none."""
    tensors = _tensors(content)
    has_prior = any(name.startswith("prior.") for name in tensors) and any(name.startswith("both.") for name in tensors)
    both = prior == "on" or (prior == "auto" and has_prior)  # then the others need not be looked at
    used = ["both"] if both else [name for name in STARTS if name != "both"]
    wanted: dict[str, tuple[str, list[int], int, int]] = {}
    for name in used:
        wanted[f"{name}.maps"] = "U32", [7680], 0, (1 << 32) - 1
        wanted[f"{name}.weights"] = "I16", [1824, 32], -(1 << 15), (1 << 15) - 1
        wanted[f"{name}.top"] = "I16", [256, 8], -(1 << 15), (1 << 15) - 1
        wanted[f"{name}.correction.rows"] = "I8", [20736, 32], -128, 127
        wanted[f"{name}.correction.squares"] = "U32", [20736], 0, (1 << 32) - 1
        wanted[f"{name}.correction.outputs"] = "I32", [256, 32], 1 - (1 << 21), (1 << 21) - 1
        wanted[f"{name}.correction.output_squares"] = "U32", [256], 0, (1 << 32) - 1
        if f"{name}.apms" in tensors:
            wanted[f"{name}.apms"] = "U16", [12288, 25], 0, (1 << 16) - 1
    if "both" in used:
        wanted |= _wanted_of_prior({name: shape for name, (_, shape, _) in tensors.items()})
    for name, (dtype, shape, least, most) in wanted.items():
        if name not in tensors:
            return f"{name} is missing"
        found_dtype, found_shape, numbers = tensors[name]
        if (found_dtype, found_shape) != (dtype, shape):
            return f"{name} is {found_dtype} {found_shape}, not {dtype} {shape}"
        if numbers.size and not least <= int(numbers.min()) <= int(numbers.max()) <= most:
            return f"{name} is not in [{least}, {most}]"
    return ""


def _tensors(content: bytes) -> dict[str, tuple[str, list[int], npt.NDArray[Any]]]:
    """Dtype, shape and numbers of all tensors of integers."""
    size = int.from_bytes(content[:8], "little")
    header, body = json.loads(content[8 : 8 + size]), content[8 + size :]
    found = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            numbers = (
                np.frombuffer(body[begin:end], DTYPES[entry["dtype"]]) if entry["dtype"] in DTYPES else np.zeros(0)
            )
            found[name] = entry["dtype"], entry["shape"], numbers
    return found


def _wanted_of_prior(shapes: dict[str, list[int]]) -> dict[str, tuple[str, list[int], int, int]]:
    """What the tensors of the network have to be, by the sizes that some of them have."""

    def size(name: str, axis: int = 0) -> int:
        shape = shapes.get(f"prior.{name}", [])
        return shape[axis] if axis < len(shape) else -1

    width = size("enter.weight")
    layers = {"enter": (width, 7 * size("embeddings", 1)), "head": (256, width)}
    blocks = {name.split(".")[1] for name in shapes if name.startswith("prior.")} - {
        "features",
        "embeddings",
        "enter",
        "head",
    }
    if len(blocks) > 64 or sum(size(f"{block}.gates.weight") // 2 for block in blocks) > 1 << 14:
        return {"fewer blocks or states": ("I8", [], 0, 0)}
    for block in blocks:
        state, hidden = size(f"{block}.gates.weight") // 2, size(f"{block}.up.weight")
        layers |= {f"{block}.gates": (2 * state, width), f"{block}.out": (width, state)}
        layers |= {f"{block}.up": (hidden, width), f"{block}.down": (width, hidden)}
    wanted = {"prior.embeddings": ("I8", [ROWS, size("embeddings", 1)], -127, 127)}
    wanted["prior.features"] = "I32", [size("features"), 4], 0, 65535
    for name, (outputs, columns) in layers.items():
        sized = outputs if outputs > 0 and 0 < columns <= 2096 else -1
        wanted[f"prior.{name}.weight"] = "I8", [sized, columns], -63, 63
        wanted[f"prior.{name}.offset"] = "I32", [sized], -(1 << 26), 1 << 26
        wanted[f"prior.{name}.shift"] = "I32", [sized], 0, 15
    return wanted
