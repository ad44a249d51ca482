"""The one exception that a user is meant to read."""

from collections.abc import Iterator
from contextlib import contextmanager


class UserError(Exception):
    """Something that the user can mend: one line that names the file or key and says what to do.

    Scripts print it without a traceback and exit with code 1 (see :mod:`tailcutmix.rule_script`).
    """


@contextmanager
def cured_by(cure: str) -> Iterator[None]:
    """Add what to do to a UserError of a block that knows better than the reader of a file; "" adds nothing."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{error}; {cure}" if cure else str(error)) from None
