"""Finding and loading the config for a command, and opening the state it names."""

from __future__ import annotations

import sys
from pathlib import Path

from syncd.config.load import find_config, load
from syncd.config.model import Config
from syncd.registry import kinds


def load_config(option: Path | None, *, need_secrets: bool) -> Config:
    """The config that the option, the environment or the usual places lead to. Raise ConfigError with all problems."""
    config = load(find_config(option), need_secrets=need_secrets, kinds=kinds())
    for warning in config.warnings:
        sys.stderr.write(f"warning: {warning}\n")
    return config
