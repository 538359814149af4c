#!/bin/sh
# --help, --version and wrong calls: the usage of the command that was meant, and an exit code that says so.
. tests/tap.sh
answers() { # CODE PATTERN ARGUMENT...: on stdout with code 0, on stderr otherwise
    code=$1 pattern=$2
    shift 2
    "$darknet" "$@" >"$scratch/stdout" 2>"$scratch/stderr"
    found=$?
    stream=$scratch/stderr
    [ "$code" = 0 ] && stream=$scratch/stdout && [ -s "$scratch/stderr" ] && return 1
    [ "$found" = "$code" ] && grep -qe "$pattern" "$stream"
}
commands=$(sed -n 's/^    {"\([a-z0-9]*\)", run_.*/\1/p' src/classifier/commands.c)
every_command() { # each command has a usage of its own, and a line in the list of all
    for command in $commands; do
        answers 0 "^usage: darknet classifier $command DATA" classifier "$command" --help ||
            { echo "no usage: $command"; return 1; }
        answers 0 "^  $command " classifier --help || { echo "not listed: $command"; return 1; }
    done
    [ "$(echo "$commands" | wc -w)" -gt 10 ]
}
check 'every command has a usage' every_command
check 'train --help lists its flags' answers 0 '-topk K' classifier train --help
check '-h is the same' answers 0 '-topk K' classifier train -h
check 'help COMMAND too' answers 0 '-json' classifier help versus
check 'classifier alone lists the commands, exit code 1' answers 1 '^  train ' classifier
check 'an unknown command too' answers 1 'classifier trian: no such command' classifier trian a b
check 'an unknown flag names it and prints the usage of its command' answers 1 '-topk K' classifier train a b -tpok 5
check 'a missing argument is named' answers 1 'classifier train: CFG is missing' classifier train a
without_weights() { # all but train, and demonstrations that need OpenCV
    for command in $commands; do
        [ "$command" = train ] && continue
        answers 1 "^classifier $command: WEIGHTS is missing" classifier "$command" a b || { echo "$command" &&
            return 1; }
        answers 1 "^classifier $command: WEIGHTS is empty" classifier "$command" a b '' c d || { echo "$command" &&
            return 1; }
        answers 1 "^classifier $command: [c-f]: one argument too many" classifier "$command" a b w c d e f g h i j ||
            { echo "$command" && return 1; }
    done
}
check 'every command but train needs weights, and takes no argument too many' without_weights
check 'train does without weights, and takes no image' answers 1 '^classifier train: x.png: one argument too many' \
    classifier train a b c x.png
check 'a flag of another command is refused, with that command' answers 1 \
    '^classifier predict: -topk: no such option; classifier train has it' classifier predict a b c -topk 5
check 'so is -seed with valid' answers 1 '^classifier valid: -seed: no such option; classifier train has it' \
    classifier valid a b c -seed 5
check 'a part of a flag is none' answers 1 '^classifier train: -top: no such option$' classifier train a b -top 5
check '-t must be a number' answers 1 '^-t x: must be a whole number from 1' classifier predict a b c -t x
check 'no arguments: exit code 1' answers 1 '^usage: darknet'
check '--help' answers 0 '^usage: darknet' --help
check 'an unknown function: exit code 1' answers 1 'Not an option: clasifier' clasifier
check '--version' answers 0 '^smooth_topk for Darknet [0-9.]*$' --version
pinned=$(grep -om1 '[0-9a-f]\{40\}^{tree}' tools/get_darknet.sh | cut -c1-40)
check "and Darknet's commit" answers 0 "^Darknet at commit $pinned$" --version
finish
