"""Ray-cast scenes for tests and benchmarks; no part of the run time."""
