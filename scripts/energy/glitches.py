"""How much more nets toggle where gates have delays: one unit with the first of the streams that are counted, in Icarus Verilog.

A gate has the mean delay of its arcs, for rises and for falls, as OpenSTA writes them to SDF; a pulse that is shorter is
swallowed. Inputs change with the edge of the clock. What every output shows at the end of a clock is compared with the
netlist without delays.
"""

import re

import activity as counting
import functions
from netlist import PORT, Pin, clock_pin
from sta import CLOCK, PERIOD_NS
from tools import ToolError, run, save

BEATS = 32  # that are counted, at least
SDF = """read_liberty {folder}/cells.lib
read_verilog {folder}/netlist.v
link_design {top}
create_clock -name clk -period {period} [get_ports {clock}]
write_sdf -digits 5 {work}/delays.sdf
exit
"""
INSTANCE = re.compile(r"\(INSTANCE ([^)\s]+)\)(.*?)(?=\(CELL\s|\Z)", re.DOTALL)
PATH = re.compile(r"\(IOPATH (\S+|\(\w+ \S+\)) (\S+) \(([^)]*)\)(?: \(([^)]*)\))?")


def latest(triple):
    """Of (least::most) in ns, or None where there is none."""
    numbers = [float(word) for word in triple.split(":") if word]
    return max(numbers) if numbers else None


def delays_of(text, cells):
    """{(instance, output): (rise, fall) in ps} of SDF, means over arcs."""
    found = {}
    for instance, body in INSTANCE.findall(text):
        instance = instance.replace("\\", "")
        cell = cells.get(instance)
        arcs = {}
        for source, output, rise, fall in PATH.findall(body) if cell else []:
            source = source.strip("()").split()[-1]
            if cell.state and source not in functions.names(cell.controls["clocked_on"]):
                continue
            edges = latest(rise), latest(fall) if fall else latest(rise)
            arcs.setdefault(output, []).append(edges)
        for output, edges in arcs.items():
            means = []
            for place in (0, 1):
                given = [edge[place] for edge in edges if edge[place] is not None]
                means.append(round(1000 * sum(given) / len(given)) if given else 0)
            found[instance, output] = tuple(max(0, mean) for mean in means)
    return found


def net_name(net):
    return f"1'b{int(net)}" if isinstance(net, bool) else f"n{net}"


def gates(netlist, delays, numbers):
    """The netlist as continuous assignments and registers; nets have the numbers `numbers`."""
    lines = []

    def value(pin):
        net = netlist.nets[pin]
        return net_name(net if isinstance(net, bool) else numbers[net])

    def verilog(tree, values):
        if isinstance(tree, bool):
            return f"1'b{int(tree)}"
        if isinstance(tree, str):
            return values[tree]
        if tree[0] == "!":
            return f"(~{verilog(tree[1], values)})"
        return f"({verilog(tree[1], values)} {tree[0]} {verilog(tree[2], values)})"

    for number, (instance, cell) in enumerate(netlist.cells.items()):
        values = {name: value(Pin(instance, name)) for name in cell.inputs}
        if cell.state:
            held = f"q{number}"
            lines.append(f"reg {held} = 0;")
            clock, falling = clock_pin(cell)
            lines.append(f"always @({'negedge' if falling else 'posedge'} {values[clock]}) {held} <= "
                         f"{verilog(cell.controls['next_state'], values)};")
            kept = held
            for control, form in (("preset", "({0} | {1})"), ("clear", "({0} & ~{1})")):
                names = functions.names(cell.controls[control]) if control in cell.controls else ()
                if any(not isinstance(netlist.nets[Pin(instance, name)], bool) for name in names):
                    active = verilog(cell.controls[control], values)
                    lines.append(f"always @* if ({active}) {held} = 1'b{int(control == 'preset')};")
                    kept = form.format(kept, active)
            values.update({name: kept if place == 0 else f"(~{kept})" for place, name in enumerate(cell.state.arguments)})
        for name, tree in cell.outputs.items():
            pin = Pin(instance, name)
            if pin in netlist.nets:
                rise, fall = delays.get((instance, name), (0, 0))
                lines.append(f"assign #({rise}, {fall}) {value(pin)} = {verilog(tree, values)};")
    return lines


BENCH = """`timescale 1ps/1ps
module glitches;
  localparam Nets = {nets}, Inputs = {inputs}, Outputs = {outputs}, Clocks = {clocks};
  reg [Inputs-1:0] in = 0;
  reg [Inputs+Outputs:0] line [0:Clocks-1];
  reg clock = 0, counts = 0;
  integer every [0:Nets-1];
  integer settled [0:Nets-1];
  integer wrong = 0, c, i;
  event looked;
  wire [Outputs-1:0] out;
{nets_of}
{connections}
{gates}
{counters}
  initial begin
    for (i = 0; i < Nets; i = i + 1) begin every[i] = 0; settled[i] = 0; end
    $readmemb("{vectors}", line);
    for (c = 0; c < Clocks; c = c + 1) begin
      // The inputs of a clock, which the edge before has let in, and what shows at its end.
      counts = line[c][Inputs+Outputs];
      in = line[c][Inputs+Outputs-1:Outputs];
      #{period};
      if (out !== line[c][Outputs-1:0]) wrong = wrong + 1;
      -> looked;
      #1;
      clock = 1;
      #0 clock = 0;
    end
    $display("wrong %0d", wrong);
    for (i = 0; i < Nets; i = i + 1) $display("net %0d %0d", every[i], settled[i]);
    $display("end");
    $finish;
  end
endmodule
"""


