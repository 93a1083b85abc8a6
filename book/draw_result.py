"""Draw the README's picture from the stored results: ``make picture``.

The picture carries the digest of the table that it shows; a test holds it against the table.
"""

from pathlib import Path

from fairclust import figures
from fairclust.experiments import read_provenance, read_results

RESULTS = "radii-histogram"
PICTURE = Path(__file__).parent / "_static" / "result.png"


def main() -> None:
    """Write ``book/_static/result.png``."""
    figures.use_style()
    counts = read_results(RESULTS).query("dataset == 'bank' and k == 10")
    figure = figures.violation_histograms(
        counts, {"kmeans": "vanilla k-means", "jkl": "Jung, Kannan and Lutz", "fair_round": "Fair-Round"}
    )
    figure.savefig(PICTURE, dpi=130, metadata={"Description": read_provenance(RESULTS)["csv_sha256"], "Software": None})


if __name__ == "__main__":
    main()
