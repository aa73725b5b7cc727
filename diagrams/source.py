"""A chart as a `graphviz.Source`, which notebooks show."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

try:
    import graphviz
except ImportError:
    from .extras import missing_extra

    raise missing_extra("diagrams", "graphviz") from None

from .files import replace_file
from .render import IMAGE_FORMATS, Renderer, render_source
from .theme import Theme


class ChartSource(graphviz.Source):  # type: ignore[misc]  # graphviz has no types
    """A `graphviz.Source` that is drawn by an installed Graphviz or, without it, by graphviz-pure."""

    def __init__(
        self,
        source: str,
        filename: str,
        *,
        format: str = "svg",
        theme: Theme = "light",
        renderer_name: Renderer = "auto",
    ) -> None:
        """Take the source of a chart, in the colours of `palette`."""
        super().__init__(source, filename=filename, format=format)
        self.theme: Theme = theme
        self.renderer_name: Renderer = renderer_name

    def copy(self) -> ChartSource:
        """Return a copy."""
        return ChartSource(
            self.source, self.filename, format=self.format, theme=self.theme, renderer_name=self.renderer_name
        )

    def pipe(self, format: str | None = None, *, encoding: str | None = None, **_: Any) -> bytes | str:
        """Return the picture, as bytes or, with an encoding, as text.

        Raises:
            ValueError: the format is none of `IMAGE_FORMATS`.
            MissingExtraError: the renderer is not installed.
            RenderError: the renderer failed.
        """
        wanted = format or self.format
        for image_format in IMAGE_FORMATS:
            if image_format == wanted:
                drawn = render_source(self.source, image_format, theme=self.theme, renderer=self.renderer_name)
                return drawn if encoding is None else drawn.decode(encoding)
        raise ValueError(f"no format {wanted!r}; there are {', '.join(IMAGE_FORMATS)}")

    def render(
        self,
        filename: str | os.PathLike[str] | None = None,
        directory: str | os.PathLike[str] | None = None,
        *,
        format: str | None = None,
        view: bool = False,
        cleanup: bool = False,
        outfile: str | os.PathLike[str] | None = None,
        **_: Any,
    ) -> str:
        """Write the source and, beside it, the picture; return the path of the picture.

        Raises:
            ValueError: the format is none of `IMAGE_FORMATS`.
            MissingExtraError: the renderer is not installed.
            RenderError: the renderer failed.
        """
        wanted = format or (Path(outfile).suffix[1:] if outfile is not None else self.format)
        drawn = self.pipe(wanted)
        if outfile is not None:
            path = Path(outfile)
        else:
            saved = self.save(filename, directory=directory)
            path = Path(f"{saved}.{wanted}")
            if cleanup:
                os.remove(saved)
        replace_file(path, drawn if isinstance(drawn, bytes) else drawn.encode())
        if view:
            self._view(str(path), format=wanted, quiet=True)
        return str(path)
