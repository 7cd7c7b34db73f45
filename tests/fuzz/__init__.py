"""What other processes can influence, given bytes by chance that look for code not yet run."""

#: The functions of targets.py, which are imported late: what runs is counted from its import on.
NAMES = ("records", "trace_lines", "cgroup_paths", "elf_objects", "filters")
