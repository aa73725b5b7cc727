"""What the site is made of: `make site` builds it, and a warning of Sphinx is an error there."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
sys.path.append(str(DOCS / "_site"))
pages = import_module("pages")
public_names = import_module("public_names")
sys.path.pop()


@pytest.mark.parametrize("name", public_names.PACKAGES)
def test_the_reference_has_every_public_name_once(name):
    package = import_module(name)
    documented = [each for names in public_names.by_module(package).values() for each in names]
    assert sorted(documented) == sorted(package.__all__)
    entries = re.findall(r"^\.\. (?:auto|py:)\w+:: (\S+)$", "\n".join(public_names.reference(package)), re.M)
    assert sorted(entries) == sorted(f"{name}.{each}" for each in package.__all__)


def test_every_package_of_the_reference_has_a_page():
    listed = re.findall(r"public-names:: (\S+)", "".join(path.read_text() for path in (DOCS / "api").glob("*.md")))
    assert sorted(listed) == sorted(public_names.PACKAGES)


def test_every_page_is_in_the_contents():
    contents = (DOCS / "index.md").read_text(encoding="utf-8")
    assert "adr/0*" in contents
    for path in DOCS.rglob("*.md"):
        page = path.relative_to(DOCS).with_suffix("").as_posix()
        if page not in ("README", "index") and not page.startswith("adr/0"):
            assert re.search(rf"^{page}$", contents, re.M), page


@pytest.mark.parametrize(
    ("link", "becomes"),
    [
        (f"{pages.REPOSITORY}/blob/main/docs/spec.md#7-what-was-heard", "spec.md#7-what-was-heard"),
        (f"{pages.REPOSITORY}/blob/main/CHANGELOG.md", f"{pages.REPOSITORY}/blob/main/CHANGELOG.md"),
        ("docs/adr/README.md", "adr/README.md"),
        ("docs/README.md", "index.md"),
        ("docs/message.svg", "message.svg"),
        ("examples/lifecycle.ipynb", "notebook"),
        ("fsm", f"{pages.REPOSITORY}/tree/main/fsm"),
        ("adapters/ports.py", f"{pages.REPOSITORY}/blob/main/adapters/ports.py"),
        ("https://example.com/docs/spec.md", "https://example.com/docs/spec.md"),
        ("#in-a-livekit-agent", "#in-a-livekit-agent"),
    ],
)
def test_links_of_the_front_page_lead_on(link, becomes):
    text = f"[words]({link}) and\n```text\n[words]({link})\n```\n"
    expected = f"[words]({becomes}) and\n```text\n[words]({link})\n```\n"
    assert pages.rewritten(text, ROOT / "README.md", DOCS / "index.md") == expected


PICTURE = f"""<picture>
  <source media="(prefers-color-scheme: dark)" srcset="{pages.RAW}/main/docs/{{name}}-dark.svg">
  <img src="{pages.RAW}/main/docs/{{name}}.svg" alt="{{alt}}">
</picture>"""


def test_a_picture_of_a_call_is_chosen_by_the_page():
    images = [
        f"```{{image}} {name}.svg\n:alt: A call\n:class: only-{theme}\n```"
        for name, theme in (("timeline", "light"), ("timeline-dark", "dark"))
    ]
    picture = PICTURE.format(name="timeline", alt="A call")
    assert pages.rewritten(picture, ROOT / "README.md", DOCS / "index.md") == "\n".join(images)


def test_a_picture_of_a_chart_is_drawn_anew():
    picture = PICTURE.format(name="speech-overview", alt="A speech")
    drawn = "```{lifecycle-chart} speech\n:alt: A speech\n:detail: overview\n```"
    assert pages.rewritten(picture, ROOT / "README.md", DOCS / "index.md") == drawn
    assert pages.rewritten("![A message](message.svg)", DOCS / "spec.md", DOCS / "spec.md").startswith(
        "```{lifecycle-chart} message\n"
    )