def bench_text(netlist, delays, numbers, clock, clocks, vectors):
    """A module that drives so many clocks of the file `vectors`, and prints how often each net toggled in those that count:
    ever, and from the end of one clock to the end of the next. `clock`: the net."""
    connections = []
    for place, pin in enumerate(netlist.inputs):
        source = "clock" if netlist.nets[pin] == clock else f"in[{len(netlist.inputs) - 1 - place}]"
        connections.append(f"assign {net_name(numbers[netlist.nets[pin]])} = {source};")
    for place, pin in enumerate(netlist.outputs):
        net = netlist.nets[pin]
        connections.append(f"assign out[{len(netlist.outputs) - 1 - place}] = "
                           f"{net_name(net if isinstance(net, bool) else numbers[net])};")
    wires = [f"wire n{number}; reg old{number} = 0;" for number in numbers.values()]
    counters = [f"always @(n{number}) if (counts) every[{number}] = every[{number}] + 1;"
                for net, number in numbers.items() if net != clock]
    counters += [f"always @(looked) begin if (counts && n{number} !== old{number}) settled[{number}] = settled[{number}] + 1; "
                 f"old{number} = n{number}; end" for net, number in numbers.items() if net != clock]
    return BENCH.format(
        nets=len(numbers), nets_of="\n".join(wires), inputs=len(netlist.inputs), outputs=len(netlist.outputs), clocks=clocks,
        connections="\n".join(connections), gates="\n".join(gates(netlist, delays, numbers)), counters="\n".join(counters),
        vectors=vectors, period=int(1000 * PERIOD_NS))


def simulate(text, work, what):
    """What such a module prints."""
    save(work / "glitches.v", text)
    run(["iverilog", "-g2012", "-o", str(work / "glitches.vvp"), str(work / "glitches.v")], work / "glitches.log", what)
    run(["vvp", "-n", str(work / "glitches.vvp")], work / "glitches.log", what)
    return (work / "glitches.log").read_text()


def measure(bench, folder, top, operands):
    """How often nets toggle with delays, over how often without: {"toggles": ratio, "energy": the same, each net by its
    capacitance, "clocks": that were counted}. `bench`: of scripts/energy/measure.py."""
    netlist, work = bench.netlist, bench.work
    vectors = work / "vectors.txt"  # of its first stream, clock by clock from the reset on
    counting.count(netlist, work, [*bench.arguments, *operands.arguments(), "--beats", str(BEATS), "--vectors", str(vectors)],
                   name="glitches_activity")
    rows = vectors.read_text().split("\n")[:-1]
    save(work / "vectors.memb", "\n".join(row.replace(" ", "_") for row in rows) + "\n")
    save(work / "sdf.tcl", SDF.format(folder=folder, top=top, period=PERIOD_NS, clock=CLOCK, work=work))
    run(["sta", "-no_splash", "-exit", str(work / "sdf.tcl")], work / "sdf.log", top)
    delays = delays_of((work / "delays.sdf").read_text(), netlist.cells)
    missing = [pin for pin in netlist.drivers.values() if pin.instance != PORT and tuple(pin) not in delays]
    if missing:
        raise ToolError(f"{top}: sta gave no delay of {missing[0]} and {len(missing) - 1} other outputs", "delays.sdf")
    clock = bench.accountant.clock
    numbers = {net: number for number, net in enumerate(netlist.drivers)}
    text = bench_text(netlist, delays, numbers, clock, len(rows), work / "vectors.memb")
    return judged(simulate(text, work, top), numbers, clock, bench.accountant.loads, top, sum(row[0] == "1" for row in rows))


def judged(text, numbers, clock, loads, top, clocks):
    lines = text.splitlines()
    counted = [tuple(map(int, line.split()[1:])) for line in lines if line.startswith("net ")]
    if lines[-1:] != ["end"] or len(counted) != len(numbers):
        raise ToolError(f"{top}: Icarus Verilog did not come to the end of the clocks", "glitches.log")
    if "wrong 0" not in lines:
        raise ToolError(f"{top}: with delays the netlist shows something else at the end of a clock", "glitches.log")
    pairs = {net: counted[number] for net, number in numbers.items() if net != clock}
    every, settled = (sum(pair[place] for pair in pairs.values()) for place in (0, 1))
    charged, least = (sum(pair[place] * loads[net] for net, pair in pairs.items()) for place in (0, 1))
    if not settled or every < settled:
        raise ToolError(f"{top}: {every} toggles with delays and {settled} without", "glitches.log")
    return {"toggles": every / settled, "energy": charged / least, "clocks": clocks}
