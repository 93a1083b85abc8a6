"""radii."""
