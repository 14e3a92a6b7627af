"""What Yosys's `stat` says of the cells of a netlist."""

import re
from dataclasses import dataclass, field

from tools import ToolError


@dataclass
class Cells:
    """What `stat` says of one module."""
    counts: dict = field(default_factory=dict)
    chip_area: float = 0.0

    def area(self, library, flip_flops=None):
        """In the library's unit; flip_flops: True only these, False only the others."""
        return sum(count * library.cells[name].area for name, count in self.counts.items()
                   if flip_flops in (None, library.cells[name].state is not None))

    def add(self, counts, copies=1):
        for name, count in counts.items():
            self.counts[name] = self.counts.get(name, 0) + copies * count

    def flip_flops(self, library):
        return sum(count for name, count in self.counts.items() if library.cells[name].state)


def read_stat(text, library, what, submodules=()):
    """The cells of each module in the text of `stat -liberty`. Raises ToolError unless all are cells of the library."""
    modules = {}
    for section in re.split(r"^=== ", text, flags=re.MULTILINE)[1:]:
        name = section.split(" ===")[0]
        if name == "design hierarchy":  # the sum of all, where there are several
            continue
        cells = modules[name] = Cells()
        listed = re.search(r"Number of cells: +(\d+)\n((?: +\S+ +\d+\n)*)", section)
        if not listed:
            raise ToolError(f"{what}: yosys counted no cells")
        for line in listed.group(2).splitlines():
            cell, count = line.split()
            if cell in submodules:
                continue
            if cell not in library.cells:
                raise ToolError(f"{what}: {count} cells {cell} are not in the library")
            if library.cells[cell].unused:
                raise ToolError(f"{what}: {count} cells {cell} are used: {library.cells[cell].unused}")
            cells.counts[cell] = int(count)
        chip_area = re.search(r"Chip area for module .*: ([0-9.]+)", section)
        cells.chip_area = float(chip_area.group(1)) / library.area_scale if chip_area else 0.0
        if abs(cells.chip_area - cells.area(library)) > 1e-6 * cells.chip_area + 1e-3:
            raise ToolError(f"{what}: yosys says an area of {cells.chip_area}, its cells have {cells.area(library)}")
    if not any(cells.counts and cells.chip_area > 0 for cells in modules.values()):
        raise ToolError(f"{what}: the netlist has no cells")
    return modules
