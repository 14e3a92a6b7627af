"""Trees of buffers for the nets of an array that go to many of its parts.

abc sees a part as one output of the logic around it, however many copies of the part the net goes to, and so leaves a
net such as `advance`, which goes to every cell, to one driver. Any flow would build a tree there."""

TREE = "tree_"  # what the names of their buffers begin with
MOST = 8        # copies of parts that one driver drives


def base_name(name):
    """The module's name in the RTL: Yosys calls a variant of it $paramod$HASH\\NAME."""
    return name.split("\\")[-1]


def next_bit(module):
    """A number of a net that the module has not got."""
    bits = [bit for cell in module["cells"].values() for connected in cell["connections"].values() for bit in connected]
    bits += [bit for port in module["ports"].values() for bit in port["bits"]]
    bits += [bit for net in module["netnames"].values() for bit in net["bits"]]
    return max((bit for bit in bits if isinstance(bit, int)), default=1) + 1


def part_sinks(module, parts, without):
    """The pins of parts that each net of the module drives: {bit: [(instance, port, index)]}, in the order of rows and
    columns. Not those of the ports `without`, which are no paths."""
    ideal = {bit for name in without if name in module["ports"] for bit in module["ports"][name]["bits"]}
    found = {}
    for name, cell in module["cells"].items():
        if base_name(cell["type"]) not in parts:
            continue
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] != "input":
                continue
            for index, bit in enumerate(bits):
                if isinstance(bit, int) and bit not in ideal:
                    found.setdefault(bit, []).append((name, port, index))
    return found


def groups(items):
    """As few groups of at most MOST as will do, and as even as can be; the larger first."""
    number = -(-len(items) // MOST)
    least, more = divmod(len(items), number)
    begin, found = 0, []
    for group in range(number):
        end = begin + least + (group < more)
        found.append(items[begin:end])
        begin = end
    return found


def add_trees(module, parts, without, buffer):
    """Gives every net of a module, as Yosys's write_json has it, that drives more than MOST pins of `parts` a tree of
    `buffer`, a cell of the library. What else the net drives stays at its root. The roots: {bit: number of buffers}."""
    free = next_bit(module)
    pin = {"input": next(iter(buffer.inputs)), "output": next(iter(buffer.outputs))}
    roots = {}
    for root, sinks in part_sinks(module, parts, without).items():
        level, count = sinks, 0
        while len(level) > MOST:
            above = []
            for group in groups(level):
                name = f"{TREE}{root}_{count}"
                module["cells"][name] = {
                    "hide_name": 0, "type": buffer.name, "parameters": {}, "attributes": {},
                    "port_directions": {pin["input"]: "input", pin["output"]: "output"},
                    "connections": {pin["input"]: [root], pin["output"]: [free]}}
                for instance, port, index in group:
                    module["cells"][instance]["connections"][port][index] = free
                above.append((name, pin["input"], 0))
                free, count = free + 1, count + 1
            level = above
        if count:
            roots[root] = count
    return roots
