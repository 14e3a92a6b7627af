"""Writes a netlist as C++ in which every net is a vector of bits, one for each of many independent units.

`Writer` writes the lines of functions that compute a netlist; source() makes of them the source of a build with a kernel
for each instruction set, as sim/bits/kernel.hpp describes them.
"""

from dataclasses import dataclass

from netlist import STATE, functions, substitute


@dataclass(frozen=True)
class Target:
    """An instruction set that the kernels are compiled for."""
    name: str
    bits: int                 # of a vector
    attribute: str = ""       # of the functions
    ternary: bool = False     # one instruction computes any function of three vectors


TARGETS = (
    Target("avx512", 512, '__attribute__((target("avx512f"))) ', True),
    Target("avx2", 256, '__attribute__((target("avx2"))) '),
    Target("portable", 128),
)
TERNARY = """
template <int Table>
__attribute__((target("avx512f"), always_inline)) inline Vector ternary(Vector a, Vector b, Vector c) {
  return (Vector)_mm512_ternarylogic_epi64((__m512i)a, (__m512i)b, (__m512i)c, Table);
}
"""
OF_X86 = [target for target in TARGETS if target.attribute]


def operations(tree):
    return 0 if not isinstance(tree, tuple) else 1 + sum(map(operations, tree[1:]))


def expression(tree, target):
    """A function as C++; its names are C++ already."""
    if isinstance(tree, bool):
        return "ones" if tree else "zero"
    if isinstance(tree, str):
        return tree
    names = sorted(functions.names(tree))
    if target.ternary and len(names) in (2, 3) and operations(tree) > 1:
        first, second, third = names if len(names) == 3 else (names[0], *names)
        table = 0
        for row in range(8):
            values = {third: bool(row & 1), second: bool(row & 2)}
            values.setdefault(first, bool(row & 4))
            table |= functions.evaluate(tree, values) << row
        return f"ternary<0x{table:02X}>({first}, {second}, {third})"
    if tree[0] == "!":
        return f"~{expression(tree[1], target)}"
    return f"({expression(tree[1], target)} {tree[0]} {expression(tree[2], target)})"


class Writer:
    """The C++ of a netlist for a target. The lines define a variable `n` and the number of the net for each net; they read
    port[i][bit], with i the position among the input ports, and state[i], with i the position among the flip-flops, and
    assign out[i], with i the position among the bits of the output ports, and next[i]."""

    def __init__(self, netlist, target):
        self.netlist = netlist
        self.target = target
        self.states = {id(cell): number for number, cell in enumerate(netlist.flipflops())}
        self.ports = {net: f"port[{number}][{bit}]" for number, nets in enumerate(netlist.inputs.values())
                      for bit, net in enumerate(nets)}

    @staticmethod
    def read(net):
        return ("ones" if net else "zero") if isinstance(net, bool) else f"n{net}"

    def value(self, cell, tree, state=None):
        """The C++ of a tree of the pins of a cell; `state` is that of its state."""
        pins = {pin: self.read(net) for pin, net in cell.inputs.items()}
        return expression(substitute(tree, {**pins, STATE: state}), self.target)

    def held(self, cell, text):
        """What the asynchronous reset makes of a state."""
        tree = STATE
        if cell.state.clear is not None:
            tree = ("&", ("!", cell.state.clear), tree)
        if cell.state.preset is not None:
            tree = ("|", cell.state.preset, tree)
        return text if tree == STATE else self.value(cell, tree, text)

    def state(self, cell):
        return self.held(cell, f"state[{self.states[id(cell)]}]")

    def cone(self, wanted):
        """The cells without a state that the nets need, in the order of the netlist."""
        needed, stack = set(), list(wanted)
        while stack:
            place = self.netlist.driver.get(stack.pop())
            if place and not place[0].state and id(place[0]) not in needed:
                needed.add(id(place[0]))
                stack += place[0].reads()
        return [cell for cell in self.netlist.combinational() if id(cell) in needed]

    def source_net(self, net):
        """What drives a net that no gate drives."""
        if net in self.ports:
            return self.ports[net]
        cell, pin = self.netlist.driver[net]
        return self.value(cell, cell.functions[pin], self.state(cell))

    def reads(self, cell):
        return [net for net in cell.reads() if net != self.netlist.clock]

    def lines(self, clocked):
        """Lines that compute the outputs, and with `clocked` also the state after a rising edge."""
        lines, known = [], set()

        def need(nets):
            for net in nets:
                place = self.netlist.driver[net]
                if net not in known and (place is None or place[0].state):
                    known.add(net)
                    lines.append(f"  const Vector n{net} = {self.source_net(net)};")

        def keep(cell):
            need(self.reads(cell))
            after = self.held(cell, self.value(cell, cell.state.next, self.state(cell)))
            lines.append(f"  next[{self.states[id(cell)]}] = {after};")

        need([] if self.netlist.reset is None else [self.netlist.reset])
        outputs = [net for nets in self.netlist.outputs.values() for net in nets]
        wanted = [net for net in outputs if not isinstance(net, bool)]
        waiting = {}  # of a net of a gate: flip-flops that read it, each with all such nets that are still missing
        for cell in self.netlist.flipflops() if clocked else ():
            wanted += self.reads(cell)
            missing = {net for net in self.reads(cell) if self.netlist.waits(net, known)}
            for net in missing:
                waiting.setdefault(net, []).append((cell, missing))
            if not missing:
                keep(cell)
        for cell in self.cone(wanted):
            need(self.reads(cell))
            for pin, net in cell.outputs.items():
                lines.append(f"  const Vector n{net} = {self.value(cell, cell.functions[pin])};")
            known.update(cell.outputs.values())
            for net in cell.outputs.values():
                for flipflop, missing in waiting.get(net, ()):
                    missing.discard(net)
                    if not missing:
                        keep(flipflop)
        for number, net in enumerate(outputs):
            need([] if isinstance(net, bool) else [net])
            lines.append(f"  out[{number}] = {self.read(net)};")
        return lines

    def reset_lines(self):
        """Lines that compute the state that an asynchronous reset leaves."""
        reset = self.netlist.reset
        lines = [] if reset is None else [f"  const Vector n{reset} = {self.source_net(reset)};"]
        return lines + [f"  next[{number}] = {self.state(cell)};" for number, cell in enumerate(self.netlist.flipflops())]


