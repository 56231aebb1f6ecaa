"""A sequence that a person has typed, as symbols. Without torch."""

from vit_lab.model_config import TransformerConfig
from vit_lab.settings import ConfigError


def parse_symbols(text: str, model: TransformerConfig) -> list[int]:
    """A source that a person typed, such as "3 1 4", for a model of that length and vocabulary. Raises ConfigError."""
    count, last = model.sequence_length, model.vocabulary - 1
    works = f"type {count} whole numbers from 1 to {last}, with spaces between them"
    parts = text.replace(",", " ").split()
    for part in parts:
        if not (part.isascii() and part.isdigit() and len(part) < 10 and 1 <= int(part) <= last):
            raise ConfigError("sequence", f"{part[:20]!r} is no symbol; {works}")
    if len(parts) != count:
        raise ConfigError("sequence", f"{len(parts)} symbols do not fit this model; {works}")
    return [int(part) for part in parts]
