"""Conditions on a point: comparisons of axes, metrics, numbers and words, such as `area_mm2 <= 5 and format == nvfp4`.

The grammar is Python's, of which there are comparisons (chains and `in (a, b)` too), and, or, not, + - * / and
parentheses. A name is an axis, a metric, or else a word, which must be a value of one of the axes: a misspelled axis is
an error and never a word.
"""

import ast
import operator

OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
COMPARISONS = {ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
               ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.In: lambda one, many: one in many,
               ast.NotIn: lambda one, many: one not in many}
ORDERED = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)


class ExpressionError(ValueError):
    """The text is no condition; one line that says why."""


class Unknown(Exception):
    """A metric that the condition needs is not there (yet)."""


class Condition:
    def __init__(self, text, names, words):
        """`names`: of axes and metrics. `words`: values of axes that are no numbers."""
        self.text = text
        self._words = words
        try:
            self._tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            raise ExpressionError(f"'{text}' is no condition such as area_mm2 <= 5 and format == nvfp4") from None
        self.names = set()
        self._check(self._tree, names)
        if not self._is_condition(self._tree):
            raise ExpressionError(f"'{text}' compares nothing")

    def _is_condition(self, node):
        if isinstance(node, ast.BoolOp):
            return all(self._is_condition(value) for value in node.values)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return self._is_condition(node.operand)
        return isinstance(node, ast.Compare)

    def _check(self, node, names):
        if isinstance(node, ast.Name):
            if node.id in names:
                self.names.add(node.id)
            elif node.id in ("true", "false"):
                pass
            elif node.id not in self._words:
                raise ExpressionError(f"'{self.text}': there is no axis, metric or value of an axis called '{node.id}'")
        elif isinstance(node, ast.Constant):
            if not isinstance(node.value, (int, float, str)):
                raise ExpressionError(f"'{self.text}': {node.value!r} is neither a number nor a word")
            if isinstance(node.value, str) and node.value not in self._words:
                raise ExpressionError(f"'{self.text}': no axis has the value '{node.value}'")
        elif isinstance(node, ast.BoolOp):
            self._check_all(node.values, names)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub)):
            self._check(node.operand, names)
        elif isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
            self._check_all((node.left, node.right), names)
        elif isinstance(node, ast.Compare) and all(type(op) in COMPARISONS for op in node.ops):
            self._check_all((node.left, *node.comparators), names)
        elif isinstance(node, (ast.Tuple, ast.List)):
            self._check_all(node.elts, names)
        else:
            raise ExpressionError(f"'{self.text}': only comparisons, and, or, not, + - * / and parentheses are understood")

    def _check_all(self, nodes, names):
        for node in nodes:
            self._check(node, names)

    def holds(self, values):
        """Whether the condition is true of {name: value}. Raises Unknown where it needs a name that is not there or None."""
        return bool(self._value(self._tree, values))

    def _value(self, node, values):
        if isinstance(node, ast.Name):
            if node.id not in self.names:
                return node.id == "true" if node.id in ("true", "false") else node.id
            if values.get(node.id) is None:
                raise Unknown(node.id)
            return values[node.id]
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.BoolOp):
            wanted = isinstance(node.op, ast.Or)
            return wanted if any(bool(self._value(value, values)) == wanted for value in node.values) else not wanted
        if isinstance(node, ast.UnaryOp):
            value = self._value(node.operand, values)
            return not value if isinstance(node.op, ast.Not) else -self._number(value)
        if isinstance(node, ast.BinOp):
            left, right = (self._number(self._value(side, values)) for side in (node.left, node.right))
            try:
                return OPERATORS[type(node.op)](left, right)
            except ZeroDivisionError:
                raise ExpressionError(f"'{self.text}' divides by zero") from None
        if isinstance(node, (ast.Tuple, ast.List)):
            return [self._value(one, values) for one in node.elts]
        left = self._value(node.left, values)
        for op, right in zip(node.ops, node.comparators):
            right = self._value(right, values)
            if isinstance(op, ORDERED):
                left, right = self._number(left), self._number(right)
            elif isinstance(op, (ast.In, ast.NotIn)) and not isinstance(right, list):
                raise ExpressionError(f"'{self.text}': 'in' is followed by values in parentheses")
            if not COMPARISONS[type(op)](left, right):
                return False
            left = right
        return True

    def _number(self, value):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ExpressionError(f"'{self.text}': '{value}' is no number")
        return value
