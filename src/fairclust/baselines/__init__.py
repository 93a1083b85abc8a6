"""What the three papers compare with: one algorithm, one file."""

from fairclust.baselines.bera import BeraFairAssignment
from fairclust.baselines.bounded_cost import BoundedCostFairClustering
from fairclust.baselines.fair_lloyd import FairLloyd
from fairclust.baselines.jungkannanlutz import JungKannanLutz

__all__ = ["BeraFairAssignment", "BoundedCostFairClustering", "FairLloyd", "JungKannanLutz"]
