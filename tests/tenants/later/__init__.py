"""The migrations of `chat`, and one that comes after them."""

from chat import migrations

__path__ = [*__path__, *migrations.__path__]
