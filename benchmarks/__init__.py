"""What tracing costs, beside the tools that people would use instead: `make bench`."""
