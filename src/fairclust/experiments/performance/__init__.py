"""How long the methods take, and how the time grows: one module per paper, every ratio within one run."""
