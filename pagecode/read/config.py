"""What mkdocs.yml says: which files are pages, their Markdown, the site around them.

Nothing else in this room knows MkDocs.
"""

import re
from html import unescape
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from markdown import Markdown
from markdown.treeprocessors import Treeprocessor
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import ConfigurationError
from mkdocs.structure.files import get_files
from mkdocs.utils import meta
from mkdocs.utils.rendering import get_heading_text
from mkdocs.utils.yaml import get_yaml_loader, yaml_load

OWN = Path(__file__).parents[2] / "mkdocs.yml"  # for a folder without one, as in tests
NEEDED = {"pymdownx.snippets", "pymdownx.superfences", "pymdownx.tabbed"}
KEPT = {"site_name", "site_description", "site_url", "nav", "extra"}
KEPT |= {"exclude_docs", "draft_docs"}


class Config(MkDocsConfig):
    """The site's configuration, without what cannot change how a page reads."""

    said: dict[str, Any]  # all that mkdocs.yml says

    @property
    def repository(self) -> str:
        """Where the project can be edited and its faults be told, if anywhere."""
        return (self.extra.get("repository") or "").rstrip("/")

    @property
    def notebooks(self) -> str:
        """Where GitHub has the notebooks, if anywhere: OWNER/NAME/blob/BRANCH."""
        return (self.extra.get("notebooks") or "").strip("/")

    @property
    def sections(self) -> dict[str, list[str]]:
        """The names of the pages in the navigation, by section, in order."""
        found: dict[str, list[str]] = {}
        for entry in self.nav or []:
            title, below = "Start", entry
            if isinstance(entry, dict):
                [(title, below)] = entry.items()
            title = title if isinstance(below, list) else "Start"
            found.setdefault(title, []).extend(listed(below))
        return found


def listed(entry: Any) -> list[str]:
    """Return the pages that an entry of the navigation holds, however deep."""
    if isinstance(entry, str):
        return [entry]
    below = entry.values() if isinstance(entry, dict) else entry
    return [name for x in below for name in listed(x)]


def load(root: Path, **instead: Any) -> Config:
    """Return the site's configuration; what a command says instead comes first.

    Left out are the theme, plugins and this project's own extensions: those change the
    HTML of blocks that have been read already. ValueError says what is wrong with it.
    """
    file = root / "mkdocs.yml"
    file = file if file.exists() else OWN
    config = Config(config_file_path=str(file))
    try:
        with file.open("rb") as opened:
            found = yaml_load(opened, get_yaml_loader(config=config)) | instead
    except ConfigurationError as error:
        raise ValueError(f"{file}: {error}") from error
    extensions = found.get("markdown_extensions") or []
    names = [x if isinstance(x, str) else next(iter(x)) for x in extensions]
    if missing := NEEDED - set(names):
        what = f"markdown_extensions lacks {min(missing)}, by which pages are read"
        raise ValueError(f"{file}: {what}")
    settings = {name: found[name] for name in KEPT if name in found}
    settings["docs_dir"] = str(root / "docs")
    settings["site_dir"] = str(root / (found.get("site_dir") or "site"))
    settings["plugins"] = []
    settings["markdown_extensions"] = [
        extension
        for name, extension in zip(names, extensions, strict=True)
        if not name.startswith("pagecode.")
    ]
    config.load_dict(settings)
    errors, _ = config.validate()
    if errors:
        raise ValueError("\n".join(f"{file}: {name}: {x}" for name, x in errors))
    config.said = found
    config.site_url = config.site_url or "/"
    return config


def names(config: MkDocsConfig) -> list[str]:
    """Return the names of all pages that the site shows: `models/x.md`."""
    return sorted(file.src_uri for file in get_files(config).documentation_pages())


def without_front_matter(text: str) -> tuple[str, dict[str, Any]]:
    """Return what is below a page's front matter, and what the front matter says."""
    return meta.get_data(text)


class FirstHeading(Treeprocessor):
    """Takes note of the heading of level 1 that a page begins with."""

    text = ""

    def run(self, root: Element) -> None:
        """Note the text of the first element, or of the heading that it holds."""
        for element in list(root)[:1]:
            if (heading := next(element.iter("h1"), None)) is not None:
                text = unescape(get_heading_text(heading, self.md))
                self.text = re.sub(r"\\\((.*?)\\\)", r"$\1$", text)  # as it is typed


def markdown(config: MkDocsConfig) -> tuple[Markdown, FirstHeading]:
    """Return the site's Markdown, and what notes a page's first heading."""
    site = Markdown(
        extensions=config.markdown_extensions, extension_configs=config.mdx_configs
    )
    keep_amounts(site)
    heading = FirstHeading(site)
    # MkDocs has its own at this place.
    site.treeprocessors.register(heading, "first_heading", 1)
    return site, heading


def keep_amounts(site: Markdown) -> None:
    """Let no formula end before a digit, as in $5-$6: that is the next amount."""
    if "arithmatex-inline" in site.inlinePatterns:
        found = site.inlinePatterns["arithmatex-inline"]
        found.compiled_re = re.compile(found.pattern + r"(?!(?<=\$)\d)", re.DOTALL)


def title(name: str, front_matter: dict[str, Any], heading: str) -> str:
    """Return a page's title by MkDocs' rule."""
    if "title" in front_matter:
        return str(front_matter["title"])
    if heading:
        return heading
    stem = Path(name).stem
    if stem in ("index", "README"):
        return "Home" if "/" not in name else "Index"
    words = stem.replace("-", " ").replace("_", " ")
    return words.capitalize() if words == words.lower() else words
