"""Property tests try the same examples every time, so that a run passes again where it passed once.

``FAIRCLUST_EXPLORE=1`` lets them try new ones, and ``--hypothesis-seed`` repeats those.
"""

import os

from hypothesis import settings

settings.register_profile("same", derandomize=True)
settings.register_profile("explore", derandomize=False)
settings.load_profile("explore" if os.environ.get("FAIRCLUST_EXPLORE") else "same")
