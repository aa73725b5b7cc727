"""Makes pages of the site of what is written for GitHub.

Links into docs become links of the site, links to other files of the repository lead to GitHub, the front page is
README.md, and the pictures of the charts are drawn anew.
"""

from __future__ import annotations

import os
import re
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

REPOSITORY = "https://github.com/speech-lifecycle/speech-lifecycle"
DOCS = Path(__file__).parent.parent
ROOT = DOCS.parent
NOTEBOOK = DOCS / "notebook.ipynb"
"""A link to the example. MyST would follow it out of these folders; the page itself it finds by its name."""
FRONT = "<!-- README.md -->"
_LINK = re.compile(r"(?<=\]\()([^)\s#]*)(#[^)\s]*)?(?=\))")
RAW = REPOSITORY.replace("github", "raw.githubusercontent")
_HERE = re.compile(rf"^(?:{REPOSITORY}/(?:blob|tree)|{RAW})/main/")
_PICTURE = re.compile(r'^<picture>.*?srcset="([^"]*)".*?src="([^"]*)" alt="([^"]*)".*?</picture>$', re.M | re.S)
_IMAGE = re.compile(r"^!\[([^\]]*)\]\(([^)]*\.svg)\)$", re.M)
_CHART = re.compile(r"(message|speech|conversation|exchange)(-overview)?\.svg$")
_BLOCK = re.compile(r"(^```.*?^```$)", re.M | re.S)


def setup(app: Sphinx) -> dict[str, object]:
    """Rewrite each page before it is parsed: Sphinx calls this."""
    app.connect("source-read", _rewrite)
    app.connect("doctree-resolved", _break_names)
    return {"version": "1", "parallel_read_safe": True}


def _rewrite(app: Sphinx, name: str, source: list[str]) -> None:
    path = Path(app.env.doc2path(name))
    if path.suffix != ".md":
        return
    before, front, after = source[0].partition(FRONT)
    if front:
        readme = ROOT / "README.md"
        app.env.note_dependency(str(readme))
        front = rewritten(readme.read_text(encoding="utf-8"), readme, path)
    source[0] = rewritten(before, path, path) + front + rewritten(after, path, path)


def rewritten(text: str, path: Path, page: Path) -> str:
    """Return a text of the repository for a page of the site. What stands in a block of code is left alone.

    Args:
        text: in Markdown.
        path: of the file that has it: from there its links lead on.
        page: the file that becomes the page.
    """
    parts = _BLOCK.split(text)
    # The odd ones are blocks.
    return "".join(part if index % 2 else _prose(part, path, page) for index, part in enumerate(parts))


def _break_names(app: Sphinx, doctree: nodes.document, name: str) -> None:
    """Let long names in tables break after an underscore, a dot or a hash, without a character that would be copied."""
    if app.builder.format != "html":
        return
    for table in doctree.findall(nodes.table):
        for literal in list(table.findall(nodes.literal)):
            words = re.sub(r"(?<=[_.#])(?=\w)", "<wbr>", escape(literal.astext()))
            code = f'<code class="docutils literal notranslate"><span class="pre">{words}</span></code>'
            literal.replace_self(nodes.raw("", code, format="html"))


def _prose(text: str, path: Path, page: Path) -> str:
    text = _PICTURE.sub(lambda found: _picture(found[3], found[2], found[1], path, page), text)
    text = _IMAGE.sub(lambda found: _picture(found[1], found[2], "", path, page), text)
    return _LINK.sub(lambda found: _target(found[1], path, page) + (found[2] or ""), text)


def _picture(alt: str, light: str, dark: str, path: Path, page: Path) -> str:
    chart = _CHART.search(light)
    if chart:
        options = [f":alt: {alt}", *([":detail: overview"] if chart[2] else [])]
        return "\n".join([f"```{{lifecycle-chart}} {chart[1]}", *options, "```"])
    if not dark:
        return f"![{alt}]({light})"
    images = {"only-light": light, "only-dark": dark}
    return "\n".join(
        f"```{{image}} {_target(image, path, page)}\n:alt: {alt}\n:class: {name}\n```" for name, image in images.items()
    )


def _target(link: str, path: Path, page: Path) -> str:
    if _HERE.match(link):
        target = ROOT / _HERE.sub("", link)
    elif link and ":" not in link:
        target = Path(os.path.normpath(path.parent / link))
    else:
        return link
    if target == DOCS / "README.md":
        target = DOCS / "index.md"
    if target == NOTEBOOK.resolve():
        return NOTEBOOK.stem
    if DOCS in target.parents and target.suffix in (".md", ".svg"):
        return Path(os.path.relpath(target, page.parent)).as_posix()
    kind = "tree" if target.is_dir() else "blob"
    return f"{REPOSITORY}/{kind}/main/{target.relative_to(ROOT).as_posix()}"
