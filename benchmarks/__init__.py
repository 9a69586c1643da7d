"""likezip beside other compressors and beside the entropy bounds: ``python -m benchmarks [FILE_OR_DIR...]``."""
