"""likezip in other libraries: a module for each, which needs that library and is imported by those who use it.

fsspec: files ``.lz`` in pandas, Dask and whatever else opens files by fsspec.
numcodecs: chunks of Zarr arrays of format 2.
zarr: chunks of Zarr arrays of format 3.
"""
