"""Live tests of everything that a process sends: each call, its target, its answer, its fate."""
