"""What each byte costs, samples, and what was expected: against the coder itself."""

import math
import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import likezip
from likezip.blocks import block_header, codec, coding, entropy_coder, predictor
from likezip.blocks.coding import BlockCoding, BlockMode
from likezip.blocks.cost import cost_of_each_byte
from likezip.blocks.options import CodingOptions, PriorChoice
from likezip.frames import container
from likezip.frames.workers import Workers
from likezip.likelihood import density, lookahead
from likezip.likelihood.lookahead import BEST
from likezip.memory.profiles import BESIDE_PRIOR, PROFILES
from likezip.model import Model, default_model

WORDS = b"the quick brown fox jumps over a lazy dog while it rains in the valley of nine rivers".decode().split()

OPTIONS = CodingOptions(default_model(), "off", lanes=1)


def prose(size: int, seed: int = 1) -> bytes:
    choose = random.Random(seed)
    return " ".join(choose.choice(WORDS) for _ in range(size // 3)).encode()[:size]


@pytest.mark.parametrize(("prior", "lanes"), [(False, 1), (True, 1), (True, 3), (True, 7)])
def test_costs_of_bytes_add_up_to_the_block(prior: bool, lanes: int) -> None:
    coding = BlockCoding(
        prose(1003), CodingOptions(default_model(), lanes=lanes), BlockMode(block_header.TEXT_PROFILE, 0, prior)
    )
    costs = coding.byte_costs()
    assert costs.shape == (1003,)
    assert costs.sum() == coding.bits
    assert costs.min() >= 0


def test_a_byte_costs_what_its_eight_decisions_cost() -> None:
    """In three lanes of a block of eleven bytes, which are 4, 4 and 3 long."""
    coding = BlockCoding(
        b"abracadabra", CodingOptions(default_model(), lanes=3), BlockMode(block_header.TEXT_PROFILE, 0)
    )
    ones, bits = (part.astype(float) for part in coding.decisions)
    costs = -np.log2(np.where(bits == 1, ones, 65536 - ones) / 65536)
    steps = costs[: 3 * 24].reshape(3, 8, 3).sum(1)
    last = costs[3 * 24 :].reshape(8, 2).sum(0)
    expected = [*steps[:, 0], last[0], *steps[:, 1], last[1], *steps[:, 2]]
    assert coding.byte_costs() == pytest.approx(expected, abs=1e-4)


def test_threads_change_nothing() -> None:
    raw = prose(3000)
    alone, *shared = (
        BlockCoding(
            raw, CodingOptions(default_model(), "on", 1, threads), BlockMode(block_header.TEXT_PROFILE, 0, True)
        )
        for threads in (1, 2, 3)
    )
    for other in shared:
        assert all(np.array_equal(a, b) for a, b in zip(alone.decisions, other.decisions, strict=True))


@pytest.mark.slow
def test_costs_are_those_of_the_frame_in_one_lane() -> None:
    data = prose(20_000)
    for prior in ("on", "off"):
        frame = likezip.compress(data, prior=prior, lanes=1)
        bits = likezip.byte_costs(data, prior=prior).sum()
        assert 0 <= 8 * len(frame) - 8 * 17 - bits < 100


def test_a_context_makes_what_it_holds_cheap() -> None:
    today, yesterday = prose(2000, seed=2), prose(6000, seed=3)
    costs = [likezip.byte_costs(today, context=context, prior="off").sum() for context in (b"", yesterday, today)]
    assert costs[2] < 0.1 * costs[1] < 0.09 * costs[0]


def test_costs_of_a_context_are_left_out() -> None:
    both = likezip.byte_costs(prose(3000), prior="off")
    parts = likezip.byte_costs(prose(3000)[1000:], context=prose(3000)[:1000], prior="off")
    assert parts.shape == (2000,)
    assert parts.sum() == pytest.approx(both[1000:].sum(), rel=0.02)  # but for the way, chosen by another sample


@pytest.mark.slow
def test_blocks_come_after_the_end_of_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the beginning of each block of a long file would be a surprise."""
    monkeypatch.setattr(container, "default_block_size", lambda size: 1 << 16)
    data = prose(3 << 16, seed=4)
    costs = likezip.byte_costs(data, prior="off")
    assert costs.size == len(data)
    first, second = costs[:2000].sum(), costs[1 << 16 :][:2000].sum()
    assert second < 0.85 * first
    with Workers(2) as workers:
        blocks = [raw for raw, _ in density.stream_costs(_source(data), workers, OPTIONS)]
    assert b"".join(blocks) == data


@pytest.mark.slow
def test_costs_do_not_depend_on_workers() -> None:
    data = prose(150_000)
    found = []
    for threads in (1, 2):
        with Workers(threads) as workers:
            blocks = density.stream_costs(_source(data), workers, OPTIONS, block_size=1 << 16, context=b"the quick")
            found.append(np.concatenate([costs for _, costs in blocks]))
    assert np.array_equal(*found)


def _source(data: bytes) -> "likezip.LikezipFile":
    import io

    return io.BytesIO(data)  # type: ignore[return-value]


def test_noise_costs_eight_bits_a_byte() -> None:
    assert set(likezip.byte_costs(random.Random(1).randbytes(100_000))) == {8.0}
    assert likezip.byte_costs(b"").size == 0


@pytest.mark.slow
def test_noise_that_came_before_is_cheap() -> None:
    """Whether something is noise depends on what is before it, too."""
    noise = random.Random(2).randbytes(40_000)
    assert likezip.byte_costs(noise, context=noise).mean() < 1
    assert likezip.byte_costs(b"\xff\x80Zq\x01", context=b"\xff\x80Zq\x01" * 100).sum() < 10


def test_options_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="prior must be one of"):
        likezip.byte_costs(b"x", prior="maybe")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="prior must be one of"):
        likezip.sample(1, prior="maybe")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="threads must be at least 1"):
        likezip.sample(1, threads=0)
    assert likezip.byte_costs(b"xyz", context=memoryview(b"xyz")).size == 3


def test_costs_of_machine_code_are_by_byte() -> None:
    """Of 50 calls of two functions; the transform moves no byte."""
    code = b"".join(
        b"\x90\x8b\xe8" + ((7000 if i % 2 else 9000) - 8 * i - 8).to_bytes(4, "little") + b"\xc3" for i in range(50)
    )
    assert coding.transformed(code)[0] == block_header.X86
    costs = likezip.byte_costs(code)
    assert costs.size == len(code)
    assert costs[200:].sum() < 0.2 * costs[:200].sum()


@pytest.mark.parametrize("prior", [False, True])
@pytest.mark.parametrize("split", [1, 700, 2999])
def test_going_on_behind_what_is_learnt_gives_the_same_decisions(prior: bool, split: int) -> None:
    """As all of it at once; and more than once."""
    known, profile = (
        np.frombuffer(prose(3000), np.uint8),
        BESIDE_PRIOR if prior else PROFILES[block_header.TEXT_PROFILE],
    )
    whole = predictor.BlockShape(3000, 1, 19, profile)
    with coding.open_predictor(whole, OPTIONS, prior=prior) as first:
        expected = first.run(known)
    with coding.open_predictor(replace(whole, size=split), OPTIONS, prior=prior) as second:
        second.run(known[:split])
        learnt = second.learnt()
    for _ in range(2):
        with coding.open_predictor(whole, OPTIONS, prior=prior) as third:
            third.go_on(learnt)
            decisions = third.run(known)
        assert all(np.array_equal(a, b[8 * split :]) for a, b in zip(decisions, expected, strict=True))


@pytest.mark.parametrize("prior", [False, True])
def test_costs_behind_a_context_are_those_of_one_run(prior: bool) -> None:
    """With as large a table."""
    context, raw, mode = prose(2000, seed=7) + b"\n", prose(900, seed=8), BlockMode(block_header.TEXT_PROFILE, 0, prior)
    costs = density._costs_behind(context, raw, OPTIONS, mode, None)
    shape = mode.shape(len(context + raw), 1, block_header.default_table_bits(len(context) + container.DEFAULT_BLOCK))
    with coding.open_predictor(shape, OPTIONS, prior=prior) as whole:
        decisions = whole.run(np.frombuffer(context + raw, np.uint8))
    assert np.array_equal(costs, cost_of_each_byte(*decisions, shape.size, 1)[len(context) :])


def test_a_context_is_learnt_once_for_all_blocks_and_files(monkeypatch: pytest.MonkeyPatch) -> None:
    context, learnt = prose(5000, seed=9), list[bytes]()
    learn, told = density._learn, list[int]()

    def noted(context: bytes, *others: Any) -> predictor.Learnt:
        learnt.append(context)
        return learn(context, *others)

    monkeypatch.setattr(density, "_learn", noted)
    with Workers(1) as workers:
        for seed in (4, 5):
            source = _source(prose(1000, seed=seed))
            costs = density.stream_costs(source, workers, OPTIONS, context=context, advance=told.append)
            assert sum(part.size for _, part in costs) == 1000
    assert learnt == [context]
    assert sum(told) == 2000 and told[0] == 0
    for other in (b"another", b"and another"):
        likezip.byte_costs(b"x", context=other, prior="off")
    assert len(density._learnt_contexts) <= density.MOST_CONTEXTS


@pytest.mark.slow
@pytest.mark.parametrize("prior", ["on", "off"])
@pytest.mark.parametrize("prompt", [b"", prose(5000)])
def test_a_sample_takes_the_bits_that_drew_it(prior: PriorChoice, prompt: bytes) -> None:
    """Within 1 % and a word: what is decoded is what would be encoded."""
    data, bits = density.sample_and_bits(4000, CodingOptions(default_model(), prior, 1), prompt=prompt, seed=5)
    assert len(data) == 4000
    if prompt:
        mode = coding.sampled_codings(prompt, CodingOptions(default_model(), prior, 1))[0].mode
    else:
        mode = BlockMode(block_header.TEXT_PROFILE, 0, prior == "on")
    costs = BlockCoding(prompt + data, CodingOptions(default_model(), prior, 1), mode).byte_costs()[len(prompt) :]
    assert costs.sum() == pytest.approx(bits, rel=0.01, abs=32)
    assert bits > 10


def test_a_seed_gives_the_same_sample_and_another_another() -> None:
    assert likezip.sample(200, seed=1) == likezip.sample(200, seed=1, threads=2) != likezip.sample(200, seed=2)
    assert likezip.sample(200) != likezip.sample(200)
    # PCG64's raw output is promised not to change; this is what it means today
    assert np.random.PCG64(1).random_raw() == 9441442522235856127


@pytest.mark.slow
def test_a_sample_compresses_to_the_bits_that_drew_it() -> None:
    """In one lane; 18 bytes are the container's, 4 of them the checksum in the code words."""
    options = CodingOptions(default_model(), "on", 1)
    data, bits = density.sample_and_bits(30_000, options, seed=7, prompt=prose(20_000))
    alone, bits_alone = density.sample_and_bits(30_000, options, seed=7)
    assert bits_alone == pytest.approx(8 * (len(likezip.compress(alone, prior="on", lanes=1)) - 18), rel=0.01, abs=64)
    assert bits == pytest.approx(likezip.byte_costs(data, context=prose(20_000), prior="on").sum(), rel=0.01)


def test_samples_follow_their_prompt() -> None:
    """A text of a dozen words goes on in such words."""
    drawn = likezip.sample(1000, prompt=prose(20_000), seed=9).decode(errors="replace").split()
    assert sum(word in WORDS for word in drawn) > 0.8 * len(drawn)


def test_a_sample_of_machine_code_is_made_relative_again() -> None:
    code = b"".join(
        b"\x90\x8b\xe8" + ((7000 if i % 2 else 9000) - 8 * i - 8).to_bytes(4, "little") + b"\xc3" for i in range(200)
    )
    drawn = likezip.sample(160, prompt=code, seed=1)
    following = b"".join(
        b"\x90\x8b\xe8" + ((7000 if i % 2 else 9000) - 8 * i - 8).to_bytes(4, "little") + b"\xc3"
        for i in range(200, 220)
    )
    assert sum(a == b for a, b in zip(drawn, following, strict=True)) > 120


def test_long_samples_need_new_words() -> None:
    """So many that the words at hand have to be filled up, and compressing them takes as many bits."""
    words = entropy_coder.RandomWords(3)
    assert words.words.size == entropy_coder.RandomWords.ROOM
    left = int(words.state[1])
    words.state[1] = 5
    kept = words.words[:5].copy()
    words.refill()
    assert np.array_equal(words.words[-5:], kept)
    assert words.state[1] == words.words.size > entropy_coder.RandomWords.ROOM // 2
    assert words.spent() == pytest.approx(32 * (entropy_coder.RandomWords.ROOM - 5) - math.log2(int(words.state[0])))
    assert left == entropy_coder.RandomWords.ROOM - 2


def test_sizes_and_seeds_out_of_range_are_refused() -> None:
    assert likezip.sample(0) == b""
    with pytest.raises(ValueError, match="must have 0 to"):
        likezip.sample(-1)
    with pytest.raises(ValueError, match="must have 0 to"):
        likezip.sample(1 << 30, prompt=b"x")
    with pytest.raises(ValueError):
        likezip.sample(1, seed=-1)


@pytest.fixture
def model() -> Model:
    return default_model()


def test_a_short_block_is_stored_if_it_would_be(model: Model) -> None:
    for raw in (b"abc", b"hello", b"hello hello hello hello"):
        mode = codec.encode_block(raw, CodingOptions(model))[0].mode
        assert lookahead.look_ahead(raw, CodingOptions(model)).mode == mode
    assert lookahead.look_ahead(b"abc", CodingOptions(model)).mode == block_header.STORED != mode


@pytest.mark.parametrize(("prior", "lanes"), [("on", 3), ("off", 1)])
def test_looking_changes_nothing(prior: PriorChoice, lanes: int, model: Model) -> None:
    raw = prose(900)
    sight = lookahead.look_ahead(raw, CodingOptions(model, prior, lanes))
    best = coding.best_coding(raw, CodingOptions(model, prior, lanes))
    assert best is not None
    assert np.array_equal(sight.costs, best.byte_costs())
    assert (sight.lanes, sight.profile) == (lanes, "both" if prior == "on" else best.shape.profile.name)
    assert np.isnan(sight.lookahead.prior).all() == (prior == "off")


def test_expected_bytes_come_true_as_often_as_they_say(model: Model) -> None:
    raw = prose(6000)
    sight = lookahead.look_ahead(raw, CodingOptions(model, "on", 1))
    found = sight.lookahead
    actual = np.frombuffer(raw, np.uint8)
    assert (np.diff(found.chances, axis=1) <= 0).all()
    assert all(len(set(three)) == BEST for three in found.expected.tolist())
    hit = found.expected == actual[:, None]
    for place in range(BEST):
        assert hit[:, place].mean() == pytest.approx(found.chances[:, place].mean(), abs=0.03)
    # a byte that was expected has the chance that its cost says, but for what is learnt from its first bits
    rows, places = np.nonzero(hit)
    assert np.abs(np.log2(found.chances[rows, places]) + sight.costs[rows]).mean() < 0.05


@pytest.mark.slow
def test_expected_bytes_are_the_best_of_all(model: Model) -> None:
    """Against all 256 by changing the byte that comes: what it costs is its chance, but for learning within it."""
    raw = prose(300)
    found = lookahead.look_ahead(raw, CodingOptions(model, "off", 1))
    mode = coding.sampled_codings(raw, CodingOptions(model, "off", 1))[0].mode
    for place in (17, 120, 299):
        costs = []
        for byte in range(256):
            other = raw[:place] + bytes([byte]) + raw[place + 1 :]
            costs.append(BlockCoding(other, CodingOptions(model, lanes=1), mode).byte_costs()[place])
        best = np.argsort(costs, kind="stable")[0]
        assert best == found.lookahead.expected[place, 0]
        assert found.lookahead.chances[place, 0] == pytest.approx(2 ** -costs[best], rel=0.25)


def test_what_each_alone_would_have_taken(model: Model) -> None:
    raw = prose(3000)
    sight = lookahead.look_ahead(raw, CodingOptions(model, "on", 1))
    memory = likezip.byte_costs(raw, prior="off")
    assert sight.memory.sum() == pytest.approx(memory.sum())
    assert sight.costs.sum() < min(memory.sum(), sight.lookahead.prior.sum())


@pytest.mark.slow
def test_of_noise_nothing_is_expected(model: Model) -> None:
    sight = lookahead.look_ahead(random.Random(1).randbytes(40_000), CodingOptions(model))
    assert sight.mode == block_header.STORED
    assert not sight.lookahead.chances.any()
    assert set(sight.costs) == {8.0}
