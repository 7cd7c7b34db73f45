"""What is built, packed and installed: tried as users and packagers would."""
