"""antidote."""
