"""What mkdocs.yml says of the site as a whole: its address, its navigation.

Read without MkDocs, for whatever builds the site reads the same file.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from yaml_env_tag import add_env_tag

OURS = Path(__file__).parents[1] / "mkdocs.yml"


class Loader(yaml.SafeLoader):
    """Reads `!ENV [NAME, default]`, too."""


add_env_tag(Loader)


@dataclass(frozen=True)
class Config:
    """A project's mkdocs.yml; where it has none, this project's own."""

    root: Path
    facts: dict[str, Any] = field(repr=False)

    @property
    def site_url(self) -> str:
        """The address of the site, with a stroke at its end."""
        return (self.facts.get("site_url") or "").rstrip("/") + "/"

    @property
    def site(self) -> Path:
        """The folder that the site is built into."""
        return self.root / (self.facts.get("site_dir") or "site")

    @property
    def repository(self) -> str:
        """Where the project can be edited and its faults be told, if anywhere."""
        return (self.facts.get("extra", {}).get("repository") or "").rstrip("/")

    @property
    def colab(self) -> str:
        """Where Colab finds the site's files, if anywhere."""
        return (self.facts.get("extra", {}).get("colab") or "").rstrip("/")

    @cached_property
    def sections(self) -> dict[str, list[str]]:
        """The names of the pages in the navigation, by section, in order."""
        found: dict[str, list[str]] = {}
        for entry in self.facts.get("nav") or []:
            title, below = "Start", entry
            if isinstance(entry, dict):
                [(title, below)] = entry.items()
            title = title if isinstance(below, list) else "Start"
            found.setdefault(title, []).extend(names(below))
        return found


def names(entry: Any) -> list[str]:
    """Return the pages that an entry of the navigation holds, however deep."""
    if isinstance(entry, str):
        return [entry]
    below = entry.values() if isinstance(entry, dict) else entry
    return [name for x in below for name in names(x)]


def read_config(root: Path, **instead: Any) -> Config:
    """Read the mkdocs.yml of a project; what a command says instead comes first."""
    own = root / "mkdocs.yml"
    text = (own if own.is_file() else OURS).read_text(encoding="utf-8")
    return Config(root, yaml.load(text, Loader) | instead)
