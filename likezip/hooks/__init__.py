"""likezip where other libraries look for compressors.

``fsspec`` (files by URL), ``numcodecs`` and ``zarr`` (arrays in chunks), found by these libraries through entry points;
and ``sqlite`` (values of a column).  Each uses the public interface alone.
"""
