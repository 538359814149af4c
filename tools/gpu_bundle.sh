#!/bin/sh
# Packs what tools/gpu_check.sh needs on a machine with a driver, but no network and nothing to install from: the
# programs that tools/gpu_ready.sh built here for sm_90, this tree, Darknet's source (the data set is drawn from its
# characters), and the libraries and headers of this machine (cmocka, libjpeg, libpng, zlib; cuDNN's headers), with
# which the programs are built there where they do not start.
#
# usage: tools/gpu_bundle.sh ARCHIVE     (run from the root of the repository; make gpu-bundle)
#
# There: tar -xzf ARCHIVE && OUT=DIRECTORY gpu-bundle/run     Results, step after step, are in DIRECTORY.
set -eu
archive=$1 scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
bundle=$scratch/gpu-bundle
fail() {
    echo "gpu-bundle: $*" >&2
    exit 1
}
mkdir -p "$bundle/tree/build" "$bundle/include" "$bundle/lib"
for part in Makefile src patches tools tests bench cfg; do cp -R "$part" "$bundle/tree/"; done
# Patched here: there may be no git there. What make compares the times of is written last.
tar -cf - --exclude='obj/*' --exclude='*.a' --exclude='*.so' --exclude=build/source/darknet --exclude=.git \
    build/upstream build/source |
    tar -xf - -C "$bundle/tree"
mkdir -p "$bundle/tree/build/source/obj"
touch "$bundle/tree/build/upstream"
touch "$bundle/tree/build/source/.patched"

ready=build/gpu-ready
if [ -x "$ready/darknet" ]; then
    mkdir "$bundle/ready"
    find "$ready" -maxdepth 1 -type f -perm -u+x -exec cp {} "$bundle/ready/" \;
else
    echo "gpu-bundle: no $ready (make gpu-ready builds it): the programs will be built there, which takes minutes" >&2
fi

header() { # FILE PACKAGE: where the compiler finds it, with those beside it that begin alike
    found=$(echo "#include <$1>" | ${CC:-gcc} -E - 2>/dev/null | sed -n "s|^# [0-9]* \"\(/.*/$1\)\".*|\1|p" | head -n 1)
    [ "$found" ] || fail "$1 is missing; install it with: apt-get install $2"
    cp -L "$found" "$bundle/include/"
}
library() { # FILE PACKAGE
    found=$(${CC:-gcc} -print-file-name="$1")
    [ -f "$found" ] || fail "$1 is missing; install it with: apt-get install $2"
    cp -L "$found" "$bundle/lib/"
    # The name that the loader asks for: libpng16.so.16.
    soname=$(basename "$(realpath "$found")" | sed 's/\(\.so\.[0-9]*\).*/\1/')
    [ "$soname" = "$1" ] || ln -s "$1" "$bundle/lib/$soname"
}
echo '#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>' | ${CC:-gcc} -E - >"$scratch/cmocka" 2>&1 ||
    fail 'cmocka.h is missing; install it with: apt-get install libcmocka-dev'
cp "$(sed -n 's|^# [0-9]* "\(/.*/cmocka.h\)".*|\1|p' "$scratch/cmocka" | head -n 1)" "$bundle/include/"
library libcmocka.so libcmocka-dev
for name in jpeglib.h jmorecfg.h jerror.h jconfig.h; do
    found=$(printf '#include <stddef.h>\n#include <stdio.h>\n#include <jpeglib.h>\n#include <jerror.h>\n' |
        ${CC:-gcc} -E - | sed -n "s|^# [0-9]* \"\(/.*/$name\)\".*|\1|p" | head -n 1)
    [ "$found" ] || fail "$name is missing; install it with: apt-get install libjpeg-dev"
    cp -L "$found" "$bundle/include/"
done
for name in png.h pngconf.h pnglibconf.h; do
    found=$(echo '#include <png.h>' | ${CC:-gcc} -E - | sed -n "s|^# [0-9]* \"\(/.*/$name\)\".*|\1|p" | head -n 1)
    [ "$found" ] || fail "$name is missing; install it with: apt-get install libpng-dev"
    cp -L "$found" "$bundle/include/"
done
header zlib.h zlib1g-dev
header zconf.h zlib1g-dev
library libjpeg.so libjpeg-dev
library libpng16.so libpng-dev
library libz.so zlib1g-dev
ln -s libpng16.so "$bundle/lib/libpng.so"
cudnn=$(echo '#include <cudnn.h>' >"$scratch/cudnn.cu" &&
    "${CUDA_HOME:+$CUDA_HOME/bin/}nvcc" -E "$scratch/cudnn.cu" 2>/dev/null |
    sed -n 's|^# [0-9]* "\(/.*\)/cudnn.h".*|\1|p' | head -n 1)
if [ "$cudnn" ]; then
    mkdir "$bundle/cudnn"
    cp -L "$cudnn"/cudnn*.h "$bundle/cudnn/"
else
    echo "gpu-bundle: no cudnn.h here: the bundle has no cuDNN headers, and what needs them is skipped" >&2
fi

cat >"$bundle/run" <<'RUN'
#!/bin/sh
# All that is to be seen on this machine's GPU, within 9 minutes: a few files in OUT, summary.txt first.
#
# usage: [OUT=DIRECTORY] ./run     OUT: results/ if not given; LIMIT=seconds instead of 540; PEER=DIR a checkout of the
#                                  authors' code (needs PYTHON with torch)
cd "$(dirname "$0")" || exit 1
here=$PWD out=${OUT:-$PWD/results}
mkdir -p "$out" || exit 1
export CPATH="$here/include${CPATH:+:$CPATH}" LIBRARY_PATH="$here/lib${LIBRARY_PATH:+:$LIBRARY_PATH}"
export LD_LIBRARY_PATH="$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" READY="$here/ready"
cd tree && . tools/cuda_environment.sh
# cuDNN's own headers, where they are, come first; these only where there is a library to link with.
case $(echo "$LD_LIBRARY_PATH" | tr : '\n' | sed 's|$|/libcudnn.so*|' |
    while read -r name; do ls $name; done 2>/dev/null) in
*libcudnn*) export CPATH="$CPATH:$here/cudnn" ;;
esac
exec tools/gpu_check.sh "$out"
RUN
chmod +x "$bundle/run"
mkdir -p "$(dirname "$archive")"
tar -czf "$archive" -C "$scratch" gpu-bundle
size=$(($(stat -c %s "$archive") / 1024 / 1024))
echo "$archive: $size MiB"
[ $size -lt 40 ] || fail "$archive has $size MiB, must be below 40"
