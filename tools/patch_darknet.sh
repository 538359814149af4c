#!/bin/sh
# Makes SOURCE the patched Darknet: UPSTREAM plus patches/series plus `plugin`, a link to src/.
#
# usage: tools/patch_darknet.sh UPSTREAM SOURCE     (run from the root of the repository)
#
# Only files whose content changes are written, so that make rebuilds what depends on them alone.
set -eu
upstream=$1 source=$2
new=$source.new
rm -rf "$new"
mkdir -p "$source/obj"
trap 'rm -rf "$new"' EXIT
cp -R "$upstream" "$new"
top=$PWD
while read -r patch; do
    case $patch in '' | '#'*) continue ;; esac
    # The ceiling keeps git from taking the plugin's own repository for the tree to patch.
    (cd "$new" && GIT_CEILING_DIRECTORIES="$(dirname "$PWD")" git apply --whitespace=nowarn "$top/patches/$patch") || {
        echo "patches/$patch does not apply to $upstream" >&2
        exit 1
    }
done <patches/series
ln -s "$(realpath --relative-to="$source" src)" "$new/plugin"

(cd "$new" && find . -type d) | (cd "$source" && xargs mkdir -p)
(cd "$new" && find . -type f -o -type l) | while read -r file; do
    if [ -L "$new/$file" ]; then
        [ "$(readlink "$new/$file")" = "$(readlink "$source/$file" 2>/dev/null)" ] ||
            ln -sf "$(readlink "$new/$file")" "$source/$file"
    else
        cmp -s "$new/$file" "$source/$file" || cp -p "$new/$file" "$source/$file.tmp"
        if [ -e "$source/$file.tmp" ]; then
            mv "$source/$file.tmp" "$source/$file"
            touch "$source/$file"
        fi
    fi
done
# What a dropped patch or a removed source file left behind.
for directory in src include examples; do
    (cd "$source" && find "$directory" -type f -o -type l) | while read -r file; do
        [ -e "$new/$file" ] || rm "$source/$file"
    done
done
