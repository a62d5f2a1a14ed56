"""Flows: a service's steps as a graph that can be drawn, and the order of a joint service's parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.catalogue.faults import pointer
from app.catalogue.mistakes import Fault

Path = tuple[str | int, ...]


def flow_faults(flow: Mapping[str, Any]) -> Iterator[Fault]:
    """One start, at least one end, edges between nodes that exist, and every node on a way from start to end.

    Circles are fine: a correction leads back to the check.
    """
    nodes = {node["code"]: node["kind"] for node in flow["nodes"]}
    codes = [node["code"] for node in flow["nodes"]]
    for place, code in enumerate(codes):
        if code in codes[:place]:
            yield Fault(pointer(("flow", "nodes", place, "code")), "twice", f"“{code}”重复", f"`{code}` is there twice")
    lost = False
    for place, edge in enumerate(flow["edges"]):
        for end in ("from", "to"):
            if edge[end] not in nodes:
                lost = True
                words = (f"流程图没有“{edge[end]}”这个节点", f"the flow has no node `{edge[end]}`")
                yield Fault(pointer(("flow", "edges", place, end)), "no_such_node", *words)
    starts = [code for code, kind in nodes.items() if kind == "start"]
    ends = [code for code, kind in nodes.items() if kind == "end"]
    if len(starts) != 1 or not ends:
        words = ("流程图须有一个开始节点和至少一个结束节点", "a flow has one start and at least one end")
        yield Fault("/flow/nodes", "start_and_end", *words)
    elif not lost:
        yield from _stray(flow, codes, starts, ends)


def _stray(flow: Mapping[str, Any], codes: Sequence[str], starts: list[str], ends: list[str]) -> Iterator[Fault]:
    onward = [(edge["from"], edge["to"]) for edge in flow["edges"]]
    reached = _reached(starts, onward)
    ending = _reached(ends, [(later, earlier) for earlier, later in onward])
    for place, code in enumerate(codes):
        if code not in reached or code not in ending:
            words = (f"节点“{code}”不在从开始到结束的路上", f"no way from start to end leads over `{code}`")
            yield Fault(pointer(("flow", "nodes", place)), "stray", *words)


def _reached(begin: list[str], edges: list[tuple[str, str]]) -> set[str]:
    found, waiting = set(begin), list(begin)
    while waiting:
        here = waiting.pop()
        for origin, target in edges:
            if origin == here and target not in found:
                found.add(target)
                waiting.append(target)
    return found


def order_faults(children: Sequence[Mapping[str, Any]], at: Path) -> Iterator[Fault]:
    """The parts of a joint service wait for parts that exist, and never for each other in a circle."""
    waits = {child["code"]: set(child.get("after", ())) for child in children}
    for place, child in enumerate(children):
        for number, code in enumerate(child.get("after", ())):
            if code not in waits:
                words = (f"没有“{code}”这个环节", f"there is no part `{code}`")
                yield Fault(pointer((*at, place, "after", number)), "unknown_name", *words)
    done: set[str] = set()
    while ready := {code for code, before in waits.items() if code not in done and before & waits.keys() <= done}:
        done |= ready
    for place, child in enumerate(children):
        if child["code"] not in done:
            words = ("各环节互相等待，永远无法开始", "these parts wait for each other and never begin")
            yield Fault(pointer((*at, place, "after")), "circle", *words)
