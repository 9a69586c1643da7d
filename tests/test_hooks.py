"""fsspec, pandas, Dask, numcodecs and Zarr with likezip registered, each as far as it is installed."""

import io
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import likezip
from likezip.hooks import sqlite

LINES = [f"{i},{i * i % 97},name {i % 7}" for i in range(300)]
CSV = "\n".join(["number,square,name", *LINES, ""])


@pytest.fixture(scope="session")
def fsspec() -> Any:
    """With "likezip" registered."""
    library = pytest.importorskip("fsspec")
    from likezip.hooks import fsspec as _  # noqa: F401

    return library


@pytest.fixture
def memory(fsspec: Any) -> Iterator[Any]:
    """fsspec's file system in memory, empty."""
    files = fsspec.filesystem("memory")
    yield files
    files.rm("/", recursive=True)


def test_importing_the_hook_imports_nothing_heavy(fsspec: Any) -> None:
    code = "import likezip.hooks.fsspec, sys; assert not {'numpy', 'numba', 'torch', 'pandas'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("compression", ["likezip", "infer"])
def test_fsspec_writes_and_reads(compression: str, memory: Any, fsspec: Any) -> None:
    with fsspec.open("memory://table.csv.lz", "w", compression=compression, newline="") as file:
        file.write(CSV)
    assert likezip.decompress(memory.cat("/table.csv.lz")) == CSV.encode()
    with fsspec.open("memory://table.csv.lz", "rb", compression=compression) as file:
        assert file.read() == CSV.encode()
    with fsspec.open("memory://table.csv.lz", "r", compression=compression, newline="") as file:
        assert list(file) == CSV.splitlines(keepends=True)


def test_fsspec_seeks(memory: Any, fsspec: Any) -> None:
    data = CSV.encode() * 18
    memory.pipe("/table.lz", likezip.compress(data, block_size=1 << 16, prior="off"))
    with fsspec.open("memory://table.lz", "rb", compression="infer") as file:
        for place in (len(data) - 10, 5, 66_000, 66_005):
            file.seek(place)
            assert file.read(20) == data[place : place + 20]


@pytest.mark.parametrize("protocol", ["memory", "local"])
def test_closing_closes_the_file_below(protocol: str, fsspec: Any, tmp_path: Path) -> None:
    """``fs.open`` gives only the outer one."""
    files, path = fsspec.filesystem(protocol), str(tmp_path / "some.lz")
    file = files.open(path, "wb", compression="infer")
    file.write(b"some bytes")
    file.close()
    assert file._below.closed or protocol == "memory"  # whose files are never closed
    assert likezip.decompress(files.cat(path)) == b"some bytes"


def test_appending_adds_a_frame(fsspec: Any, tmp_path: Path) -> None:
    path = tmp_path / "some.lz"
    for text in ("one\n", "two\n"):
        with fsspec.open(f"local://{path}", "a", compression="infer", newline="") as file:
            file.write(text)
    assert likezip.decompress(path.read_bytes()) == b"one\ntwo\n"


def test_a_file_whose_writing_failed_is_incomplete(memory: Any) -> None:
    with pytest.raises(KeyError), memory.open("/some.lz", "wb", compression="infer") as file:
        file.write(b"some bytes")
        raise KeyError
    with pytest.raises(likezip.TruncatedError):
        likezip.decompress(memory.cat("/some.lz"))


