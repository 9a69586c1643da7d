"""The compressors that are measured, each in a process of its own, and what is measured of them."""

import os
import sys
from pathlib import Path

import pytest
from roundtrip import block_headers

from benchmarks import bound, measure, modules, peers, runner, sources
from benchmarks.peers import Peer
from benchmarks.runner import Usage
from likezip.blocks import block_header

DATA = b"some data " * 500
COPY = Peer("copy", ("cat",), ("cat",), "")


def program(place: Path, name: str, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program, a script in Python, on the PATH."""
    file = place / name
    file.write_text(f"#!{sys.executable} -S\n{script}\n")
    file.chmod(0o700)
    monkeypatch.setenv("PATH", f"{place}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.slow
@pytest.mark.parametrize("commands", [True, False])
def test_peers_come_back(commands: bool) -> None:
    found = peers.available_peers(peers.PEERS, commands=commands)
    assert {"gzip -9", "bzip2 -9", "xz -9e"} <= {peer.name for peer in found}
    for peer in found:
        taken = measure.trip(DATA, peer)
        assert 0 < len(taken.packed) < 1500
        assert taken.compress.wall > 0 < taken.decompress.wall
        assert peer.how.startswith(("command: ", "module: ") if commands else "module: ")


def test_peers_by_name() -> None:
    assert [peer.name for peer in peers.available_peers(["xz", "gzip"])] == ["xz -9e", "gzip -9"]
    with pytest.raises(ValueError, match="no peer lzip"):
        peers.available_peers(["xz", "lzip"])
    assert set(peers.QUICK) | set(peers.SLOW) == set(peers.PEERS)
    assert peers.SLOW == ("zpaq", "paq8px", "cmix", "lstm-compress")


@pytest.mark.slow
def test_programs_and_modules_write_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The options of both mean the same; sizes differ by headers, and with versions."""
    for name in modules.MODULES:
        both = [peers.available_peers([name], commands=commands) for commands in (True, False)]
        if all(both) and both[0] != both[1]:
            data = sources.hidden_markov(20_000).data
            sizes = [len(measure.trip(data, peer).packed) for (peer,) in both]
            assert abs(sizes[0] - sizes[1]) < 0.01 * sizes[0] + 40, name


FAKE = """
def compress(data, *options, **named): return repr((options, sorted(named.items()))).encode() + b"|" + bytes(data)
def decompress(data): return data.partition(b"|")[2]
"""


@pytest.mark.parametrize(
    ("peer", "module", "options"),
    [("bzip3", "bz3", "((16777216,), [])"), ("brotli", "brotli", "((), [('lgwin', 24), ('quality', 11)])")],
)
def test_a_package_where_there_is_no_program(
    peer: str, module: str, options: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / f"{module}.py").write_text(FAKE)
    (tmp_path / f"{peer}-1.2.dist-info").mkdir()
    (tmp_path / f"{peer}-1.2.dist-info" / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {peer}\nVersion: 1.2\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, module, None)  # so that it is gone afterwards, if it is not here
    monkeypatch.delitem(sys.modules, module)
    (found,) = peers.available_peers([peer], commands=False)
    assert found.how == f"module: {peer} 1.2"
    assert measure.trip(b"copied", found).packed == options.encode() + b"|copied"
    monkeypatch.setitem(sys.modules, module, None)
    assert peers.available_peers([peer], commands=False) == []


def test_a_program_that_takes_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the context mixers do, whose programs print on standard output meanwhile."""
    script = """
import sys
if len(sys.argv) == 1:
    sys.exit("lpaq8 made for this test\\nUsage: ...")
mode, source, target = sys.argv[1:]
data = open(source, "rb").read()
open(target, "wb").write(b"!" + data if mode == "9" else data[1:])
print("done")
"""
    program(tmp_path, "lpaq8", script, monkeypatch)
    (found,) = peers.available_peers(["lpaq8"])
    assert found.how == "command: lpaq8 made for this test"
    assert measure.trip(DATA, found).packed == b"!" + DATA


def test_a_program_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert peers.available_peers(["cmix"]) == []
    (found,) = peers.available_peers(["xz"])
    assert found.compress == ("python", "-P", "-m", "benchmarks.modules", "xz", "compress")
    with pytest.raises(RuntimeError, match=r"cmix failed.*No such file"):
        measure.trip(DATA, Peer("cmix", ("cmix",), ("cmix",), ""))


@pytest.mark.parametrize(
    ("compress", "decompress", "said"),
    [
        ("raise SystemExit('no such thing')", "", "failed.*no such thing"),
        ("import os; os.kill(os.getpid(), 9)", "", r"failed \(-9\)"),
        ("print('short')", "print('but not the same')", "liar: a round trip changed the data"),
        ("", "", "liar: a round trip changed the data"),
    ],
)
def test_a_peer_that_fails_or_lies_is_an_error(compress: str, decompress: str, said: str) -> None:
    peer = Peer("liar", (sys.executable, "-c", compress), (sys.executable, "-c", decompress), "")
    with pytest.raises(RuntimeError, match=said):
        measure.trip(DATA, peer)


def test_a_peer_that_writes_no_file_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="true packed wrote no file"):
        measure.trip(DATA, Peer("liar", ("true", "PACKED"), ("true", "BACK"), ""))
    with pytest.raises(RuntimeError, match="true back wrote no file"):
        measure.trip(DATA, Peer("liar", ("cat",), ("true", "BACK"), ""))


def test_options_from_elsewhere_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GZIP", "-1")
    monkeypatch.setenv("XZ_OPT", "-0")
    assert {"GZIP", "XZ_OPT"}.isdisjoint(runner.environment())


@pytest.mark.slow
def test_time_and_memory_are_those_of_the_process(tmp_path: Path) -> None:
    nothing = tmp_path / "nothing"
    nothing.touch()
    script = "import time; block = bytes(10**8); block = block.replace(b'\\0', b'x'); time.sleep(0.3)"
    used = runner.run(["python", "-I", "-S", "-c", script], tmp_path, nothing, None)
    assert used.wall > 0.3
    assert 0 < used.cpu < used.wall  # it sleeps
    assert used.peak_MB > 100
    least = runner.run(["true"], tmp_path, nothing, None)
    assert least.peak_MB < 30  # though this process, with all that it has imported, is far larger


def test_spreads() -> None:
    run = measure.run_of(3_000_000, 1000, [Usage(3, 5, 7), Usage(1, 4, 9), Usage(2, 1, 8)], [Usage(0.5, 1, 1)])
    assert run["compress"]["MB_s"] == {"median": 1.5, "min": 1.0, "max": 3.0}
    assert run["compress"]["seconds"] == [3, 1, 2]
    assert run["compress"]["cpu_seconds"] == [5, 4, 1]
    assert run["compress"]["peak_MB"] == 9
    assert run["decompress"]["MB_s"] == {"median": 6.0, "min": 6.0, "max": 6.0}
    assert (run["ratio"], run["bits_per_byte"]) == (3000, pytest.approx(8 / 3000))
    assert Usage(1, 2, 3) + Usage(10, 20, 2) == Usage(11, 22, 3)


def test_several_runs() -> None:
    found = measure.measure(DATA, [COPY, *peers.available_peers(["gzip"])], 3)
    assert list(found) == ["copy", "gzip -9"]
    assert found["copy"].packed == DATA
    for measured in found.values():
        for way in (measured.run["compress"], measured.run["decompress"]):
            assert len(way["seconds"]) == len(way["cpu_seconds"]) == 3
            assert 0 < way["MB_s"]["min"] <= way["MB_s"]["median"] <= way["MB_s"]["max"]
            assert way["MB_s"]["max"] == pytest.approx(len(DATA) / 1e6 / min(way["seconds"]), rel=0.01)
            assert way["peak_MB"] > 0
    with pytest.raises(ValueError, match="repeat"):
        measure.measure(DATA, [COPY], 0)


def test_start_up() -> None:
    slow = Peer("slow", ("sh", "-c", "sleep 0.2; cat"), ("cat",), "")
    found = measure.startup(slow, 1)
    assert found["compress_seconds"] > 0.2
    assert 0 < found["decompress_seconds"] < found["compress_seconds"]


@pytest.mark.slow
def test_likezip_is_a_process_with_these_options() -> None:
    data = sources.markov_chain(70_000).data
    one = measure.trip(data, peers.likezip_peer("a", "--lanes", "7", "--prior", "off", "--block-size", "65536"))
    header = block_headers(one.packed)[0]
    assert (header.lanes, header.raw_size, header.mode) == (7, 1 << 16, block_header.MEMORY)
    assert one.compress.peak_MB > 50


@pytest.mark.slow
def test_bound_adds_up() -> None:
    data = sources.markov_chain(5_000).data
    frame = measure.trip(data, peers.likezip_peer(peers.LIKEZIP)).packed
    found = bound.entropy_bound(data, frame)
    assert 0 <= found["coder_overhead"] <= 40 + 0.0005 * found["cross_entropy"]
    assert found["cross_entropy"] + found["coder_overhead"] + found["container"] == pytest.approx(len(frame))
    empty = bound.entropy_bound(b"", measure.trip(b"", peers.likezip_peer(peers.LIKEZIP)).packed)
    assert (empty["cross_entropy"], empty["coder_overhead_percent"]) == (0, 0)
