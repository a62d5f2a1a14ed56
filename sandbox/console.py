"""What `make run` shows: steps with their seconds while it starts, then lines, in English and Chinese."""

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.progress import Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.table import Table
from rich.text import Text


class Screen:
    """Shows steps and lines on the terminal, or as plain lines where there is none; silent for tests."""

    def __init__(self, quiet: bool = False) -> None:
        self.console = Console(quiet=quiet, highlight=False)
        self.progress: Progress | None = None
        self.lock = threading.Lock()

    @contextlib.contextmanager
    def live(self) -> Iterator[None]:
        """Spinners for the steps inside, on a terminal."""
        if not self.console.is_terminal:
            yield
            return
        columns = (SpinnerColumn(finished_text="[green]✓[/]"), TextColumn("{task.description}"), Seconds())
        with Progress(*columns, console=self.console) as self.progress:
            yield
        self.progress = None

    @contextlib.contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Show that something is being done, and how long it took; steps may run side by side."""
        started = time.monotonic()
        task = self.progress.add_task(text, total=1) if self.progress else None
        try:
            yield
        except BaseException:
            if self.progress and task is not None:
                self.progress.update(task, description=f"[red]✗ {text}[/]")
                self.progress.stop_task(task)
            raise
        if self.progress and task is not None:
            self.progress.update(task, completed=1)
        else:
            self.line(f"✓ {text}  {time.monotonic() - started:.1f} s")

    def line(self, text: str, style: str = "") -> None:
        # Nobody reads any more when the terminal was closed; the stack goes on with what it was doing.
        with self.lock, contextlib.suppress(OSError, SystemExit):
            self.console.print(Text(text, style=style), soft_wrap=True)

    def event(self, text: str, style: str = "") -> None:
        """A line with the time of day, for what happens while the stack runs."""
        self.line(f"{datetime.now():%H:%M:%S}  {text}", style)

    def places(self, urls: Mapping[str, str], logs: Path, seconds: float) -> None:
        """The panel that ends a start: where everything is."""
        table = Table.grid(padding=(0, 2))
        table.add_column()
        table.add_column()
        # An address cut short is no address, however narrow the terminal.
        table.add_column(no_wrap=True, overflow="ignore")
        for name, english, chinese in PLACES:
            table.add_row(Text(english), Text(chinese), Text(urls[name], style="cyan"))
        table.add_row("")
        table.add_row("A resident's way", "全流程演示", Text("make journey", style="cyan"))
        table.add_row("Logs", "日志", Text(str(logs), style="dim"))
        table.add_row("Stop", "停止", Text("Ctrl-C", style="cyan"))
        title = f"OnePhone is running · 一部手机办事通已启动 · {seconds:.1f} s"
        self.console.print(Panel(table, title=title, border_style="green", expand=False))


class Seconds(ProgressColumn):
    """Seconds a step has taken so far, or took."""

    def render(self, task: Task) -> Text:
        # `elapsed` goes on counting after the end.
        seconds = task.finished_time if task.finished_time is not None else task.elapsed or 0.0
        return Text(f"{seconds:.1f} s", style="dim")


PLACES = (
    ("docs", "API, to try", "接口文档"),
    ("sandbox", "Sandbox", "沙箱首页"),
    ("eid", "e-ID", "电子身份"),
    ("office", "Approval system", "审批系统"),
    ("phone", "Resident's phone", "居民手机"),
    ("clerk", "Desk look-up", "窗口查询"),
)
