"""Results of a run for machines and people."""


def write(folder):
    """JUnit, the page and the history, of the records that are there."""
