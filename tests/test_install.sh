#!/bin/sh
# What `make install` leaves: programs in C and C++ use it as other libraries; nothing else is in the way.
. tests/tap.sh
prefix="$scratch/a prefix"
version=$(sed -n 's/^#define SMOOTH_TOPK_VERSION "\([0-9]*\.[0-9]*\.[0-9]*\)"$/\1/p' src/loss/smooth_topk.h)
installs() {
    make install PREFIX="$prefix" &&
        (cd "$prefix" && ls include/smooth_topk.h include/smooth_topk_truth.h lib/libsmooth_topk.a \
        lib/libsmooth_topk.so \
        lib/libsmooth_topk.so.1 "lib/libsmooth_topk.so.$version" lib/pkgconfig/smooth_topk.pc)
}
check 'make install PREFIX=' installs
staged() { make install PREFIX=/usr DESTDIR="$scratch/stage" &&
    grep -x 'prefix=/usr' "$scratch/stage/usr/lib/pkgconfig/smooth_topk.pc"; }
check 'DESTDIR stages it for a package' staged
# The .so shows the functions of the installed headers, all of them and no others.
symbols() {
    nm -D --defined-only "$prefix/lib/libsmooth_topk.so" | awk '{ print $3 }' | sort >"$scratch/shown"
    grep -v '^ *\*\|^/\*\|^   ' -h "$prefix"/include/*.h | grep -o 'smooth_topk[a-z_]*(' | tr -d '(' |
        sort >"$scratch/declared"
    diff "$scratch/declared" "$scratch/shown"
}
check 'the shared library shows what its headers declare, and no more' symbols
check 'its soname has a version' sh \
    -c "readelf -d '$prefix/lib/libsmooth_topk.so' | grep 'SONAME.*\[libsmooth_topk.so.1\]'"
check 'the header is C99' sh \
    -c "printf '#include <smooth_topk.h>\n' |
        ${CC:-gcc} -std=c99 -pedantic-errors -Wall -Wextra -Werror -I'$prefix/include' -fsyntax-only -x c -"
if command -v g++ >/dev/null; then
    check 'the header is C++' sh \
        -c "printf '#include <smooth_topk.h>\n' |
            g++ -std=c++11 -pedantic-errors -Wall -Wextra -Werror -I'$prefix/include' -fsyntax-only -x c++ -"
else
    skip 'the header is C++' 'there is no g++'
fi
learns() { [ "$(tail -n 1 "$scratch/said")" != "$(head -n 1 "$scratch/said")" ] && tail -n 1 "$scratch/said" |
    grep "$1"; }
example() { # with_what
    ${CC:-gcc} -std=c99 -Wall -Wextra -Werror -I"$prefix/include" examples/loss.c "$@" -lm -o "$scratch/loss" &&
        LD_LIBRARY_PATH="$prefix/lib" "$scratch/loss" | tee "$scratch/said" && learns ' 0 classes better'
}
check 'the example in C, linked with the shared library' example -L"$prefix/lib" -lsmooth_topk
check 'the example in C, linked with the static library' example "$prefix/lib/libsmooth_topk.a"
with_pkg_config() { # in a prefix without blanks, as pkg-config wants
    make install PREFIX="$scratch/plain" &&
        example $(PKG_CONFIG_PATH="$scratch/plain/lib/pkgconfig" pkg-config --cflags --libs smooth_topk)
}
if command -v pkg-config >/dev/null; then
    check 'the example in C, with the flags of pkg-config' with_pkg_config
else
    skip 'the example in C, with the flags of pkg-config' 'there is no pkg-config'
fi
removed() { # another LIBDIR is obeyed, and uninstall leaves nothing
    make install PREFIX="$scratch/other" LIBDIR="$scratch/other/lib/machine" &&
        [ -f "$scratch/other/lib/machine/libsmooth_topk.a" ] &&
        grep -x 'libdir=${prefix}/lib/machine' "$scratch/other/lib/machine/pkgconfig/smooth_topk.pc" &&
        make uninstall PREFIX="$scratch/other" LIBDIR="$scratch/other/lib/machine" &&
            ! find "$scratch/other" ! -type d | grep .
}
check 'make install LIBDIR=, and make uninstall' removed
finish
