"""The prior of a block of one lane is not asked while a long match goes on, and learns later what came meanwhile."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

import likezip
from likezip.blocks import coding
from likezip.blocks.options import CodingOptions
from likezip.model import default_model
from likezip.prior.forward import Prior
from likezip.prior.parallel import SharedPrior, open_prior

LINE = b"2026-03-%02d 10:%02d:07 INFO worker %d: the job that was begun at noon has come to its end, and all is well\n"


def log(lines: int) -> bytes:
    """Lines that are alike but for some numbers."""
    draw = random.Random(1)
    return b"".join(LINE % (draw.randrange(1, 29), draw.randrange(60), draw.randrange(9)) for _ in range(lines))


def counted(monkeypatch: pytest.MonkeyPatch, kind: type[Prior | SharedPrior]) -> list[int]:
    """A list to which each call of ``catch_up`` adds the number of its bytes."""
    calls, learn = list[int](), kind.catch_up

    def catch_up(
        self: Prior | SharedPrior, known: npt.NDArray[np.int16], guesses: npt.NDArray[np.int16]
    ) -> npt.NDArray[np.int32]:
        calls.append(len(known))
        return learn(self, known, guesses)  # type: ignore[arg-type]

    monkeypatch.setattr(kind, "catch_up", catch_up)
    return calls


@pytest.mark.parametrize("threads", [1, 2])
def test_a_decoder_asks_the_prior_only_where_no_long_match_goes_on(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = log(60)
    packed = likezip.compress(raw, lanes=1, prior="on")
    calls = [counted(monkeypatch, kind) for kind in (Prior, SharedPrior)]
    assert likezip.decompress(packed, threads=threads) == raw
    asked = [size for sizes in calls for size in sizes]
    assert max(asked) > 32 and len(asked) < len(raw) / 2
    assert sum(asked) <= len(raw)


def test_more_than_a_decoder_sleeps_through_in_one_call() -> None:
    raw = log(3) + b"=" * 20_000 + log(3)
    coding_of_it = coding.BlockCoding(raw, CodingOptions(default_model(), lanes=1), coding.prior_mode(default_model()))
    assert coding_of_it.bits < 8 * 400
    assert likezip.decompress(likezip.compress(raw, lanes=1, prior="on")) == raw


def test_several_lanes_do_not_sleep() -> None:
    """A step of several lanes is one product for all of them."""
    raw, options = log(60), CodingOptions(default_model(), "on")
    for lanes in (1, 2):
        shape = coding.BlockCoding(raw, replace(options, lanes=lanes), coding.prior_mode(default_model())).shape
        with coding.open_predictor(shape, options, prior=True) as predictor:
            predictor.run(np.frombuffer(raw, np.uint8))
            slept = bool(predictor.state.registers[0, coding.predictor.ASLEEP])
            assert slept == (lanes == 1)


@pytest.mark.parametrize("backend", ["float32", "int8", None])
def test_catching_up_is_the_same_as_step_by_step(backend: str | None) -> None:
    if backend == "int8":
        pytest.importorskip("torch")
    network, known = coding.network_of(default_model()), np.frombuffer(log(9), np.uint8).astype(np.int16)
    ends = [(1, 1), (2, 5), (9, 9), (16, 23), (700, 707), (len(known), len(known))]  # of what is known, and guessed
    with open_prior(network, len(known), 1) as shared:
        assert isinstance(shared, SharedPrior) or backend
        step_by_step = shared if backend is None else Prior(network, 1, backend)
        wanted = list[npt.NDArray[np.int32]]()
        for byte in known:
            step_by_step.expect(byte[None, None])
            wanted.append(step_by_step.trees[0].copy())
        state = [array.copy() for array in step_by_step.recurrent_state]
    with open_prior(network, len(known), 1) as shared:
        prior = shared if backend is None else Prior(network, 1, backend)
        begin = 0
        for middle, end in ends:
            trees = prior.catch_up(known[begin:middle], known[middle:end])
            assert np.array_equal(trees, wanted[middle - 1 : end])
            begin = end
        assert all(map(np.array_equal, prior.recurrent_state, state))
