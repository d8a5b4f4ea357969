"""Makes the environment that the workspace is built and run in, from PyPI wheels."""
