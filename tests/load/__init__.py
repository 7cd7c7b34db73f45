"""What runs for long: floods from all CPUs, and thousands of tracers, one after the other."""
