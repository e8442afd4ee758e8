"""The shell command `jaxnn`."""