HEAD = """// Generated from the netlist of {build} by scripts/bits.
#include "sim/bits/kernel.hpp"

#ifdef __x86_64__
#ifndef __clang__
// GCC 12 warns that variables inside its own intrinsics are not initialized (its bug 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#endif

namespace {{

using Word = std::uint64_t;
"""

FUNCTION = """
{attribute}void {name}(const Word* const* ports, const Word* states, {parameters}) {{
  const Vector* port[{ports}];
  for (int i = 0; i < {ports}; ++i) port[i] = (const Vector*)ports[i];
  const Vector* const state = (const Vector*)states;
  {variables}
  const Vector zero = {{}}, ones = ~zero;
  (void)zero, (void)ones;
{lines}
}}
"""
RESULTS = {
    "clock": ("Word* nexts, Word* outs", "Vector* const __restrict next = (Vector*)nexts; "
                                         "Vector* const __restrict out = (Vector*)outs;"),
    "outputs": ("Word* outs", "Vector* const __restrict out = (Vector*)outs;"),
    "reset": ("Word* nexts", "Vector* const __restrict next = (Vector*)nexts;"),
}


def kernel(netlist, target):
    """The namespace of a target's functions."""
    writer = Writer(netlist, target)
    lines = {"clock": writer.lines(True), "outputs": writer.lines(False), "reset": writer.reset_lines()}
    text = [f"namespace {target.name} {{\n\n"
            f"typedef Word Vector __attribute__((vector_size({target.bits // 8}), may_alias));\n"]
    text += [TERNARY] if target.ternary else []
    for name, (parameters, variables) in RESULTS.items():
        text.append(FUNCTION.format(attribute=target.attribute, name=name, parameters=parameters, variables=variables,
                                    ports=len(netlist.inputs), lines="\n".join(lines[name])))
    text.append(f"\n}}  // namespace {target.name}\n")
    return "".join(text)


def source(build, netlist):
    """The source that adds the kernels of a build to a program."""
    def ports(nets):
        return "{" + ", ".join(f'{{"{name}", {len(bits)}}}' for name, bits in nets.items()) + "}"

    def row(target):
        name = target.name
        return f'      {{"{name}", {target.bits // 64}, {name}::clock, {name}::outputs, {name}::reset}},'

    x86 = "\n".join(kernel(netlist, target) for target in OF_X86)
    rest = "\n".join(kernel(netlist, target) for target in TARGETS if target not in OF_X86)
    rows = ["#ifdef __x86_64__", *map(row, OF_X86), "#endif", *(row(target) for target in TARGETS if target not in OF_X86)]
    return "".join([HEAD.format(build=build), "\n#ifdef __x86_64__\n", x86, "\n#endif\n\n", rest,
                    "\nif4::BitsNetlist netlist() {\n  return {", ports(netlist.inputs), ",\n          ",
                    ports(netlist.outputs), f",\n          {len(netlist.flipflops())},\n          {{\n",
                    "\n".join(rows), "\n          }};\n}\n\n",
                    f'const if4::BitsRegistration k_registration("{build}", netlist);\n\n', "}  // namespace\n"])
