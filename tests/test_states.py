"""Training of the memory's trained states in the small."""

from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from likezip.memory import mixer
from likezip.memory.profiles import BESIDE_PRIOR, PROFILES, TEXT
from likezip.memory.trained_state import TrainedState, untrained_state
from likezip.training import release, states
from likezip.training.recipe import Recipe
from likezip.training.twin import Shape

_WORDS = [b"alpha", b"beta", b"gamma", b"delta", b"(x", b"y)", b"==", b"return", b"\n", b"0", b"17"]


def _text(random: np.random.Generator) -> bytes:
    return b" ".join(_WORDS[i] for i in random.integers(0, len(_WORDS), 300))


def _records(random: np.random.Generator) -> bytes:
    rows = [
        b"\0\1" + int(n).to_bytes(3, "little") + bytes([i % 7, 0, 9])
        for i, n in enumerate(random.integers(0, 9999, 200))
    ]
    return b"".join(rows)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(states, "LARGEST_BLOCK", 1 << 12)
    monkeypatch.setattr(states, "MOST_REFUSED", 5)


@pytest.mark.slow
def test_a_trained_start_is_better_on_other_data() -> None:
    random = np.random.default_rng(5)
    classes = {"text": [_text(random) for _ in range(40)], "count": [_records(random) for _ in range(40)]}
    for profile, raw in ((TEXT, _text(random)), (PROFILES[1], _records(random))):
        trained = states.train(classes, profile, 0.1, 1, 30)
        assert states._bits_of(raw, profile, trained) < 0.9 * states._bits_of(raw, profile, untrained_state())


def test_a_block_counts_for_the_profile_that_suits_it() -> None:
    random = np.random.default_rng(6)
    for raw, suited in ((Path(__file__).read_bytes(), "text"), (_records(random), "numbers")):
        assert [profile.name for profile in PROFILES if states._suits(raw, profile)] == [suited]


def test_a_trusted_start_still_adapts() -> None:
    start = untrained_state()
    start.maps[1::256] |= np.uint32(mixer.MAP_LIMIT)
    start.correction.squares[:] = 4000
    trusted = states.trust(start, 30, 4 * states.CORRECTION_SEEN)
    counts = trusted.maps & np.uint32(mixer.FROZEN)
    assert counts[1::256].max() == 30
    assert (counts[0:256:256] == mixer.FROZEN).all()
    assert np.array_equal(trusted.maps >> np.uint32(10), start.maps >> np.uint32(10))
    assert (trusted.correction.squares == 1000).all()
    assert (states.trust(start, 30, 1000).correction.squares == 4000).all()


@pytest.mark.parametrize("excluded", [(), ("second",)])
def test_a_release_begins_with_the_starts_of_all_profiles(tmp_path: Path, excluded: tuple[str, ...]) -> None:
    random = np.random.default_rng(7)
    for name in ("prose/first", "prose/second", "validation/prose/third"):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_bytes(_text(random) + _records(random) + _text(random))
    data = release.Data.read(tmp_path / "data", excluded)
    assert len(data.files["prose"]) == 2 - len(excluded)
    said = list[str]()
    path = release.trained_states_file(data, Recipe(Shape(), 1.0, state_megabytes=0.004), tmp_path, said.append)
    with safe_open(path, "numpy") as opened:
        tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    for profile in PROFILES:
        TrainedState.of(
            {name.partition(".")[2]: tensor for name, tensor in tensors.items() if name.startswith(profile.name)}
        )
    assert not any(name.startswith(BESIDE_PRIOR.name) for name in tensors)
    release.trained_states_file(data, Recipe(Shape(), 1.0), tmp_path, said.append)
    assert len(said) == len(PROFILES)  # a second time nothing is trained
