"""A small library with round numbers, netlists made of its cells, and what they spend, for test_energy.py."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts" / room) for room in ("energy", "faults", "area")]
import activity as counting  # noqa: E402
import circuit as circuits  # noqa: E402
from account import Accountant  # noqa: E402
from netlist import PORT, Netlist, Pin  # noqa: E402
from power import CellPower, supply, units_of, wire_capacitance  # noqa: E402
from tables import read_library  # noqa: E402

HEAD = """library (hand) {
  time_unit : "1ns"; voltage_unit : "1V"; leakage_power_unit : "1nW"; capacitive_load_unit (1, pf); nom_voltage : 2.0;
  power_lut_template (by_both) { variable_1 : input_transition_time; variable_2 : total_output_net_capacitance;
    index_1 ("0.1, 0.3"); index_2 ("0.01, 0.05"); }
  power_lut_template (by_slew) { variable_1 : input_transition_time; index_1 ("0.1, 0.3"); }
"""
DELAYS = """cell_rise (scalar) { values ("0.1"); } cell_fall (scalar) { values ("0.1"); }
        rise_transition (scalar) { values ("0.1"); } fall_transition (scalar) { values ("0.1"); }"""
SETUP = """timing () { related_pin : "CK"; timing_type : setup_rising;
        rise_constraint (scalar) { values ("0.1"); } fall_constraint (scalar) { values ("0.1"); } }"""


def timing(pin, extra=""):
    return f'timing () {{ related_pin : "{pin}"; {extra} {DELAYS} }}'


def power(rise=None, fall=None, related=None, when=None, table="scalar", both=None):
    parts = [f'related_pin : "{related}";' if related else "", f'when : "{when}";' if when else ""]
    parts += [f'{kind} ({table}) {{ values ({values}); }}' for kind, values in
              (("rise_power", rise), ("fall_power", fall), ("power", both)) if values]
    return f"internal_power () {{ {' '.join(parts)} }}"


INV = f"""cell (INV) {{ area : 1; cell_leakage_power : 9;
    leakage_power () {{ when : "A"; value : 3; }} leakage_power () {{ when : "!A"; value : 1; }}
    pin (A) {{ direction : input; capacitance : 0.01; }}
    pin (Y) {{ direction : output; function : "!A"; max_capacitance : 1; {timing("A")}
      {power('"0.001, 0.002", "0.003, 0.004"', '"0.0005, 0.001", "0.0015, 0.002"', "A", table="by_both")} }} }}
"""
XOR = f"""cell (XOR2) {{ area : 3; cell_leakage_power : 5;
    pin (A) {{ direction : input; rise_capacitance : 0.01; fall_capacitance : 0.03; capacitance : 0.5; }}
    pin (B) {{ direction : input; capacitance : 0.02; {power(both='"0.0001"', when="!A")} }}
    pin (Y) {{ direction : output; function : "A^B"; max_capacitance : 1; {timing("A")} {timing("B")}
      {power('"0.010"', '"0.006"', "A", "B")} {power('"0.004"', '"0.002"', "A", "!B")} {power('"0.5"', '"0.5"', "A")}
      {power(both='"0.008"', related="B")} }} }}
"""
DFF = f"""cell (DFF) {{ area : 5; cell_leakage_power : 7; ff (IQ, IQN) {{ next_state : "D"; clocked_on : "CK"; clear : "!RN"; }}
    pin (CK) {{ direction : input; clock : true; capacitance : 0.01;
      {power('"0.001, 0.003"', '"0.002, 0.004"', when="D * Q", table="by_slew")} {power('"0.005"', '"0.007"')} }}
    pin (D) {{ direction : input; capacitance : 0.01; {power('"0.002"', '"0.004"', when="CK")} {power('"0.006"', '"0.008"', when="!CK")}
      {SETUP} }}
    pin (RN) {{ direction : input; capacitance : 0.01; }}
    pin (Q) {{ direction : output; function : "IQ"; max_capacitance : 1; {timing("CK", "timing_type : rising_edge;")}
      {power('"0.020"', '"0.030"', "CK")} }} }}
"""
OTHERS = f"""cell (BUF) {{ area : 2; pin (A) {{ direction : input; capacitance : 0.01; }}
    pin (Y) {{ direction : output; function : "A"; max_capacitance : 1; {timing("A")} }} }}
  cell (NAND2) {{ area : 2; cell_leakage_power : 1; pin (A) {{ direction : input; capacitance : 0.01; }}
    pin (B) {{ direction : input; capacitance : 0.01; }}
    pin (Y) {{ direction : output; function : "!(A*B)"; max_capacitance : 1; {timing("A")} {timing("B")}
      {power('"0.001"', '"0.002"', "A")} {power('"0.003"', '"0.004"', "B")} }} }}
"""
LIBRARY = f"{HEAD}  {INV}  {XOR}  {DFF}  {OTHERS}}}\n"


def netlist_of(library, instances, inputs, outputs):
    """`instances`: {name: (cell, {pin: net})}, nets by their names; inputs and outputs are nets that are ports."""
    netlist, numbers = Netlist(), {False: False, True: True}

    def net(name):
        return numbers.setdefault(name, len(numbers))

    for direction, names in ((netlist.inputs, inputs), (netlist.outputs, [f"{name}_o" for name in outputs])):
        direction += [Pin(PORT, name) for name in names]
    for pin, name in zip([*netlist.inputs, *netlist.outputs], [*inputs, *outputs]):
        netlist.nets[pin] = net(name)
    for instance, (cell, pins) in instances.items():
        netlist.cells[instance] = library.cells[cell]
        netlist.nets.update({Pin(instance, pin): net(name) for pin, name in pins.items()})
    netlist.index()
    return netlist


def spend(library, netlist, steps, work, slews=None):
    """What a netlist spends in steps ({input: value}, {output: value} that it must show), and the accountant. `slews`: {pin:
    (falling, rising)}, (0.1, 0.1) of the others."""
    circuit = circuits.circuit_of(netlist)
    counting.write_netlist(netlist, circuit, work)
    inputs, outputs = [pin.name for pin in netlist.inputs], [pin.name for pin in netlist.outputs]
    lines = ["in " + " ".join(inputs), "out " + " ".join(outputs)]
    for given, shown in steps:
        values = ("".join(str(int(given.get(name, 1))) for name in inputs),
                  "".join(str(int(shown[name])) if name in shown else "-" for name in outputs))
        lines.append("clock " + " ".join(values))
    (work / "trace.txt").write_text("\n".join([*lines, ""]))
    counted = counting.count(netlist, work, ["--trace", str(work / "trace.txt")])
    units = units_of(library)
    powers = {cell.name: CellPower(cell, units) for cell in netlist.cells.values()}
    pins = {pin: (0.1, 0.1) for pin in netlist.nets}
    pins.update({Pin(*pin.split("/")): edges for pin, edges in (slews or {}).items()})
    accountant = Accountant(netlist, circuit, powers, wire_capacitance(library, units)[0], pins, supply(library, units))
    return accountant.spent(counted), accountant


def read(text, folder):
    path = Path(folder) / "hand.lib"
    path.write_text(text)
    return read_library(path)
