"""Experiments of *Fair clustering using antidote data* (2022): one module per table."""