def test_damage_is_an_error_for_fsspec(memory: Any, fsspec: Any) -> None:
    frame = bytearray(likezip.compress(CSV.encode(), prior="off"))
    frame[len(frame) // 2] ^= 1
    memory.pipe("/table.lz", bytes(frame))
    with pytest.raises(likezip.CorruptError), fsspec.open("memory://table.lz", "r", compression="infer") as file:
        file.read()


def test_options_for_writing(memory: Any) -> None:
    from likezip.hooks.fsspec import register

    register(block_size=1 << 17, prior="off", threads=1)
    content = random.Random(6).randbytes((1 << 17) + 10)  # of two blocks, as a frame of one does not say how large
    try:
        with memory.open("/some.lz", "wb", compression="infer") as file:
            file.write(content)
        with memory.open("/some.lz", "rb", compression="infer") as file:
            assert file.read() == content
    finally:
        register()
    assert likezip.get_frame_info(memory.cat("/some.lz")).block_size == 1 << 17


def test_members_of_a_compressed_archive(memory: Any, fsspec: Any) -> None:
    import tarfile

    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as members:
        member = tarfile.TarInfo("table.csv")
        member.size = len(CSV.encode())
        members.addfile(member, io.BytesIO(CSV.encode()))
    memory.pipe("/archive.tar.lz", likezip.compress(archive.getvalue(), prior="off"))
    with fsspec.open("tar://table.csv::memory://archive.tar.lz", "r", newline="") as file:
        assert file.read() == CSV


def test_a_cache_of_decompressed_files(memory: Any, fsspec: Any, tmp_path: Path) -> None:
    memory.pipe("/table.csv.lz", likezip.compress(CSV.encode(), prior="off"))
    cache = {"cache_storage": str(tmp_path), "compression": "infer"}
    with fsspec.open("filecache::memory://table.csv.lz", "r", filecache=cache, newline="") as file:
        assert file.read() == CSV


@pytest.mark.slow
def test_pandas(memory: Any, fsspec: Any) -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.read_csv(io.StringIO(CSV))
    for compression in ("likezip", "infer"):
        options: dict[str, Any] = {"storage_options": {"compression": compression}}
        table.to_csv("memory://table.csv.lz", index=False, **options)
        assert pandas.read_csv(io.BytesIO(likezip.decompress(memory.cat("/table.csv.lz")))).equals(table)
        assert pandas.read_csv("memory://table.csv.lz", **options).equals(table)
    table.to_json("memory://table.lz", orient="records", lines=True, **options)
    assert pandas.read_json("memory://table.lz", orient="records", lines=True, **options).equals(table)
    with fsspec.open("memory://table.csv.lz", compression="infer") as file:
        assert pandas.read_csv(file).equals(table)
    with likezip.open(io.BytesIO(memory.cat("/table.csv.lz"))) as file:
        pieces = list(pandas.read_csv(file, chunksize=70))
    assert pandas.concat(pieces).equals(table)


@pytest.mark.slow
def test_dask_processes_without_a_cluster(fsspec: Any, tmp_path: Path) -> None:
    dask = pytest.importorskip("dask")
    bag = pytest.importorskip("dask.bag")
    from likezip.hooks.fsspec import register

    (tmp_path / "some.txt.lz").write_bytes(likezip.compress(b"one\ntwo\n"))
    read = bag.read_text(str(tmp_path / "some.txt.lz"), compression="infer")
    with dask.config.set({"multiprocessing.initializer": register}):
        assert read.compute(scheduler="processes", num_workers=1) == ["one\n", "two\n"]


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Of two worker processes of Dask's, which load the hook when they begin."""
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        memory_limit=0,
        preload=["likezip.hooks.fsspec"],
    )
    with cluster, distributed.Client(cluster) as connected:
        yield connected


def _registered() -> bool:
    from fsspec.compression import compr

    return "likezip" in compr


@pytest.mark.slow
def test_dask_workers_have_it(client: Any) -> None:
    assert all(client.run(_registered).values())


@pytest.mark.slow
def test_dask_text(client: Any, fsspec: Any, tmp_path: Path) -> None:
    bag = pytest.importorskip("dask.bag")
    written = bag.from_sequence(LINES, npartitions=2).to_textfiles(str(tmp_path / "*.txt.lz"), compression="infer")
    assert [Path(path).suffix for path in written] == [".lz", ".lz"]
    texts = [likezip.decompress(Path(path).read_bytes()).decode() for path in written]
    assert "\n".join(texts) == "\n".join(LINES)
    read = bag.read_text(str(tmp_path / "*.txt.lz"), compression="likezip")
    assert read.npartitions == 2
    assert read.map(str.strip).compute() == LINES


@pytest.mark.slow
def test_dask_tables(client: Any, fsspec: Any, tmp_path: Path) -> None:
    dataframe = pytest.importorskip("dask.dataframe", exc_type=ImportError)
    pandas = pytest.importorskip("pandas")
    table = pandas.read_csv(io.StringIO(CSV))
    parts = dataframe.from_pandas(table, npartitions=2)
    parts.to_csv(str(tmp_path / "*.csv.lz"), index=False, compression="likezip")
    for compression in ("likezip", "infer"):
        read = dataframe.read_csv(str(tmp_path / "*.csv.lz"), compression=compression, blocksize=None)
        assert read.npartitions == 2
        assert read.compute().reset_index(drop=True).astype(table.dtypes).equals(table)


