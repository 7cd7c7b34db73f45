"""What can go wrong around a tracer: each ends in an error that says so or in exact counts, and
leaves nothing behind."""
