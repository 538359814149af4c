# What the tests of make compare share, beside tap.sh: a set of small glyphs in $set, a network tiny_softmax.cfg and
# tiny_smooth_topk.cfg, and the settings of a call, which are in the environment.
. tests/tap.sh
set=$scratch/set
build/make_glyphs build/upstream/data/labels "$set" -train 6 -valid 2 -size 16 || echo "# make_glyphs failed"
for loss in softmax smooth_topk; do
    network "$scratch/tiny_$loss.cfg" "[connected]
output=9
activation=linear
[$loss]" 20
done
sed -i 's/^\[smooth_topk\]/&\nk=5\ntau=0.5\nalpha=1/; s/^policy=.*/policy=steps\nsteps=10,16\nscales=.1,.1/' \
    "$scratch/tiny_smooth_topk.cfg"
export DATA="$set" NETWORK="$scratch/tiny" OUT="$scratch/out" NOISE=0 FRACTION=1 SEEDS=1 BATCHES=20 JOBS=2

# program COMMAND SETTING...: compare.py with other settings where they are given. $start comes before it.
start=
program() {
    command=$1
    shift
    $start env "$@" tools/compare.py "$command"
}

# refused TEXT SETTING...: exit code 1 and one message with TEXT in it.
refused() {
    text=$1
    shift
    program compare "$@" >"$scratch/message" 2>&1
    code=$?
    cat "$scratch/message"
    [ $code -eq 1 ] && grep -qF -- "$text" "$scratch/message" && ! grep -q Traceback "$scratch/message"
}

# python ARGUMENT...: a program from standard input that finds tools/.
python() { PYTHONPATH=tools python3 -B - "$@"; }
