"""The death of a training within a test's own process."""


class Killed(BaseException):
    """Ends a run at once, as SIGKILL does: nothing gets to write that it ended."""
