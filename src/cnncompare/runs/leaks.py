"""Leaks between training and test, as a run recorded them."""

from cnncompare.runs.record import DataSection
from cnncompare.stats.leaks import leak_sentence


def recorded_leaks(data: DataSection | None) -> str | None:
    """Return a sentence on the leaks that a record counts, None without any."""
    if data is None or data.leaks is None or data.leaks.identical == 0:
        return None
    return leak_sentence(data.leaks.identical, data.n_test)
