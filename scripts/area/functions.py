"""Functions of Liberty pins: read once into a tree, and evaluated or written as Verilog or Liberty from there.

A tree is a constant (False or True), a name, ("!", tree), or (operator, tree, tree) with one of the operators ^ & |.
"""

import re

TOKEN = re.compile(r"[A-Za-z_][\w\[\]]*|[01]|[!'*&+|^()]|\S")
DEPTH = 200  # parentheses and inversions within each other; no cell has as many


class FunctionReader:
    """' after an operand inverts it, a blank is an AND, ^ binds tightest of the binary operators, then AND, then OR."""

    def __init__(self, function):
        self.function = function
        self.tokens = TOKEN.findall(function)
        self.position = 0
        self.depth = 0

    def peek(self):
        return self.tokens[self.position] if self.position < len(self.tokens) else None

    def take(self):
        self.position += 1
        return self.tokens[self.position - 1]

    def operand(self):
        token = self.take() if self.peek() is not None else ""
        self.depth += 1
        if self.depth > DEPTH:
            raise ValueError(self.function)
        if token == "!":
            tree = ("!", self.operand())
        elif token == "(":
            tree = self.either()
            if self.peek() != ")":
                raise ValueError(self.function)
            self.take()
        elif token in ("0", "1"):
            tree = token == "1"
        elif re.match(r"[A-Za-z_]", token):
            tree = token
        else:
            raise ValueError(self.function)
        self.depth -= 1
        while self.peek() == "'":
            self.take()
            tree = ("!", tree)
        return tree

    def differ(self):
        tree = self.operand()
        while self.peek() == "^":
            self.take()
            tree = ("^", tree, self.operand())
        return tree

    def both(self):
        tree = self.differ()
        while self.peek() is not None and self.peek() not in ("+", "|", ")", "'", "^"):
            if self.peek() in ("*", "&"):
                self.take()
            tree = ("&", tree, self.differ())
        return tree

    def either(self):
        tree = self.both()
        while self.peek() in ("+", "|"):
            self.take()
            tree = ("|", tree, self.both())
        return tree


def parse(function):
    """The tree of a function. Raises ValueError where it is not one."""
    reader = FunctionReader(function)
    tree = reader.either()
    if reader.peek() is not None:
        raise ValueError(function)
    return tree


def names(tree):
    """What the function depends on."""
    if isinstance(tree, bool):
        return set()
    return {tree} if isinstance(tree, str) else set().union(*(names(part) for part in tree[1:]))


def literal(tree):
    """(name, inverted) of a function that is one name or its inverse, else None."""
    inverted = False
    while isinstance(tree, tuple) and tree[0] == "!":
        tree, inverted = tree[1], not inverted
    return (tree, inverted) if isinstance(tree, str) else None


def evaluate(tree, values):
    """The value of a function, with the values of its names."""
    if isinstance(tree, bool):
        return tree
    if isinstance(tree, str):
        return values[tree]
    first = evaluate(tree[1], values)
    if tree[0] == "!":
        return not first
    second = evaluate(tree[2], values)
    return first != second if tree[0] == "^" else first and second if tree[0] == "&" else first or second


def to_verilog(tree):
    if isinstance(tree, bool):
        return "1'b1" if tree else "1'b0"
    if isinstance(tree, str):
        return tree
    if tree[0] == "!":
        return f"(~{to_verilog(tree[1])})"
    return f"({to_verilog(tree[1])} {tree[0]} {to_verilog(tree[2])})"


def to_liberty(tree):
    """In the form that all readers of Liberty files take."""
    if isinstance(tree, bool):
        return "1" if tree else "0"
    if isinstance(tree, str):
        return tree
    if tree[0] == "!":
        return f"!{to_liberty(tree[1])}"
    return f"({to_liberty(tree[1])}{ {'^': '^', '&': '*', '|': '+'}[tree[0]] }{to_liberty(tree[2])})"