ARRAYS = {
    "int16": np.arange(480, dtype="<i2").reshape(24, 20),
    "float64, big-endian": np.sin(np.arange(480)).astype(">f8").reshape(24, 20),
    "complex64": np.exp(1j * np.arange(480)).astype("c8").reshape(24, 20),
    "bool": (np.arange(480) % 3 == 0).reshape(24, 20),
    "noise": np.random.default_rng(1).integers(0, 256, (24, 20), "u1"),
    "fill value": np.zeros((24, 20), "f4"),
}
"""By what they are for; noise is stored."""


@pytest.fixture(scope="session")
def codec() -> type[Any]:
    """The codec for numcodecs, registered."""
    registry = pytest.importorskip("numcodecs.registry")
    from likezip.hooks.numcodecs import Likezip

    registry.register_codec(Likezip)
    return Likezip


@pytest.fixture(scope="session")
def codec_3(codec: type[Any]) -> type[Any]:
    """The codec for Zarr's format 3, registered."""
    registry = pytest.importorskip("zarr.registry")
    from likezip.hooks.zarr import Likezip

    registry.register_codec("likezip", Likezip)
    return Likezip


@pytest.mark.slow
@pytest.mark.parametrize("name", ARRAYS)
def test_numcodecs(name: str, codec: type[Any]) -> None:
    array = ARRAYS[name]
    for ordered in (array, np.asfortranarray(array), memoryview(array.tobytes()), bytearray(array)):
        frame = codec(prior="off").encode(ordered)
        assert isinstance(frame, bytes)
        assert codec().decode(np.frombuffer(frame, "u1")) == likezip.decompress(frame)
    out = np.empty_like(array)
    assert codec().decode(codec(prior="off").encode(array), out) is out
    assert (out == array).all()


def test_numcodecs_what_is_not_contiguous_or_does_not_fit(codec: type[Any]) -> None:
    with pytest.raises(ValueError, match="contiguous"):
        codec().encode(ARRAYS["int16"][:, ::2])
    frame, out = codec(prior="off").encode(np.arange(100)), np.zeros(99, int)
    with pytest.raises(ValueError, match=r"\(100,\)|size 100"):
        codec().decode(frame, out)
    assert not out.any()
    assert codec().decode(codec().encode(b"")) == b""


def test_numcodecs_datetimes(codec: type[Any]) -> None:
    days = np.arange(100).astype("M8[D]")
    out = np.empty_like(days)
    codec().decode(codec(prior="off").encode(days), out)
    assert (out == days).all()


def test_numcodecs_configuration(codec: type[Any]) -> None:
    from numcodecs import get_codec

    made = codec(prior="on", block_size=1 << 17, lanes=3)
    assert made.get_config() == {"id": "likezip", "prior": "on", "block_size": 1 << 17, "lanes": 3}
    assert get_codec(made.get_config()) == made != codec()
    frame = made.encode(CSV.encode())
    assert frame == likezip.compress(CSV.encode(), prior="on", block_size=1 << 17, lanes=3)
    with pytest.raises(ValueError, match="block_size"):
        codec(block_size=1).encode(b"some bytes")


def test_numcodecs_damage(codec: type[Any]) -> None:
    array = ARRAYS["int16"][:5]
    frame, out = codec(prior="off").encode(array), np.full_like(array, 7)
    for place in range(len(frame)):
        damaged = bytearray(frame)
        damaged[place] ^= 1 << place % 8
        with pytest.raises(likezip.LikezipError):
            codec().decode(damaged, out)
    for size in range(len(frame)):
        with pytest.raises(likezip.LikezipError):
            codec().decode(frame[:size], out)
    assert (out == 7).all()


@pytest.fixture(params=[2, 3])
def create(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Any]:
    """Makes a Zarr array of either format in a directory, whose chunks are compressed by likezip."""
    zarr = pytest.importorskip("zarr", minversion="3.1")
    codec = request.getfixturevalue("codec" if request.param == 2 else "codec_3")

    def made(array: Any, **options: Any) -> Any:
        options |= {"shape": array.shape, "dtype": array.dtype, "zarr_format": request.param}
        zarr.create_array(tmp_path, chunks=(16, 12), compressors=codec(prior="off"), **options)[:] = array
        return zarr.open_array(tmp_path)

    return made


@pytest.mark.slow
@pytest.mark.parametrize("name", ARRAYS)
def test_zarr(name: str, create: Callable[..., Any]) -> None:
    array = ARRAYS[name]
    stored = create(array)
    assert stored.dtype.newbyteorder("=") == array.dtype.newbyteorder("=")
    assert (stored[:] == array).all()
    assert (stored[14:19, 11:14] == array[14:19, 11:14]).all()


