#!/bin/sh
# Makes sure that the packages of the named sets are installed: setup.sh [default] [area] [fuzz] [format] [formal].
# Says nothing when they are. IF4_SETUP=0 turns it off, for who brings the tools in another way.
set -eu

[ "${IF4_SETUP:-1}" != 0 ] || exit 0
[ $# -gt 0 ] || set -- default

# a|b: whichever of the names this system has.
packages_of() {
  case $1 in
    default)
      echo g++                 # compiles the model, the simulation and what Verilator generates
      echo make                # builds it all
      echo verilator           # turns the RTL into C++, and lints it
      echo zlib1g-dev          # Verilator's FST waveforms are compressed with it
      echo pkg-config          # finds the libraries below
      echo libcli11-dev        # command line of if4
      echo nlohmann-json3-dev  # reports, and the headers of safetensors files
      echo libfmt-dev          # text output
      echo libhwy-dev          # SIMD for every instruction set, chosen at run time
      echo catch2              # test framework
      echo libgmp-dev          # exact rational numbers, the tests' second opinion
      echo iverilog            # second linter
      echo yosys               # third: would synthesis build a latch?
      echo libbenchmark-dev    # make bench
      echo libsystemc-dev      # the simulator of arrays
      echo python3             # scripts/*.py
      ;;
    area)
      echo python3             # scripts/area/area.py, scripts/area/gates.py
      echo yosys               # synthesis, with abc
      echo opensta             # static timing and power
      echo iverilog            # counts clocks of latency and throughput
      echo qflow-tech-osu018   # cells to map to, unless LIBERTY= names others
      ;;
    fuzz)
      echo clang               # the compiler that libFuzzer comes with
      # libFuzzer and the sanitizers of clang; the second name is for an Ubuntu 24.04 without the first
      echo 'libclang-rt-dev|libclang-rt-18-dev'
      ;;
    format)
      echo clang-format        # make format, make check-format
      ;;
    formal)
      echo yosys               # reads the harnesses; its SAT solver; the package brings abc as yosys-abc
      echo verilator           # proofs by exhaustion
      echo g++
      echo make
      echo python3             # scripts/formal.py
      ;;
    *)
      echo "setup.sh: no set of packages is called '$1' (default, area, fuzz, format, formal)" >&2
      exit 2
      ;;
  esac
}

wanted=$(for set in "$@"; do packages_of "$set"; done)

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  echo "No apt-get here: install what Debian calls" $wanted "then use make with IF4_SETUP=0" >&2
  exit 2
fi

names=$(echo $wanted | tr '|' ' ')
installed=" $(dpkg-query -W -f '${db:Status-Status} ${Package} ' $names 2>/dev/null || true)"
missing=
for alternatives in $wanted; do
  found=
  for name in $(echo "$alternatives" | tr '|' ' '); do
    case $installed in *" installed $name "*) found=1 ;; esac
  done
  [ -n "$found" ] || missing="$missing $alternatives"
done
[ -n "$missing" ] || exit 0
shown=$(echo "$missing" | sed 's/|[^ ]*//g')

if [ "$(id -u)" = 0 ]; then
  as_root=
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
  as_root='sudo -n'
elif command -v sudo >/dev/null && [ -t 0 ]; then
  as_root=sudo  # asks for the password
else
  command -v sudo >/dev/null && type="sudo scripts/setup.sh $*" || type="su -c 'scripts/setup.sh $*'"
  echo "Packages are missing:$shown -- type: $type" >&2
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

echo "Installing packages:$shown"
# The package lists may be absent (fresh container) or too old; most machines need no update.
if ! install_missing && ! { apt update && install_missing; }; then
  tail -n 15 "$log" >&2
  echo "Packages could not be installed:$shown" >&2
  exit 2
fi
