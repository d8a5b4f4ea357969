"""Side-by-side measurements: this suite against a named peer, in the same run."""
