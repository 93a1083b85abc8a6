"""welfare."""
