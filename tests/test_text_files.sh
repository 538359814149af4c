#!/bin/sh
# Text files as people's editors leave them: .cfg, .data, the list of images, labels. Each is read as it was meant, or
# its encoding is named; a run with it gives the weights of a run without.
. tests/tap.sh
images 2
network "$scratch/a.cfg" '[smooth_topk]
k=2' 3

train() {
    timeout 60 "$darknet" classifier train "$scratch/x.data" "$scratch/a.cfg" -seed 1 >"$scratch/said" 2>&1
    code=$?
    grep -av 'conv \|avg  \|Using default' "$scratch/said" | tail -n 5
    return $code
}
train >/dev/null && cp "$scratch/backup/a.weights" "$scratch/expected"
check 'the files as they are' test -s "$scratch/expected"

# same FILE COMMAND...: FILE put through COMMAND is read as it was.
same() {
    altered=$scratch/$1
    shift
    cp "$altered" "$scratch/keep" && "$@" <"$scratch/keep" >"$altered" || return
    rm -f "$scratch"/backup/*
    ! cmp "$altered" "$scratch/keep" && train && cmp "$scratch/backup/a.weights" "$scratch/expected"
    same=$?
    cp "$scratch/keep" "$altered"
    return $same
}
mark() { printf '\357\273\277' && cat; }
for file in a.cfg x.data train.txt labels.txt; do
    check "$file: CR LF line ends" same $file sed 's/$/\r/'
    check "$file: CR line ends" same $file tr '\n' '\r'
    check "$file: a byte order mark" same $file mark
    check "$file: a byte order mark and CR LF" same $file sed '1s/^/\xef\xbb\xbf/; s/$/\r/'
    check "$file: blank lines" same $file sed '1s/^/\n/; s/$/\n \t\n/'
    check "$file: blanks at line ends" same $file sed 's/$/ \t/'
    check "$file: blanks before lines" same $file sed 's/^/  /'
    check "$file: no line end at the end" same $file head -c -1
done
check 'x.data: blanks beside =' same x.data sed 's/=/ = /'

refused() { # FILE ENCODING: named, exit code 1
    cp "$scratch/$1" "$scratch/keep" && iconv -f UTF-8 -t "$2" "$scratch/keep" >"$scratch/$1"
    train
    code=$?
    cp "$scratch/keep" "$scratch/$1"
    [ $code -eq 1 ] && grep -q "$1: .*UTF-16; save it as UTF-8" "$scratch/said"
}
for file in a.cfg x.data train.txt labels.txt; do
    for encoding in UTF-16 UTF-16LE UTF-16BE; do
        check "$file: $encoding is named" refused $file $encoding
    done
done

# no_value LINE WORDS: as a line of a .data file it is refused.
no_value() {
    { cat "$scratch/x.data" && echo "$1"; } >"$scratch/value.data"
    timeout 60 "$darknet" classifier train "$scratch/value.data" "$scratch/a.cfg" >"$scratch/said" 2>&1
    code=$?
    grep value.data "$scratch/said"
    [ $code = 1 ] && grep -qF "value.data, line 8: $2: has no value; a line is option=value" "$scratch/said"
}
check 'x.data: an option without a value' no_value 'calibrate=' 'calibrate='
check 'x.data: nothing but blanks behind =' no_value ' calibrate = ' 'calibrate='
check 'x.data: a line without =' no_value 'calibrate part.txt' 'calibrate part.txt'

# split_number OPTION ADVICE: as line 4 of a .cfg it is refused, and what to write is said.
split_number() {
    sed "3a $1" "$scratch/a.cfg" >"$scratch/split.cfg"
    ! "$darknet" classifier train "$scratch/x.data" "$scratch/split.cfg" -seed 1 >"$scratch/said" 2>&1 || return
    tail -n 1 "$scratch/said"
    grep -q "split.cfg, line 4: .*: a blank within a number; write $2" "$scratch/said"
}
check 'k=1 5' split_number 'k=1 5' 'k=1,5 for several numbers, k=15 for one'
check 'tau = 0.3 1 # two' split_number 'tau = 0.3 1 # two' 'tau=0.3,1 for several'
check 'learning_rate=0. 05' split_number 'learning_rate=0. 05' '.*learning_rate=0.05 for one'
check 'steps=10, 20 30' split_number 'steps=10, 20 30' 'steps=10,20,30 for several'
check 'decay=5 e-4, with a tab' split_number "decay=5$(printf '\t')e-4" '.*decay=5e-4 for one'
split_data() { # KEY=VALUE
    { cat "$scratch/x.data" && echo "$1"; } >"$scratch/split.data"
    ! "$darknet" classifier train "$scratch/split.data" "$scratch/a.cfg" -seed 1 >"$scratch/said" 2>&1 || return
    tail -n 1 "$scratch/said"
    grep -q "split.data, line 8: $1: a blank within a number; write" "$scratch/said"
}
for option in 'classes=1 0' 'top=1 5' 'tag=0 1'; do check "$option" split_data "$option"; done

bad_data() { # SED-SCRIPT WORDS: the .data file so changed is refused
    sed "$1" "$scratch/x.data" >"$scratch/bad.data"
    "$darknet" classifier train "$scratch/bad.data" "$scratch/a.cfg" -seed 1 >"$scratch/said" 2>&1
    code=$?
    tail -n 1 "$scratch/said"
    [ $code -eq 1 ] && grep -qF "$2" "$scratch/said"
}
for list in train labels; do
    check "$list=: a directory" bad_data "s#^$list=.*#$list=$scratch/data#" \
        "$scratch/data: cannot be read: Is a directory"
done
for number in six 6.5 6x 2147483648 99999999999999999999; do
    check "classes=$number" bad_data "s/^classes=.*/classes=$number/" \
        "bad.data: classes=$number: must be a whole number"
done
top() { # the command's own number
    sed 's/^top=.*/top=many/' "$scratch/x.data" >"$scratch/bad.data"
    ! "$darknet" classifier valid "$scratch/bad.data" "$scratch/a.cfg" "$scratch/expected" >"$scratch/said" 2>&1 &&
        grep -qF 'bad.data: top=many: must be a whole number' "$scratch/said"
}
check 'top=many' top
endless() { # a cfg without an end
    timeout 20 "$darknet" classifier train "$scratch/x.data" /dev/zero >"$scratch/said" 2>&1
    [ $? -eq 1 ] && grep -q '/dev/zero: no text' "$scratch/said"
}
check 'a file of NUL bytes without an end' endless

# A directory and files whose names have blanks inside.
inner_blanks() {
    mkdir -p "$scratch/my data/my backup" && cp "$scratch/labels.txt" "$scratch/my data/my labels.txt" &&
        sed "s#^labels=.*#labels=$scratch/my data/my labels.txt#; s#^backup=.*#backup = $scratch/my data/my backup#" \
            "$scratch/x.data" >"$scratch/blanks.data" &&
        "$darknet" classifier train "$scratch/blanks.data" "$scratch/a.cfg" -seed 1 2>&1 | tail -n 3
    cmp "$scratch/my data/my backup/a.weights" "$scratch/expected"
}
check 'blanks inside the values of a .data file are kept' inner_blanks
finish
