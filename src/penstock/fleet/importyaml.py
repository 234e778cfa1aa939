"""A fleet in YAML as the same plain rows as in CSV, each value with its place in the file."""

import yaml

from penstock.base.refusal import Refusal, invalid
from penstock.fleet.importrows import DEVICE_FIELDS, NODE_FIELDS, REFUSALS_MAX, Row, duplicate, unknown

_SHARED = ("leaf", "fabric", "site", "region", "engine", "state", "commissioned_at", "tranche", "life_years")
_NODE_KEYS = (*NODE_FIELDS, "devices")
_DEPTH_MAX = 16
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(text: str, name: str) -> tuple[list[Row], list[Refusal]]:
    """Rows of a YAML text with `nodes`, each with `devices`; places are `name:line:column`."""
    try:
        root = _compose(text)
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        said = getattr(error, "problem", None) or str(error).splitlines()[0]
        return [], [invalid("yaml_malformed", f"no YAML: {said}", "check indentation and quotes", where)]
    return _YamlReader(name).read(root)


class _NotRead(ValueError):
    """YAML that is well formed, but that no fleet file needs."""


def _compose(text: str) -> yaml.Node | None:
    """The tree of nodes. Nesting is bounded first, as the composer recurses; aliases could multiply rows."""
    depth = 0
    for event in yaml.parse(text, _LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEPTH_MAX:
            raise _NotRead(f"nested deeper than {_DEPTH_MAX}")
        if isinstance(event, yaml.AliasEvent):
            raise _NotRead(f"alias in line {event.start_mark.line + 1}; aliases are not read")
    return yaml.compose(text, _LOADER)


class _YamlReader:
    def __init__(self, name: str) -> None:
        self.name = name
        self.rows: list[Row] = []
        self.names: set[str] = set()
        self.refusals: list[Refusal] = []

    def read(self, root: yaml.Node | None) -> tuple[list[Row], list[Refusal]]:
        if root is None:
            self.refusals.append(invalid("fleet_empty", "the file is empty", "list nodes", self.name))
            return self.rows, self.refusals
        top = self._keys(root, (*_SHARED, "nodes"))
        if "nodes" not in top:
            self.refusals.append(
                invalid("field_missing", "'nodes' is missing", "list them under nodes:", self._at(root))
            )
        shared, places = self._scalars(top)
        for node in self._items(top.get("nodes")):
            self._read_node(node, shared, places)
            if len(self.refusals) >= REFUSALS_MAX:
                break
        return self.rows, self.refusals

    def _read_node(self, node: yaml.Node, shared: dict[str, str], places: dict[str, str]) -> None:
        keys = self._keys(node, _NODE_KEYS)
        texts, at = self._scalars(keys)
        name = texts.get("node")
        if name in self.names:
            self.refusals.append(duplicate("node", name, at["node"]))
        if name is not None:
            self.names.add(name)
        if "devices" not in keys:
            self.refusals.append(
                invalid("field_missing", "'devices' is missing", "list them", self._at(node))
            )
        for group in self._items(keys.get("devices")):
            own, own_at = self._scalars(self._keys(group, DEVICE_FIELDS))
            self.rows.append(Row({**shared, **texts, **own}, {**places, **at, **own_at}, self._at(group)))

    def _keys(self, node: yaml.Node, allowed: tuple[str, ...]) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            self.refusals.append(
                invalid(
                    "field_malformed", "fields with values belong here", "write key: value", self._at(node)
                )
            )
            return {}
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if len(self.refusals) >= REFUSALS_MAX:
                break
            title = key.value if isinstance(key, yaml.ScalarNode) else ""
            if title not in allowed:
                self.refusals.append(unknown("field", title, allowed, self._at(key)))
            elif title in found:
                self.refusals.append(duplicate("field", title, self._at(key)))
            else:
                found[title] = value
        return found

    def _items(self, node: yaml.Node | None) -> list[yaml.Node]:
        if node is None:
            return []
        if isinstance(node, yaml.SequenceNode) and node.value:
            return node.value
        self.refusals.append(
            invalid(
                "field_malformed", "a list with entries belongs here", "start each with '- '", self._at(node)
            )
        )
        return []

    def _scalars(self, keys: dict[str, yaml.Node]) -> tuple[dict[str, str], dict[str, str]]:
        texts: dict[str, str] = {}
        for title, node in keys.items():
            if title in ("nodes", "devices"):
                continue
            if not isinstance(node, yaml.ScalarNode):
                self.refusals.append(
                    invalid("field_malformed", f"{title} is one value", "write key: value", self._at(node))
                )
            elif node.value.strip() and node.tag != "tag:yaml.org,2002:null":
                texts[title] = node.value.strip()
        return texts, {title: self._at(keys[title]) for title in texts}

    def _at(self, node: yaml.Node) -> str:
        return f"{self.name}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"
