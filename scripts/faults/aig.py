"""And-inverter graphs, and how abc is asked about them.

A literal is twice a variable, plus 1 where it is inverted; variable 0 is the constant, so that 0 is false and 1 true.
"""


class Aig:
    def __init__(self):
        self.fanins = [None]  # of each variable; None: an input
        self._known = {}

    def input(self):
        self.fanins.append(None)
        return 2 * len(self.fanins) - 2

    def both(self, a, b):
        if a > b:
            a, b = b, a
        if a == 0 or a == b ^ 1:
            return 0
        if a == 1 or a == b:
            return b
        found = self._known.get((a, b))
        if found is None:
            self.fanins.append((a, b))
            found = self._known[a, b] = 2 * len(self.fanins) - 2
        return found

    def either(self, a, b):
        return self.both(a ^ 1, b ^ 1) ^ 1

    def differ(self, a, b):
        return self.either(self.both(a, b ^ 1), self.both(a ^ 1, b))

    def any(self, literals):
        """A balanced tree, as chains are slow to prove."""
        literals = list(literals) or [0]
        while len(literals) > 1:
            literals = [self.either(*pair) if len(pair) == 2 else pair[0]
                        for pair in (literals[i:i + 2] for i in range(0, len(literals), 2))]
        return literals[0]

    def gate(self, kind, a, b=None):
        """The literal of a gate of scripts/faults/circuit.py."""
        if kind in ("buf", "not"):
            return a ^ (kind == "not")
        operator = {"and": self.both, "or": self.either, "xor": self.differ}
        inverse = {"nand": "and", "nor": "or", "xnor": "xor"}
        return operator[inverse[kind]](a, b) ^ 1 if kind in inverse else operator[kind](a, b)

    def aiger(self, output, latches=()):
        """The binary AIGER file of what an output depends on. `latches`: {literal of an input: (next, starting value)}."""
        latches = dict(latches)
        used, stack = set(), [output >> 1]
        while stack:
            variable = stack.pop()
            if variable in used or variable == 0:
                continue
            used.add(variable)
            if self.fanins[variable]:
                stack += [fanin >> 1 for fanin in self.fanins[variable]]
            elif 2 * variable in latches:
                stack.append(latches[2 * variable][0] >> 1)
        inputs = [v for v in sorted(used) if not self.fanins[v] and 2 * v not in latches]
        held = [v for v in sorted(used) if 2 * v in latches]
        gates = [v for v in sorted(used) if self.fanins[v]]
        number = {v: i for i, v in enumerate([0, *inputs, *held, *gates])}

        def literal(old):
            return 2 * number[old >> 1] + (old & 1)

        lines = [f"aig {len(number) - 1} {len(inputs)} {len(held)} 1 {len(gates)}"]
        for variable in held:
            after, start = latches[2 * variable]
            lines.append(f"{literal(after)} {start}" if start else f"{literal(after)}")
        lines.append(str(literal(output)))
        body = bytearray("\n".join(lines).encode() + b"\n")
        for variable in gates:
            high, low = sorted(map(literal, self.fanins[variable]), reverse=True)
            for delta in (2 * number[variable] - high, high - low):
                while delta >= 128:
                    body.append(delta & 127 | 128)
                    delta >>= 7
                body.append(delta)
        return bytes(body)
