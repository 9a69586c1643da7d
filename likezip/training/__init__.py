"""Training of what model files hold; never imported by the compressor."""
