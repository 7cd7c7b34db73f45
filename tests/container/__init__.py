"""The built wheel in containers: installed without the source, run from /, its output checked."""
