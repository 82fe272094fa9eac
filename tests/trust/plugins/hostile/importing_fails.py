"""Cannot be imported: it was written for another version of causalxai."""

from causalxai import SomethingOfTheFuture

__all__ = ["SomethingOfTheFuture"]
