"""Results of a run for machines and people."""


def write(folder):
    """JUnit and the page, of the records that are there."""


def keep_history(folder):
    """Adds the summary of the run in the folder to its history."""
