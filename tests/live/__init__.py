"""Tests on the running kernel: real BPF, real signals, only to processes started here."""
