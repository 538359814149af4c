#!/bin/sh
# The rooms of src/ stand on floors: a file includes only what is below, and no files need each other in a circle.
. tests/tap.sh
check 'no include goes upwards' python3 tests/floors.py upwards
check 'no files include each other in a circle' python3 tests/floors.py circles
check 'no files call each other in a circle' python3 tests/floors.py calls build/source/obj
if [ -d build/ranks/obj ]; then
    check 'with several ranks neither' python3 tests/floors.py calls build/ranks/obj
else
    skip 'calls with several ranks' 'no build/ranks: make check makes it, where Open MPI is installed (libopenmpi-dev)'
fi
found() ( # FILE LINE QUESTION FAULT: with the line in a copy of the file, the fault is found
    rm -rf "$scratch/copy" && mkdir "$scratch/copy" && cp -R src tests "$scratch/copy" && cd "$scratch/copy" || return 1
    echo "$2" >>"$1"
    python3 tests/floors.py "$3" | grep -q "$4"
)
check 'an include upwards is found' found src/base/seed.c '#include "train.h"' upwards \
    'seed.c includes src/classifier/train.h'
check 'a circle is found' found src/base/allocate.h '#include "file_replacement.h"' circles 'allocate, file_replacement'
finish
