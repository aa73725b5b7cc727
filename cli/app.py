"""The commands and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from .errors import EXIT_DIFFERENT, EXIT_INTERRUPTED, EXIT_USAGE, UsageError, user_errors
from .numbers import number_between

_A_DAY_MS = 86_400_000
_A_YEAR_S = 31_536_000

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="What a realtime voice agent says: played, cut, or never heard.",
)

InterruptAt = Annotated[
    float | None,
    typer.Option(
        "--interrupt-at",
        metavar="MS",
        callback=number_between(0, _A_DAY_MS),
        help="Interrupt this many milliseconds after the first sound (or, without sound, the first text).",
    ),
]


@app.command()
def demo(
    scenario: Annotated[str, typer.Option(help="Which scenario to play; --list shows them.")] = "answer-interrupted",
    interrupt_at: InterruptAt = None,
    output: Annotated[Path, typer.Option(metavar="DIR", help="Where to write the trace and the pictures.")] = Path(
        "demo-output"
    ),
    list_scenarios: Annotated[bool, typer.Option("--list", help="List the scenarios, and play none.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Play every scenario, and print one line for each.")] = False,
    aloud: Annotated[
        bool, typer.Option("--play", help="Then play what was heard on the sound card; marks are shown as they pass.")
    ] = False,
    real_time: Annotated[bool, typer.Option(help="Play in real time; otherwise time takes no time.")] = False,
    real_server: Annotated[
        bool,
        typer.Option(help="Talk to a real server: OPENAI_API_KEY and, if it is another one, OPENAI_BASE_URL."),
    ] = False,
    model: Annotated[str, typer.Option(help="The model of the real server.")] = "gpt-realtime-2",
    say: Annotated[str, typer.Option(help="What the user says to the real server.")] = (
        "What is the weather in London? Say that you will check before you answer."
    ),
) -> None:
    """Play a response, interrupt it, and show what was heard, what history says and what the server remembers.

    Exits with 0 only if the three are the same.
    """
    with user_errors():
        from . import demo as command

        if list_scenarios:
            command.list_scenarios()
            return
        if every:
            is_equal = command.play_all()
        elif real_server:
            is_equal = command.play_real_server(model, say, interrupt_at, output)
        else:
            is_equal = command.play_one(scenario, interrupt_at, output, real_time=real_time, aloud=aloud)
        if not is_equal:
            raise typer.Exit(EXIT_DIFFERENT)


@app.command()
def talk(
    port: Annotated[int, typer.Option(min=0, max=65_535, help="The port of the page; 0 for a free one.")] = 0,
    opens: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")] = True,
    soundcard: Annotated[
        bool, typer.Option("--soundcard", help="In the terminal instead, by the sound card and its microphone.")
    ] = False,
    model: Annotated[str, typer.Option(help="The model of the real server.")] = "gpt-realtime-2",
) -> None:
    """Talk to an agent, in a page on this machine that shows what was heard of each message.

    With OPENAI_API_KEY it is a real one, else a simulated server that hears when you speak. Ctrl-C ends it.
    """
    with user_errors():
        if soundcard:
            # Whoever is missing names what to install.
            from .talk.on_card import talk_on_card

            talk_on_card(model)
            return
        try:
            from .talk import serving
        except ImportError as error:
            raise UsageError(f"{error}; all that talk needs: pip install 'speech-lifecycle[talk]'") from None

        serving.talk(port, model, opens=opens)


@app.command()
def replay(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Recordings (.yaml) or traces (.jsonl).")],
    interrupt_at: InterruptAt = None,
    output: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to write the new traces and timelines, if anywhere.")
    ] = None,
    delta_ms: Annotated[
        int, typer.Option(min=1, max=60_000, help="Audio in one delta of a recording, in milliseconds.")
    ] = 100,
    event_interval_ms: Annotated[
        float,
        typer.Option(
            callback=number_between(0, 60_000), help="Time between two events of a recording, in milliseconds."
        ),
    ] = 10.0,
) -> None:
    """Feed recorded sessions through the adapter and the machine, with a simulated speaker.

    Exits with 0 only if heard, history and server are the same for every file.
    """
    with user_errors():
        from . import replay as command

        if not command.replay_files(files, interrupt_at, output, delta_ms, event_interval_ms):
            raise typer.Exit(EXIT_DIFFERENT)


@app.command()
def report(
    traces: Annotated[list[Path], typer.Argument(metavar="TRACE...", help="Traces (.jsonl).")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write the page.")] = Path(
        "report.html"
    ),
    animate: Annotated[
        bool, typer.Option("--animate", help="Write an animated picture of one call instead: the same name, .svg.")
    ] = False,
) -> None:
    """Write what happened in calls, step by step, as one page that opens from disk."""
    with user_errors():
        from . import report as command

        if animate:
            command.animate(traces, output)
        else:
            command.write(traces, output)


@app.command()
def watch(
    what: Annotated[
        str | None,
        typer.Argument(metavar="[URL|FILE]", help="A trace that is being written, or the address of a LiveTrace."),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="The port of the page; 0 for a free one.")] = 0,
    opens: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")] = True,
) -> None:
    """Follow a running agent in a page on this machine. Ctrl-C ends it.

    Without an address it is the agent that has LiveTrace() as its trace.
    """
    with user_errors():
        try:
            from .watch import serving
        except ImportError as error:
            raise UsageError(f"{error}; all that watch needs: pip install 'speech-lifecycle[cli,watch]'") from None

        serving.watch(what, port, opens=opens)


@app.command()
def timeline(
    files: Annotated[list[Path], typer.Argument(metavar="TRACE...", help="Traces (.jsonl).")],
    output: Annotated[Path | None, typer.Option(metavar="DIR", help="Where to write pictures, if anywhere.")] = None,
    file_format: Annotated[
        Literal["svg", "png", "mermaid", "all"],
        typer.Option("--format", help="What to write: svg has the animation, too, mermaid only the sequence diagram."),
    ] = "svg",
    sound: Annotated[
        Path | None, typer.Option(metavar="WAV", help="What was heard; by default heard.wav beside the trace.")
    ] = None,
) -> None:
    """Show what calls were, from their traces: on the terminal, and as timeline, sequence diagram and animation."""
    with user_errors():
        from . import timeline as command

        command.show_calls(files, output, file_format, sound)


@app.command()
def draw(
    file_format: Annotated[
        Literal["svg", "png", "pdf", "dot", "mermaid", "plantuml", "d2", "all"],
        typer.Option("--format", help="What to write."),
    ] = "svg",
    output: Annotated[Path, typer.Option(metavar="DIR", help="Where to write it.")] = Path("diagrams-output"),
    detail: Annotated[
        Literal["overview", "full"],
        typer.Option(help="States and events at a glance, or every transition with its guard and actions."),
    ] = "full",
    highlight: Annotated[
        list[str] | None,
        typer.Option(metavar="CHART.STATE", help="Show this state as the active one, such as message.draining."),
    ] = None,
    state: Annotated[
        str | None,
        typer.Option(metavar="CHART.STATE", help="Draw only this state, and what leads to it and from it."),
    ] = None,
    path: Annotated[
        Path | None, typer.Option(metavar="TRACE", help="Show what a call went through, numbered in order.")
    ] = None,
    coverage: Annotated[
        list[Path] | None,
        typer.Option(metavar="TRACE", help="Show how often each transition was taken; may be given several times."),
    ] = None,
) -> None:
    """Draw the charts from the definition; with --detail overview also how they talk to each other."""
    with user_errors():
        from . import draw as command

        command.draw_charts(file_format, output, detail, highlight or [], state, path, coverage or [])


@app.command()
def export(
    file_format: Annotated[
        str, typer.Argument(metavar="FORMAT", help="What to write: json, typescript, c, scxml, xstate.")
    ],
    output: Annotated[Path, typer.Option(metavar="DIR", help="Where to write it.")] = Path("exports-output"),
) -> None:
    """Write the lifecycle for other languages and tools: docs/porting.md says what to do with it."""
    with user_errors():
        from . import export as command

        command.export_files(file_format, output)


@app.command()
def serve(
    stdio: Annotated[bool, typer.Option("--stdio", help="On standard input and output: the only way there is.")] = True,
) -> None:
    """Run the machines for another program, by the protocol of ports: docs/porting.md has it."""
    with user_errors():
        from . import serve as command

        command.serve_stdio()


@app.command()
def conform(
    command: Annotated[list[str], typer.Argument(metavar="-- COMMAND...", help="What starts the port.")],
    tiers: Annotated[
        list[str] | None,
        typer.Option("--tier", metavar="NAME", help="Vectors to ask about: vectors/README.md says which there are."),
    ] = None,
    sections: Annotated[
        list[str] | None,
        typer.Option("--section", metavar="N", help="Only vectors about this section of the specification, such as 8."),
    ] = None,
    vectors: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Other vectors (.jsonl) to ask about.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Which random events.")] = 1,
    events: Annotated[
        int | None,
        typer.Option(min=0, help="How many random events; 10,000, besides all tiers, if nothing else is asked for."),
    ] = None,
    skip: Annotated[
        list[str] | None,
        typer.Option(metavar="ID=REASON", help="A course that is known to fail; it is an error if it passes."),
    ] = None,
    timeout: Annotated[
        float, typer.Option(metavar="S", min=0.01, help="How long a course may take, or 1,000 steps of it.")
    ] = 10.0,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write the verdicts as JUnit XML.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write the verdicts as a page that needs nothing else.")
    ] = None,
    shrink: Annotated[bool, typer.Option(help="Look for the shortest course with the same verdict.")] = True,
) -> None:
    """See whether a port does what the machines do: docs/porting.md has the protocol.

    Exits with 0 if it does, and with 1 if it does not.
    """
    with user_errors():
        from . import conform as its

        asked = its.Asked(tuple(tiers or ()), tuple(vectors or ()), tuple(sections or ()), seed, events)
        if not its.conform(command, asked, skip or [], timeout, junit, html, shrink=shrink):
            raise typer.Exit(EXIT_DIFFERENT)


@app.command()
def explore(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Which bounds; the small ones by default.")
    ] = None,
    list_bounds: Annotated[bool, typer.Option("--list", help="List the bounds, and explore none.")] = False,
    large: Annotated[bool, typer.Option(help="Explore the large bounds: minutes.")] = False,
    reference: Annotated[
        bool, typer.Option(help="Compare with python-statemachine's engine in every configuration instead: minutes.")
    ] = False,
    max_seconds: Annotated[
        float | None, typer.Option(metavar="S", callback=number_between(0, _A_YEAR_S), help="Stop after this time.")
    ] = None,
    max_megabytes: Annotated[
        float | None,
        typer.Option(metavar="MB", callback=number_between(0, 1e9), help="Stop when it has taken this much memory."),
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where to write the shortest violation: a trace, and a diagram beside it."),
    ] = None,
    replay_file: Annotated[
        Path | None, typer.Option("--replay", metavar="FILE", help="Replay a violation that was saved.")
    ] = None,
) -> None:
    """Send every event in every reachable configuration of a bounded speech, and check what must always hold.

    Exits with 0 if all of it holds, with 1 if not, and with 2 if not all could be covered.
    """
    with user_errors():
        from speech_lifecycle.verification.everything import EVERY_LARGE, EVERY_REFERENCE, EVERY_SMALL

        from . import explore as command
        from .limits import Limits
        from .terminal import console

        if list_bounds:
            command.list_bounds()
            return
        limits = Limits(console.get_time, max_seconds, max_megabytes)
        holds: bool | None
        if replay_file is not None:
            holds = command.replay_counterexample(replay_file)
        elif reference:
            holds = command.compare_engines(command.named(names or [], EVERY_REFERENCE), limits)
        else:
            default = EVERY_LARGE if large else EVERY_SMALL
            holds = command.explore_all(command.named(names or [], default), limits, save)
        if limits.was_interrupted:
            raise typer.Exit(EXIT_INTERRUPTED)
        if not holds:
            raise typer.Exit(EXIT_USAGE if holds is None else EXIT_DIFFERENT)
