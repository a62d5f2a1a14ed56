"""Definition files: YAML (or JSON, which is YAML too) as data that remembers its lines.

Only what a definition needs is read: mappings, lists, texts, numbers, truths. Dates stay texts, as in JSON. Anchors and
aliases, tags, keys that are given twice and bottomless nesting are faults with a line.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from app.catalogue import validation
from app.catalogue.faults import pointer
from app.catalogue.mistakes import Fault, Located, located
from app.catalogue.validation import Surroundings

LARGEST_FILE = 1024 * 1024
DEEPEST = 40

_PLAIN = {
    "tag:yaml.org,2002:null",
    "tag:yaml.org,2002:bool",
    "tag:yaml.org,2002:int",
    "tag:yaml.org,2002:float",
    "tag:yaml.org,2002:str",
}


_OPENING = (
    yaml.BlockMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.FlowSequenceStartToken,
)
_CLOSING = (yaml.BlockEndToken, yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)


class _Loader(yaml.SafeLoader):
    """YAML 1.1 without timestamps: a date is a text here as it is in JSON and in the database."""

    yaml_implicit_resolvers = {  # noqa: RUF012 -- PyYAML declares it
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


class _Unreadable(Exception):
    def __init__(self, line: int, fault: Fault) -> None:
        super().__init__(fault.en)
        self.line = line
        self.fault = fault


Read = tuple[Any, dict[str, int], list[Located]]


def read(path: Path) -> Read:
    """A file as (data, JSON Pointer → line, faults); data is None when it can not be read."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            return None, {}, [Located(str(path), 1, _too_large())]
        return parse(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "UTF-8"
        fault = Fault("", "unreadable", f"无法读取：{reason}", f"can not be read: {reason}")
        return None, {}, [Located(str(path), 1, fault)]


def parse(content: str, file: str) -> Read:
    """The same for a text."""
    if len(content.encode(errors="replace")) > LARGEST_FILE:
        return None, {}, [Located(file, 1, _too_large())]
    loader = None
    try:
        loader = _Loader(content)
        _look_over(content)
        node = loader.get_single_node()
        lines: dict[str, int] = {}
        data = None if node is None else _data(loader, node, (), lines)
        return data, lines, []
    except _Unreadable as error:
        return None, {}, [Located(file, error.line, error.fault)]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        fault = Fault("", "not_yaml", f"YAML 语法错误：{problem}", f"not YAML: {problem}")
        return None, {}, [Located(file, mark.line + 1 if mark else 1, fault)]
    except RecursionError:
        return None, {}, [Located(file, 1, _too_deep())]
    finally:
        if loader is not None:
            loader.dispose()


def validate(path: Path, around: Surroundings) -> tuple[dict[str, Any] | None, list[Located]]:
    """A definition file as data, and everything that is wrong with it; data is None when something is."""
    data, lines, unreadable = read(path)
    if unreadable:
        return None, unreadable
    found = judged(data, lines, str(path), around)
    return (None if found else data), found


def judged(data: Any, lines: dict[str, int], file: str, around: Surroundings) -> list[Located]:
    """Everything that is wrong with what was read."""
    return located(file, lines, validation.faults(data, around))


def dump(definition: dict[str, Any]) -> str:
    """A definition as a file that people can edit and `read` gives back as it was."""
    return yaml.dump(definition, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=110)


class _Dumper(yaml.SafeDumper):
    """Without anchors, and with lists set in."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _look_over(content: str) -> None:
    """Aliases can make gigabytes out of a page (a `billion laughs`), and a definition needs none. Depth is looked at
    before anything is built, for building goes down as deep as the text does."""
    depth = 0
    for token in yaml.scan(content, Loader=_Loader):
        depth += isinstance(token, _OPENING) - isinstance(token, _CLOSING)
        if depth > DEEPEST:
            raise _Unreadable(token.start_mark.line + 1, _too_deep())
        if isinstance(token, yaml.AnchorToken | yaml.AliasToken | yaml.TagToken):
            words = ("不允许使用 YAML 锚点、别名和标签", "YAML anchors, aliases and tags are not allowed")
            raise _Unreadable(token.start_mark.line + 1, Fault("", "alias", *words))


def _data(loader: yaml.SafeLoader, node: yaml.Node, path: tuple[str | int, ...], lines: dict[str, int]) -> Any:
    line = node.start_mark.line + 1
    lines.setdefault(pointer(path), line)
    if len(path) > DEEPEST:
        raise _Unreadable(line, _too_deep())
    if isinstance(node, yaml.SequenceNode):
        return [_data(loader, one, (*path, place), lines) for place, one in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        return _mapping(loader, node, path, lines)
    if node.tag not in _PLAIN:
        raise _Unreadable(line, Fault(pointer(path), "tag", f"不支持的类型 {node.tag}", f"{node.tag} is not allowed"))
    try:
        return loader.construct_object(node)
    except ValueError:
        raise _Unreadable(line, Fault(pointer(path), "value", "数值无法识别", "this is no number")) from None


def _mapping(
    loader: yaml.SafeLoader, node: yaml.MappingNode, path: tuple[str | int, ...], lines: dict[str, int]
) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == "tag:yaml.org,2002:merge":
            raise _Unreadable(line, Fault(pointer(path), "key", "键必须是文字", "a key must be a text"))
        key = str(key_node.value)
        if key in made:
            words = (f"“{key}”重复", f"`{key}` is given twice")
            raise _Unreadable(line, Fault(pointer((*path, key)), "twice", *words))
        # The key's line, not the value's: a long value begins on the next one.
        lines[pointer((*path, key))] = line
        made[key] = _data(loader, value_node, (*path, key), lines)
    return made


def _too_large() -> Fault:
    return Fault("", "too_large", "文件超过 1 MB", "the file is larger than 1 MB")


def _too_deep() -> Fault:
    return Fault("", "too_deep", "嵌套过深", "nested too deep")
