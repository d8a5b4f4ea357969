"""The part of ``$(eval ...)`` that conditions of launch files need: comparisons of constants."""

from __future__ import annotations

import ast

from gait_reid_launch.errors import LaunchError


def evaluate(expression: str) -> str:
    """What ``$(eval expression)`` gives where it compares and combines constants.

    Raises:
        LaunchError: it does anything else.
    """
    try:
        value = _value(ast.parse(expression.strip(), mode="eval").body)
    except (SyntaxError, ValueError, TypeError) as error:
        raise LaunchError(
            f"$(eval {expression}) cannot be used without ROS 2's launch: only comparisons of "
            f"constants with == != in, not in, not, and, or ({error})"
        ) from error
    return str(value)


def _value(node: ast.expr) -> object:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return not _value(node.operand)
    if isinstance(node, ast.BoolOp):
        values = [_value(operand) for operand in node.values]
        return all(values) if isinstance(node.op, ast.And) else any(values)
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        return _compare(_value(node.left), node.ops[0], _value(node.comparators[0]))
    raise ValueError(f"{ast.unparse(node)} is neither")


def _compare(left: object, operator: ast.cmpop, right: object) -> bool:
    if isinstance(operator, ast.Eq):
        return left == right
    if isinstance(operator, ast.NotEq):
        return left != right
    if isinstance(operator, (ast.In, ast.NotIn)) and isinstance(right, str):
        return (str(left) in right) == isinstance(operator, ast.In)
    raise ValueError(f"{type(operator).__name__} is no comparison of texts")
