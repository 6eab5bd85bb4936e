"""Statements and expressions, by the syntax tree of tree-sitter's grammar."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import tree_sitter_powershell
from tree_sitter import Language, Node, Parser

from tests.control.trust.powershell.dotnet import METHODS, PROPERTIES, STATIC, List, exception_names
from tests.control.trust.powershell.operators import OPERATORS, one_or_many, plus, true, unrolled

_PARSER = Parser(Language(tree_sitter_powershell.language()))
_ESCAPES = {"`n": "\n", "`r": "\r", "`t": "\t", '`"': '"', "``": "`", "`$": "$"}


class _Return(Exception):  # noqa: N818
    pass


@dataclass
class _Exit(Exception):  # noqa: N818
    code: int


@dataclass
class Scope:
    """Variables, by their names in lower case; a function sees those of its caller."""

    outer: "Scope | None" = None
    own: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        if name.lower() in self.own:
            return self.own[name.lower()]
        assert self.outer is not None, f"${name} was never set"
        return self.outer[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.own[name.lower()] = value


def errors_of(source: str) -> list[str]:
    """What of a script the grammar does not take for PowerShell."""

    def walk(node: Node) -> Iterator[str]:
        if node.type == "ERROR" or node.is_missing:
            yield f"line {node.start_point[0] + 1}: {_text(node)[:80]}"
        for child in node.children:
            yield from walk(child)

    return list(walk(_PARSER.parse(source.encode()).root_node))


def run(source: str, arguments: Mapping[str, Any]) -> tuple[int, str]:
    """Run a script with its parameters; returns exit code and what it wrote to its host."""
    interpreter = _Interpreter()
    scope = Scope(own={"true": True, "false": False, "null": None})
    for name, value in {
        "Check": False,
        "Remove": False,
        "KeepOthers": False,
        "Root": "",
        "Path": [],
        **arguments,
    }.items():
        scope[name] = value
    try:
        interpreter.statement(_PARSER.parse(source.encode()).root_node, scope, [])
    except _Exit as ended:
        return ended.code, "\n".join(interpreter.host)
    raise AssertionError("the script ended without an exit code")


class _Interpreter:
    def __init__(self) -> None:
        self.host: list[str] = []
        self._functions: dict[str, Node] = {}

    # -- statements ------------------------------------------------------------------------------------------------

    def statement(self, node: Node, scope: Scope, out: list[Any]) -> None:  # noqa: C901, PLR0912 - a case for each kind
        """Run one; what it emits goes to `out`."""
        match node.type:
            case "comment" | "param_block" | "function_name" | "function_parameter_declaration":
                pass
            case "program" | "statement_list" | "script_block" | "script_block_body" | "statement_block":
                for child in node.named_children:
                    self.statement(child, scope, out)
            case "function_statement":
                self._functions[_text(_child(node, "function_name")).lower()] = node
            case "if_statement":
                self._if(node, scope, out)
            case "foreach_statement":
                variable, values, body = (child for child in node.named_children if child.type != "comment")
                for value in unrolled(self.value(values, scope)):
                    scope[_text(variable)[1:]] = value
                    self.statement(body, scope, out)
            case "try_statement":
                self._try(node, scope, out)
            case "flow_control_statement":
                self._leave(node, scope, out)
            case "pipeline":
                first = node.named_children[0]
                if first.type == "assignment_expression":
                    self._assign(first, scope)
                else:
                    out.extend(unrolled(self.value(node, scope)))
            case unknown:
                raise AssertionError(f"unknown statement {unknown}: {_text(node)}")

    def _if(self, node: Node, scope: Scope, out: list[Any]) -> None:
        branches = [(node.named_children[0], _child(node, "statement_block"))]
        for clauses in _children(node, "elseif_clauses"):
            branches += [(one.named_children[0], _child(one, "statement_block")) for one in clauses.named_children]
        for condition, block in branches:
            if true(self.value(condition, scope)):
                self.statement(block, scope, out)
                return
        for clause in _children(node, "else_clause"):
            self.statement(_child(clause, "statement_block"), scope, out)

    def _try(self, node: Node, scope: Scope, out: list[Any]) -> None:
        try:
            self.statement(_child(node, "statement_block"), scope, out)
        except OSError as error:
            for clause in _child(node, "catch_clauses").named_children:
                types = {
                    _text(one)[1:-1].lower()
                    for each in _children(clause, "catch_type_list")
                    for one in each.named_children
                }
                if not types or types & exception_names(error):
                    self.statement(_child(clause, "statement_block"), scope, out)
                    return
            raise

    def _leave(self, node: Node, scope: Scope, out: list[Any]) -> None:
        keyword, *values = node.children
        value = self.value(values[0], scope) if values else None
        if keyword.type == "exit":
            raise _Exit(int(value or 0))
        assert keyword.type == "return", keyword.type
        out.extend(unrolled(value))
        raise _Return

    def _assign(self, node: Node, scope: Scope) -> None:
        left, operator, right = node.named_children
        target = _innermost(left)
        value = self.value(right, scope)
        old = self.value(target, scope) if _text(operator) == "+=" else None
        if _text(operator) == "+=":
            value = plus(old, value)
        if target.type == "element_access":
            holder, key = (self.value(child, scope) for child in target.named_children)
            holder[key.lower()] = value
        else:
            scope[_text(target)[1:]] = value

    # -- expressions -----------------------------------------------------------------------------------------------

    def value(self, node: Node, scope: Scope) -> Any:  # noqa: C901, PLR0911, PLR0912 - a case for each kind
        """The value of an expression, or of a pipeline's output."""
        match node.type:
            case "pipeline" | "pipeline_chain":
                assert len(node.named_children) == 1, f"no pipes, please: {_text(node)}"
                return self.value(node.named_children[0], scope)
            case "command":
                return self._command(node, scope)
            case "variable":
                return scope[_text(node)[1:]]
            case "string_literal":
                return self._string(node.named_children[0], scope)
            case "integer_literal":
                return int(_text(node))
            case "array_expression":
                return self._output(node, scope)
            case "sub_expression":
                return one_or_many(self._output(node, scope))
            case "parenthesized_expression":
                return self.value(node.named_children[0], scope)
            case "hash_literal_expression":
                return {
                    _text(_child(entry, "key_expression")).lower(): self.value(entry.named_children[-1], scope)
                    for body in node.named_children
                    for entry in body.named_children
                }
            case "type_literal":
                return _text(node)[1:-1].lower()
            case "expression_with_unary_operator":
                assert _text(node.children[0]).lower() == "-not", _text(node)
                return not true(self.value(node.children[-1], scope))
            case "member_access" | "element_access" | "invokation_expression":
                return self._member(node, scope)
            case "array_literal_expression" if len(node.named_children) > 1:
                return [self.value(child, scope) for child in node.named_children]
            case _ if len(node.children) == 3:
                left, operator, right = node.children
                return self._binary(self.value(left, scope), _text(operator).lower(), right, scope)
            case _ if len(node.children) == 1:
                return self.value(node.children[0], scope)
            case unknown:
                raise AssertionError(f"unknown expression {unknown}: {_text(node)}")

    def _output(self, node: Node, scope: Scope) -> list[Any]:
        out: list[Any] = []
        for child in node.named_children:
            self.statement(child, scope, out)
        return out

    def _binary(self, left: Any, operator: str, right: Node, scope: Scope) -> Any:
        if operator == "-and":
            return true(left) and true(self.value(right, scope))
        if operator == "-or":
            return true(left) or true(self.value(right, scope))
        return OPERATORS[operator](left, self.value(right, scope))

    def _member(self, node: Node, scope: Scope) -> Any:
        holder, name, *rest = node.named_children
        value = self.value(holder, scope)
        if node.type == "element_access":
            key = self.value(name, scope)
            return value[key.lower()] if isinstance(value, dict) else value[key]
        member = _text(name).lower()
        if node.type == "invokation_expression":
            given = [
                self.value(one, scope)
                for each in rest
                for listed in each.named_children
                for one in listed.named_children
            ]
            if holder.type == "type_literal":
                return STATIC[value, member](*given)
            return METHODS[type(value), member](value, *given)
        if isinstance(value, dict):
            return value[member]
        return PROPERTIES[type(value), member](value)

    def _string(self, node: Node, scope: Scope) -> str:
        text = _text(node)
        match node.type:
            case "verbatim_string_characters":
                return text[1:-1].replace("''", "'")
            case "verbatim_here_string_characters":
                return text.removeprefix("@'\n").removesuffix("\n'@")
            case "expandable_string_literal":
                start, parts, data = node.start_byte, [], node.text or b""
                at = 1
                for child in node.named_children:
                    parts.append(_unescaped(data[at : child.start_byte - start].decode()))
                    parts.append(str(self.value(child, scope)))
                    at = child.end_byte - start
                return "".join([*parts, _unescaped(data[at:-1].decode())])
            case unknown:
                raise AssertionError(f"unknown string {unknown}: {text}")

    def _command(self, node: Node, scope: Scope) -> Any:
        name = _text(_child(node, "command_name")).lower()
        elements = [
            one
            for each in _children(node, "command_elements")
            for one in each.named_children
            if one.type != "command_argument_sep"
        ]
        if name == "set-strictmode":
            return None
        given = [self.value(one, scope) for one in elements]
        match name:
            case "write-host":
                self.host.append(str(given[0]))
                return None
            case "new-object":
                assert given == ["System.Collections.Generic.List[string]"]
                return List()
            case _:
                return self._call(self._functions[name], given, scope)

    def _call(self, function: Node, given: list[Any], scope: Scope) -> Any:
        inner = Scope(scope)
        parameters = [
            one
            for declaration in _children(function, "function_parameter_declaration")
            for listed in declaration.named_children
            for one in listed.named_children
        ]
        assert len(given) == len(parameters), _text(function)[:40]
        for parameter, value in zip(parameters, given, strict=True):
            inner[_text(_child(parameter, "variable"))[1:]] = value
        out: list[Any] = []
        with suppress(_Return):
            self.statement(_child(function, "script_block"), inner, out)
        return one_or_many(out)


def _unescaped(text: str) -> str:
    return re.sub("`.", lambda found: _ESCAPES[found.group()], text)


def _innermost(node: Node) -> Node:
    while len(node.children) == 1:
        node = node.children[0]
    return node


def _children(node: Node, kind: str) -> list[Node]:
    return [child for child in node.named_children if child.type == kind]


def _child(node: Node, kind: str) -> Node:
    return _children(node, kind)[0]


def _text(node: Node) -> str:
    return (node.text or b"").decode()
