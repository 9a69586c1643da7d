"""Which blocks are coded with the prior, and models without one."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import save_file as torch_save_file

import likezip
from likezip.blocks import block_header, codec, coding, predictor
from likezip.blocks.noise import repeats_nothing
from likezip.blocks.options import CodingOptions, PriorChoice
from likezip.blocks.predictor import BlockShape
from likezip.memory.profiles import PROFILES
from likezip.memory.trained_state import untrained_state
from likezip.model import Model, default_model
from likezip.prior import forward, ngrams, parallel

TEXT = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))[:20000]
RANDOM = random.Random(1)
RECORDS = b"".join(RANDOM.randbytes(3) + bytes([i % 250, 0, 0, 7, 9]) for i in range(2000))


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Model:
    path = tmp_path_factory.mktemp("models") / "small.safetensors"
    tensors = default_model().tensors()
    save_file({name: tensor for name, tensor in tensors.items() if not name.startswith(("prior.", "both."))}, path)
    return likezip.load_model(path)


@pytest.mark.slow
@pytest.mark.parametrize("sample", [coding.SAMPLE_SIZE, 4096])
def test_auto_takes_the_prior_where_it_gains(sample: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coding, "SAMPLE_SIZE", sample)
    choices: tuple[PriorChoice, ...] = ("auto", "on", "off")
    for raw in (TEXT, RECORDS):
        coded = {choice: codec.encode_block(raw, CodingOptions(default_model(), choice)) for choice in choices}
        assert coded["on"][0].mode == block_header.MEMORY_PRIOR
        assert coded["off"][0].mode == block_header.MEMORY
        gains = len(coded["on"][1]) < 0.99 * len(coded["off"][1])
        assert gains == (raw is TEXT)
        assert coded["auto"] == coded["on" if gains else "off"]
        for header, payload in coded.values():
            assert codec.decode_block(header, payload, default_model()) == raw


@pytest.mark.parametrize(("code", "prior"), [(8000, True), (7600, False)])
def test_what_a_profile_saves_counts_twice(code: int, prior: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are 7 % above the prior or more, but a profile gains more in the whole block, and the prior less."""

    class Fixed:
        def __init__(
            self, converted: bytes, _: CodingOptions, mode: coding.BlockMode, *more: Any, **named: Any
        ) -> None:
            self.mode, self.size = mode, len(converted)
            self.shape = BlockShape(self.size, 1, 16, PROFILES[0])

        @property
        def bits(self) -> float:
            by_profile = {
                block_header.TEXT_PROFILE: 8066,
                block_header.RECORDS_PROFILE: 8079,
                block_header.CODE_PROFILE: code,
            }
            return 7040 if self.mode.prior else by_profile[self.mode.profile]

    monkeypatch.setattr(coding, "BlockCoding", Fixed)
    best = coding.best_coding(bytes(300_000), CodingOptions(default_model()))
    assert best is not None and best.mode.prior == prior


def test_the_sample_is_spread_over_the_block() -> None:
    size = coding.SAMPLE_SIZE // 4
    raw = random.Random(2).randbytes(3 * (1 << 18) + size)
    sample, options = coding._sample(raw, CodingOptions(default_model(), lanes=100))
    starts = [(part << 18) - ((part << 18) - part * size) % coding.ALIGNMENT for part in range(4)]
    assert sample == b"".join(raw[start:][:size] for start in starts)
    for item in (1, 2, 8, 24, 48, 64):
        assert all((start - part * size) % item == 0 for part, start in enumerate(starts))
    assert options.lanes == 100 * coding.SAMPLE_SIZE // len(raw) > 1


@pytest.mark.slow
def test_a_model_without_a_prior(without: Model) -> None:
    header, payload = codec.encode_block(TEXT, CodingOptions(without))
    assert (header, payload) == codec.encode_block(TEXT, CodingOptions(default_model(), "off"))
    assert codec.decode_block(header, payload, without) == TEXT
    with pytest.raises(likezip.UnsupportedError, match="has no prior"):
        codec.encode_block(TEXT, CodingOptions(without, "on"))
    with pytest.raises(likezip.UnsupportedError, match="written with a prior"):
        codec.decode_block(*codec.encode_block(TEXT, CodingOptions(default_model(), "on")), without)


def test_a_broken_prior_is_refused(tmp_path: Path) -> None:
    tensors = {name: tensor for name, tensor in default_model().tensors().items() if name != "prior.head.shift"}
    save_file(tensors, tmp_path / "broken.safetensors")
    with pytest.raises(likezip.FormatError, match=r"prior is not what this likezip needs \('head.shift'\)"):
        likezip.compress(TEXT, model=likezip.load_model(tmp_path / "broken.safetensors"), prior="on")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2])
