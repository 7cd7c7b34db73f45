"""Three rings: unit (no root), object (clang is there), live (the running kernel)."""
