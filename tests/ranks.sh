# Launches of several ranks for the shell tests: sourced after tests/tap.sh; ends the script where MPI is missing.
if ! command -v mpicc >/dev/null || ! command -v mpirun >/dev/null; then
    echo '1..0 # SKIP mpicc or mpirun is missing: apt-get install libopenmpi-dev openmpi-bin'
    exit
fi
root=$PWD with_mpi=${DARKNET_RANKS:-$PWD/build/ranks/darknet}
compare="python3 $PWD/tests/compare_weights.py"
# Two and four ranks share two cores; as root only by these leaves.
export OMP_NUM_THREADS=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_mpi_yield_when_idle=1
export PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
images 16
cd "$scratch" || exit

# ranks NUMBER ARGUMENTS...: `classifier train` by so many, for a minute at most; 0 is one process without mpirun.
ranks() {
    launch="mpirun -np $1"
    [ "$1" != 0 ] || launch=
    shift
    # shellcheck disable=SC2086
    timeout 60 $launch "$with_mpi" classifier train "$@" >out 2>err
    code=$?
    [ $code != 124 ] || echo 'still running after a minute'
    return $code
}
said() { # PATTERN: once, by rank 0 or with its rank
    grep -q -- "$1" err && return
    echo "not said: $1"
    tail -n 5 err
    return 1
}

# Nothing with a kink: where two runs differ by rounding, a maximum or a leaky unit may fall the other way.
write_cfg() { # NAME LAST_SECTION [what goes into [net]] [what goes into the convolution]
    cat >"$1.cfg" <<CFG
[net]
batch=48
subdivisions=4
height=16
width=16
channels=3
max_crop=20
min_crop=16
angle=7
aspect=1.2
hue=.1
saturation=1.5
exposure=1.5
learning_rate=0.05
momentum=0.9
decay=0.0005
policy=steps
steps=30
scales=.1
burn_in=10
max_batches=50
${3-}
[convolutional]
filters=8
size=3
stride=2
pad=1
activation=tanh
${4-}
[connected]
output=300
activation=tanh
[connected]
output=6
activation=linear
$2
CFG
}
topk='[smooth_topk]
k=2'
write_cfg plain "$topk"

# as_one NAME [NUMBERS [DIFFERENCE]]: the weights of 50 batches by so many ranks are those of one process.
as_one() {
    ranks 0 x.data "$1.cfg" -seed 3 || return 1
    mv "backup/$1.weights" one.weights
    for number in ${2:-2 4}; do
        ranks "$number" x.data "$1.cfg" -seed 3 || return 1
        $compare one.weights "backup/$1.weights" "${3:-1e-5}" || return 1
    done
}
