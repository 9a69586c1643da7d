"""The prior trained beside the memory: the memory's logits, the loss, and that less is learnt of what it knows."""

import math

import numpy as np
import pytest
import torch

from likezip.blocks import block_header, predictor
from likezip.memory import mixer
from likezip.memory.profiles import TEXT
from likezip.memory.trained_state import untrained_state
from likezip.prior.ngrams import FIRST_FEATURES
from likezip.training import mixture
from likezip.training.segments import SEGMENT, Feed


def _segments() -> mixture.SegmentsBesideMemory:
    random = np.random.default_rng(3)
    classes = {"a": random.integers(0, 4, 400_000).astype(np.uint8), "b": np.tile(np.arange(200, dtype=np.uint8), 1500)}
    return mixture.SegmentsBesideMemory(classes, {"a": 1, "b": 1}, 1, untrained_state)


def _feed() -> Feed:
    return Feed(_segments(), FIRST_FEATURES, 1, SEGMENT // 2)


@pytest.mark.slow
def test_the_memory_has_coded_each_segment_in_its_block() -> None:
    segments = _segments()
    chosen, start, lane = segments.place()
    raw = np.concatenate([segments.read((chosen, start, i)) for i in range(mixture.LANES)])
    bits = block_header.default_table_bits(raw.size)
    shape = predictor.BlockShape(raw.size, mixture.LANES, bits, TEXT)
    ones, _ = predictor.Predictor(shape, untrained_state()).run(raw)
    ones = predictor.by_lane(ones.reshape(SEGMENT, -1), mixture.LANES)[:, :, lane]
    found = mixer.SQUASH[segments.memory_logits((chosen, start, lane)).astype(int) + mixer.LOGIT_LIMIT]
    assert np.abs(np.log(found / ones)).max() < 0.01


def test_blocks_are_coded_before_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixture, "BLOCKS", 3)
    content = {"a": np.random.default_rng(3).integers(0, 4, 400_000).astype(np.uint8)}
    segments = mixture.SegmentsBesideMemory(content, {"a": 1}, 1, untrained_state, lanes=2)
    for _ in range(3 * 2):
        segments.memory_logits(segments.place())
    coded = set(segments._coded)
    assert len(coded) == 6
    assert {segments.place()[:2] for _ in range(3 * 2)} <= coded


@pytest.mark.slow
def test_a_feed_hands_the_logits_out_with_their_bytes() -> None:
    feed, segments, resumed = _feed(), _segments(), _feed()
    batches = [feed.batch() for _ in range(6)]
    for segment in range(3):
        place = segments.place()
        for half in range(2):
            batch, part = batches[2 * segment + half], slice(half * SEGMENT // 2, (half + 1) * SEGMENT // 2)
            assert np.array_equal(batch.following[:, 0], segments.read(place)[part])
            assert np.array_equal(batch.memory_logits[:, 0], segments.memory_logits(place)[part])
    resumed.skip(4)
    assert np.array_equal(resumed.batch().memory_logits, batches[4].memory_logits)


@pytest.mark.slow
def test_log_odds() -> None:
    torch.manual_seed(1)
    logits, following = torch.randn(50, 256) * 3, torch.randint(0, 256, (50,))
    found, p = mixture.log_odds(logits, following), torch.softmax(logits, 1) * (1 - 2.0**-12) + 2.0**-20
    for row in range(50):
        for bit in range(8):
            symbols = [symbol for symbol in range(256) if symbol >> (8 - bit) == following[row] >> (8 - bit)]
            same = [symbol for symbol in symbols if symbol >> (7 - bit) == following[row] >> (7 - bit)]
            right = float(p[row, same].sum() / p[row, symbols].sum())
            assert float(torch.sigmoid(found[row, bit])) == pytest.approx(right, abs=1e-4)


def test_the_weights_decide_whose_bits_count() -> None:
    torch.manual_seed(2)
    logits, following, memory_logits = torch.randn(40, 256), torch.randint(0, 256, (40,)), torch.full((40, 8), 256)
    both = mixture.Mixture()
    with torch.no_grad():
        both.weights[0], both.weights[1] = 1.0, 0.0
        alone, mixed = both(logits, following, memory_logits)
        assert float(mixed) == pytest.approx(float(alone), rel=1e-3)
        both.weights[0], both.weights[1] = 0.0, 1.0
        ones = np.unpackbits(following.numpy().astype(np.uint8)).mean()
        nats = 8 * (ones * math.log(1 + math.exp(-1)) + (1 - ones) * math.log(1 + math.exp(1)))
        assert float(both(logits, following, memory_logits)[1]) == pytest.approx(nats, rel=1e-4)