def test_dtypes_that_numpy_lacks_are_refused(dtype: torch.dtype, tmp_path: Path) -> None:
    """safetensors raises KeyError or AttributeError for some, which once were tracebacks."""
    path = tmp_path / "odd.safetensors"
    torch_save_file({"text.maps": torch.zeros(3).to(dtype)}, path)
    with pytest.raises(likezip.FormatError, match="not a model file"):
        likezip.compress(TEXT, model=likezip.load_model(path))


def test_a_start_of_another_shape_is_refused(tmp_path: Path) -> None:
    tensors = {name: tensor for name, tensor in default_model().tensors().items() if name.startswith("text.")}
    tensors["text.weights"] = tensors["text.weights"][:-1]
    save_file(tensors, tmp_path / "short.safetensors")
    with pytest.raises(likezip.FormatError, match="the model's text is not what this likezip needs"):
        likezip.compress(TEXT, model=likezip.load_model(tmp_path / "short.safetensors"))


def test_a_model_without_a_state_for_numbers_takes_that_of_records(tmp_path: Path) -> None:
    tensors = {name: tensor for name, tensor in default_model().tensors().items() if name.startswith("records.")}
    save_file(tensors, tmp_path / "before.safetensors")
    own = {f"numbers.{name}": tensor for name, tensor in untrained_state().tensors().items()}
    save_file({**tensors, **own}, tmp_path / "after.safetensors")
    before, after = (likezip.load_model(tmp_path / f"{name}.safetensors") for name in ("before", "after"))
    of_records = coding.trained_state_of(before, "records").weights
    assert np.array_equal(coding.trained_state_of(before, "numbers").weights, of_records)
    assert not np.array_equal(coding.trained_state_of(after, "numbers").weights, of_records)
    with pytest.raises(likezip.FormatError, match="no trained state for 'code'"):
        coding.trained_state_of(after, "code")


@pytest.mark.slow
def test_kernels_are_compiled_for_one_kind_of_arguments() -> None:
    """A second kind would be compiled in the middle of the work, without a word: read-only arrays once were one."""
    assert likezip.decompress(likezip.compress(TEXT, prior="on")) == TEXT
    for module in (predictor, parallel, forward, ngrams):
        kernels = [value for value in vars(module).values() if hasattr(value, "overloads") and value.overloads]
        assert all(len(kernel.overloads) == 1 for kernel in kernels if not kernel.targetoptions.get("forceinline"))


@pytest.mark.slow
def test_cross_entropy_is_what_is_written() -> None:
    for options in (CodingOptions(default_model(), "on"), CodingOptions(default_model(), "off")):
        bits = coding.cross_entropy(TEXT, options)
        assert 4 <= len(codec.encode_block(TEXT, options)[1]) - bits / 8 <= 6, "which hold 4 of checksum"


def test_profiles_are_in_the_order_of_their_numbers() -> None:
    named = {
        block_header.TEXT_PROFILE: "text",
        block_header.RECORDS_PROFILE: "records",
        block_header.CODE_PROFILE: "code",
        block_header.NUMBERS_PROFILE: "numbers",
    }
    assert {number: profile.name for number, profile in enumerate(PROFILES)} == named


def test_an_unknown_choice_is_refused() -> None:
    with pytest.raises(ValueError, match="prior must be one of auto, on, off, not maybe"):
        likezip.compress(b"x", prior="maybe")  # type: ignore[arg-type]


@pytest.mark.slow
def test_noise_is_stored_without_being_coded(monkeypatch: pytest.MonkeyPatch) -> None:
    """It took as long as anything else, and only then was found to be no smaller."""
    coded = []
    kind = coding.BlockCoding

    def noted(converted: bytes, *others: Any, **named: Any) -> coding.BlockCoding:
        coded.append(len(converted))
        return kind(converted, *others, **named)

    monkeypatch.setattr(coding, "BlockCoding", noted)
    noise, options = random.Random(6).randbytes(300_000), CodingOptions(default_model())
    header, payload = codec.encode_block(noise, options)
    assert (header.mode, payload) == (block_header.STORED, noise)
    assert coding.cross_entropy(noise, options) == 8 * len(noise)
    assert set(coded) == {coding.SAMPLE_SIZE}
    middle = noise[:140_000] + b"something else than noise " * 800 + noise[160_000:]  # not in the sample
    header, payload = codec.encode_block(middle, options)
    assert header.mode == block_header.MEMORY and len(payload) < len(middle) - 19_000


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", True),
        (b"abc", True),
        (bytes(1000), False),
        (random.Random(1).randbytes(1 << 22), True),
        (random.Random(1).randbytes(50_000) * 2, False),
        (random.Random(1).randbytes(1 << 22) + bytes(5000), False),
    ],
)
def test_repeats_nothing(data: bytes, expected: bool) -> None:
    assert repeats_nothing(data) == expected
