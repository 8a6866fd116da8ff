#!/bin/sh
# Compiles the kernel program to dist/datapath/genkan.bpf.o when a source is newer than it. Needs clang and libbpf-dev.
set -eu
cd "$(dirname "$0")/.."
source=src/datapath/bpf
object=dist/datapath/genkan.bpf.o
if [ -f "$object" ] && [ -z "$(find "$source" tools/build-kernel.sh -newer "$object" -print -quit)" ]; then exit 0; fi
mkdir -p "$(dirname "$object")"
# The system's C headers for this processor: clang's bpf target does not search them by itself.
machine=/usr/include/$(uname -m)-linux-gnu
clang -O2 -g -Wall -Wextra -Wno-sign-compare -Werror -target bpf -mcpu=v3 -I"$machine" -c "$source/genkan.bpf.c" -o "$object.$$"
mv "$object.$$" "$object"
