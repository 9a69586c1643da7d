"""likezip where other libraries look for compressors.

``fsspec`` (files by URL), ``numcodecs`` and ``zarr`` (arrays in chunks).  Each uses the public interface alone, and is
found by its library through an entry point.
"""
