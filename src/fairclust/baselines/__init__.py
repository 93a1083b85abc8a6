"""What the three papers compare with: one algorithm, one file."""

from fairclust.baselines.bera import BeraFairAssignment
from fairclust.baselines.bounded_cost import BoundedCostFairClustering
from fairclust.baselines.fair_lloyd import FairLloyd
from fairclust.baselines.fair_spectral import FairSpectralClustering
from fairclust.baselines.jungkannanlutz import JungKannanLutz
from fairclust.baselines.mahabadi_vakilian import MahabadiVakilian

__all__ = [
    "BeraFairAssignment",
    "BoundedCostFairClustering",
    "FairLloyd",
    "FairSpectralClustering",
    "JungKannanLutz",
    "MahabadiVakilian",
]
