"""Files ``.lz`` by fsspec, so in pandas, Dask and others: importing this module registers the compression "likezip".

    import fsspec, pandas, likezip.hooks.fsspec

    with fsspec.open("memory://table.csv.lz", "w", compression="infer") as file:
        ...
    table = pandas.read_csv("s3://bucket/table.csv.lz", storage_options={"compression": "likezip"})

fsspec knows no way to find compressions of installed packages, so every process that opens files has to import this:
nothing but the name "likezip" goes from one process to another.  With Dask these do it, the first four also for workers
that come later:

    dask worker --preload likezip.hooks.fsspec ...
    LocalCluster(preload=["likezip.hooks.fsspec"])                       # other clusters: worker_options and the like
    DASK_DISTRIBUTED__WORKER__PRELOAD='["likezip.hooks.fsspec"]'         # in the environment of the workers
    dask.config.set({"multiprocessing.initializer": likezip.hooks.fsspec.register})  # for scheduler="processes"
    client.run(likezip.hooks.fsspec.register)

A compressed file is one partition: Dask wants ``blocksize=None``.  If writing ends by an exception, ``fs.open`` in a
``with`` statement leaves a file that every reader knows to be incomplete; ``fsspec.open`` and pandas don't tell the
file of the exception and leave one that ends there as if it were whole, as they do with every compression.
"""

from __future__ import annotations

from typing import Any, BinaryIO

from fsspec.compression import register_compression

from likezip import LikezipFile

__all__ = ["register"]


class _Compressed(LikezipFile):
    """A LikezipFile that closes its compressed file, too: ``fs.open`` and pandas give nobody else a way to close it."""

    def __init__(self, file: BinaryIO, mode: str, **options: Any) -> None:
        self._below = file
        super().__init__(file, mode, **options)

    def close(self) -> None:
        try:
            super().close()
        finally:
            self._below.close()


def register(*, threads: int | None = None, **coding: Any) -> None:
    """Register the compression "likezip", suffix ``.lz``, with fsspec; again to have other options.

    threads: as for LikezipFile; coding: the options of LikezipFile for writing, block_size, lanes and prior.
    """

    def opened(file: BinaryIO, mode: str = "rb") -> LikezipFile:
        return _Compressed(file, mode, threads=threads, **({} if "r" in mode else coding))

    register_compression("likezip", opened, "lz", force=True)


register()
