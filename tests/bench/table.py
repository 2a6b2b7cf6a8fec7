"""Rows of a benchmark's table."""

import statistics


def compare(row, ours, peer, wanted, unit="s", **more):
    """A row from the seconds (or bytes) of both sides, measured in turns; the ratio is that of the medians."""
    mine, theirs = statistics.median(ours), statistics.median(peer)
    return {
        "row": row,
        "ours": round(mine, 6),
        "peer": round(theirs, 6),
        "unit": unit,
        "ratio": round(mine / theirs, 3),
        "wanted": wanted,
        "runs": len(ours),
        **more,
    }
