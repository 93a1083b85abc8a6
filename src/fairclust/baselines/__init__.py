"""What the three papers compare with: one algorithm, one file."""

from fairclust.baselines.fair_lloyd import FairLloyd
from fairclust.baselines.jungkannanlutz import JungKannanLutz

__all__ = ["FairLloyd", "JungKannanLutz"]