@pytest.mark.parametrize("create", [2], indirect=True)
@pytest.mark.parametrize("order", ["C", "F"])
def test_zarr_orders(order: str, create: Callable[..., Any]) -> None:
    """Only format 2 has one on disk."""
    assert (create(ARRAYS["int16"], order=order)[:] == ARRAYS["int16"]).all()


@pytest.mark.parametrize("create", [2], indirect=True)
@pytest.mark.parametrize("dtype", ["M8[s]", "U7"])
def test_zarr_other_types(dtype: str, create: Callable[..., Any]) -> None:
    """Which format 3 does not define."""
    array = np.arange(480).reshape(24, 20).astype(dtype)
    assert (create(array)[:] == array).all()


def _chunk(directory: Path) -> Path:
    """The file of the first chunk, in either format."""
    return next(path for path in (directory / "0.0", directory / "c/0/0") if path.exists())


@pytest.mark.slow
def test_zarr_damage(create: Callable[..., Any], tmp_path: Path) -> None:
    array = ARRAYS["int16"]
    stored, chunk = create(array), _chunk(tmp_path)
    frame = chunk.read_bytes()
    for place in range(0, len(frame), 11):
        chunk.write_bytes(frame[:place] + bytes([frame[place] ^ 64]) + frame[place + 1 :])
        with pytest.raises(likezip.LikezipError):
            stored[:]
        assert (stored[:, 12:] == array[:, 12:]).all()
    chunk.write_bytes(frame[:-1])
    with pytest.raises(likezip.TruncatedError):
        stored[:]


def test_zarr_frame_of_another_size(create: Callable[..., Any], tmp_path: Path) -> None:
    stored, chunk = create(ARRAYS["int16"]), _chunk(tmp_path)
    chunk.write_bytes(likezip.compress(bytes(2000)))
    with pytest.raises(ValueError, match=r"shape|size"):
        stored[:]


def test_zarr_shards(codec_3: type[Any], tmp_path: Path) -> None:
    zarr, array = pytest.importorskip("zarr", minversion="3.1"), ARRAYS["int16"]
    options: dict[str, Any] = {"shape": array.shape, "dtype": array.dtype, "shards": (24, 20), "chunks": (12, 10)}
    zarr.create_array(tmp_path, compressors=codec_3(prior="off"), **options)[:] = array
    assert (zarr.open_array(tmp_path)[5:20, 9:12] == array[5:20, 9:12]).all()


def test_zarr_configuration(codec_3: type[Any]) -> None:
    made = codec_3(prior="on", lanes=3)
    assert made.to_dict() == {
        "name": "likezip",
        "configuration": {"prior": "on", "block_size": None, "lanes": 3},
    }
    assert codec_3.from_dict(made.to_dict()) == made != codec_3()
    assert codec_3.from_dict({"name": "likezip"}) == codec_3()


@pytest.mark.parametrize(("group", "fixture"), [("numcodecs.codecs", "codec"), ("zarr.codecs", "codec_3")])
def test_entry_points(group: str, fixture: str, request: pytest.FixtureRequest) -> None:
    """In an installed likezip; one that was only checked out has none."""
    found = entry_points(group=group, name="likezip")
    if not found:
        pytest.skip("likezip is not installed with its entry points")
    assert [entry.load() for entry in found] == [request.getfixturevalue(fixture)]


@pytest.fixture(scope="module")
def database() -> Iterator[sqlite3.Connection]:
    """A database with the functions of the hook."""
    connection = sqlite3.connect(":memory:")
    sqlite.register(connection, likezip.RecordCodec(context=[line.encode() for line in LINES[:200]], prior="off"))
    yield connection
    connection.close()


@pytest.mark.parametrize(
    "value", [*LINES[200:210], "", "äöü \0 \U0001f600", b"", b"\0\xff" * 9, b"text as bytes", None]
)
def test_values_in_sqlite(database: sqlite3.Connection, value: str | bytes | None) -> None:
    kept, back = database.execute("SELECT likezip_encode(?1), likezip_decode(likezip_encode(?1))", (value,)).fetchone()
    assert back == value and type(back) is type(value)
    assert value not in LINES or len(kept) < len(value)


@pytest.mark.parametrize("query", ["likezip_encode(7)", "likezip_encode(0.5)", "likezip_decode(x'6200')"])
def test_values_that_sqlite_can_not_code(database: sqlite3.Connection, query: str) -> None:
    with pytest.raises(sqlite3.OperationalError):
        database.execute(f"SELECT {query}").fetchone()
