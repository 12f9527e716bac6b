"""Secrets: where a value stands, and fetching it.

Values leave this module only inside a SecretStr, never in a message.

A secret is written as ``{ env = "NAME" }``, ``{ file = "PATH" }`` (relative to the config),
``{ credential = "NAME" }`` (of systemd, in $CREDENTIALS_DIRECTORY) or as literal text, which is warned about.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, SecretStr

from syncd.config.notation import write_key
from syncd.config.problems import Findings, Place, model_in, suggestion

SOURCES = ("env", "file", "credential")
_LARGEST = 65_536  # bytes; a key file is far smaller, and /dev/zero is larger
_HOW = 'write { env = "NAME" }, { file = "PATH" } or { credential = "NAME" }'


class _MissingError(Exception):
    """A secret that is not where the config says. Carries what and remedy."""

    def __init__(self, what: str, remedy: str) -> None:
        self.what, self.remedy = what, remedy
        super().__init__(what)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretSource:
    """Where secrets may be looked for.

    ``read=False``: nothing is looked for, a stand-in takes each one's place.
    """

    directory: Path  #: of the config file
    environ: Mapping[str, str]
    read: bool

    def resolve(self, raw: object, where: str, findings: Findings, *, quiet: bool = False) -> SecretStr:
        """Given what the file says under a secret's key, return the secret.

        Add a problem and return a stand-in if it cannot be had.
        """
        if isinstance(raw, str):
            if not raw:
                findings.add(where, "is empty", _HOW)
            elif not quiet:
                findings.add(where, "stands in the file as it is, where every backup shows it", _HOW, warning=True)
            _remember(findings, raw)
            return SecretStr(raw)
        name = self._name(raw, where, findings)
        if name is None or not self.read:
            return _stand_in(name)
        source, place = name
        try:
            value = self._fetch(source, place, where, findings)
        except _MissingError as missing:
            findings.add(where, missing.what, missing.remedy)
            return _stand_in(name)
        _remember(findings, value)
        return SecretStr(value)

    @staticmethod
    def _name(raw: object, where: str, findings: Findings) -> tuple[str, str] | None:
        if not isinstance(raw, dict) or len(raw) != 1:
            findings.add(where, "must say in one way where the secret is", _HOW)
            return None
        ((source, place),) = raw.items()
        if source not in SOURCES:
            findings.add(
                f"{where}.{write_key(source)}",
                "is no place that syncd looks for secrets in",
                suggestion(source, SOURCES),
            )
            return None
        if not isinstance(place, str) or not place.strip() or "\x00" in place:
            findings.add(f"{where}.{source}", "must name where the secret is", _HOW)
            return None
        return source, place

    def _fetch(self, source: str, place: str, where: str, findings: Findings) -> str:
        if source == "env":
            return self._from_environment(place)
        if source == "credential":
            return self._from_credential(place)
        path = self.directory / place
        value = _from_file(path)
        if path.stat().st_mode & 0o007:
            findings.add(
                where,
                f"the file {path} is open to every user of this machine",
                f"run: chmod o= {path}",
                warning=True,
            )
        return value

    def _from_environment(self, name: str) -> str:
        value = self.environ.get(name)
        if value is None:
            raise _MissingError(
                f"the environment variable {name} is not set (looked in: the environment of this process)",
                f"set {name}, or say where else the secret is: {_HOW}",
            )
        if not value.strip():
            raise _MissingError(f"the environment variable {name} is set but empty", f"give {name} its value")
        return value.strip()

    def _from_credential(self, name: str) -> str:
        directory = self.environ.get("CREDENTIALS_DIRECTORY")
        if not directory:
            raise _MissingError(
                f"there is no credential {name}, as systemd gave none (looked in: "
                "$CREDENTIALS_DIRECTORY, which is not set)",
                f"start syncd as a systemd service with LoadCredential={name}:PATH, or name another place: {_HOW}",
            )
        if "/" in name or name.startswith("."):
            raise _MissingError(
                "a credential is a name, not a path",
                f"write the name that stands in LoadCredential=, or: {_HOW}",
            )
        return _from_file(Path(directory) / name)


def _from_file(path: Path) -> str:
    try:
        if not path.is_file():
            raise _MissingError(
                f"there is no file {path} (looked in: {path})", "put the secret there, or correct the name"
            )
        with path.open("rb") as stream:
            value = stream.read(_LARGEST + 1)
        text = value.decode("utf-8").strip()
    except UnicodeDecodeError:
        raise _MissingError(
            f"the file {path} is no UTF-8 text", "put the secret there as text, alone in its file"
        ) from None
    except OSError as error:
        raise _MissingError(
            f"the file {path} cannot be read: {error.strerror}", "let the user that syncd runs as read it"
        ) from error
    if not text or len(value) > _LARGEST:
        raise _MissingError(
            f"the file {path} is {'too long for a secret' if text else 'empty'}",
            "put the secret there, alone in its file",
        )
    return text


def resolve_secrets(
    raw: Mapping[str, Any], model: type[BaseModel], *, place: Place, source: SecretSource, findings: Findings
) -> dict[str, Any]:
    """Given one table and its model, return the table with a SecretStr wherever the model has one.

    Other keys are as they were.
    """
    resolved = dict(raw)
    for name, info in model.model_fields.items():
        key = info.alias or name
        if key not in resolved:
            continue
        inner = model_in(info.annotation)
        if is_secret(info.annotation):
            extra = info.json_schema_extra
            quiet = isinstance(extra, dict) and bool(extra.get("quiet"))
            if resolved[key] == "" and not info.is_required():
                del resolved[key]  # written as "" to say that there is none
            else:
                resolved[key] = source.resolve(resolved[key], place.at(key), findings, quiet=quiet)
        elif inner is not None and isinstance(resolved[key], dict):
            resolved[key] = resolve_secrets(
                resolved[key], inner, place=place.below(key), source=source, findings=findings
            )
    return resolved


def is_secret(annotation: object) -> bool:
    """Whether a field's annotation is a SecretStr, optional or not."""
    return annotation is SecretStr or any(is_secret(inner) for inner in get_args(annotation))


def _stand_in(name: tuple[str, str] | None) -> SecretStr:
    # Two secrets that stand in different places stay different, so that accounts can be told apart without any secret.
    # It has the form of a secret, so that a connector's own check of that form has nothing to say about it.
    place = hashlib.sha256(":".join(name).encode()).hexdigest()[:32] if name else "nowhere"
    return SecretStr(f"not-read-{place}")


def _remember(findings: Findings, value: str) -> None:
    if len(value) >= 6:
        findings.secrets.add(value)
