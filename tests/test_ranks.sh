#!/bin/sh
# Several ranks train as one: the same weights, and one voice.
. tests/tap.sh
. tests/ranks.sh
write_cfg soft '[softmax]' adam=1 '[local]
filters=4
size=3
stride=2
pad=1
activation=tanh'
write_cfg random "$topk" && sed -i s/policy=steps/policy=random/ random.cfg
write_cfg normal "$topk" '' batch_normalize=1

bit_for_bit() {
    for how in "$darknet" "$with_mpi" "mpirun -np 1 $with_mpi"; do
        $how classifier train x.data plain.cfg -seed 3 >out 2>err || return 1
        mv backup/plain.weights new.weights
        [ ! -e old.weights ] || cmp old.weights new.weights || return 1
        mv new.weights old.weights
    done
}
check 'one rank is bit for bit one process, with and without MPI' bit_for_bit
check 'smooth_topk, momentum, decay, burn-in, steps: 2, 3 and 4 ranks are one' as_one plain '2 3 4'
sed 's/^subdivisions=.*/subdivisions=8/' plain.cfg >uneven.cfg
check 'a share of 16 images, 6 in memory at a time: 3 ranks are one' as_one uneven 3
# Adam divides a gradient by its size: where that is near 0, rounding is all there is.
check 'softmax, [local] and adam=1: 2 and 4 ranks are one' as_one soft '2 4' 2e-4
write_cfg fraction "$topk
hardest=0.3"
# The weight of a sample near the threshold is steep: rounding of its loss comes back some hundred times larger. Ranks
# with a threshold each of its own differ by 0.1 and more.
check 'hardest=0.3: 2, 3 and 4 ranks are one, whose threshold is that of all' as_one fraction '2 3 4' 1e-3
check 'policy=random: all ranks take the rate that rank 0 draws' as_one random

# A frozen layer keeps its bits: 20 bytes of header, then 3 x 8 numbers of normalization, 8 biases and 216 weights.
frozen() { # OPTION
    write_cfg frozen "$topk" '' "batch_normalize=1
$1" && sed -i 's/^max_batches=50/max_batches=5/; /^burn_in=/d' frozen.cfg && ranks 0 x.data normal.cfg -seed 3 &&
    cp backup/normal.weights start.weights || return
    ranks 3 x.data frozen.cfg start.weights -clear -seed 4 && cmp -i 20 -n 992 start.weights backup/frozen.weights &&
        ! cmp -s -i 1012 -n 1200 start.weights backup/frozen.weights
}
for option in stopbackward=1 learning_rate=0; do check "$option: 3 ranks leave every bit of it" frozen $option; done

# same_log LOG LOG COLUMNS: but for rounding; the seventh column, the time, may differ.
same_log() {
    paste -d, "$1" "$2" | awk -F, -v n="$3" '{
        for (i = 1; i <= n; ++i) if (i != 7 && $i != $(i + n) && ($i - $(i + n))^2 > 1e-8) { print; bad = 1 } }
        END { exit bad || NR != 6 || NF != 2 * n }'
}

# Of four images one has two labels, one four, and one none.
soft_rows() {
    mkdir -p images labels
    number=0
    for image in data/*.png; do
        number=$((number + 1))
        cp "$image" "images/$number.jpg"
        case $((number % 4)) in
        1) echo $((number % 6)) ;;
        2) echo $((number % 6)) $(((number + 2) % 6)) ;;
        3) echo 0 1 2 3 ;;
        0) continue ;;
        esac >"labels/$number.txt"
    done
    ls "$PWD"/images/*.jpg >tags.txt
    cp x.data labels.data
    sed -i "s|^train=.*|train=$PWD/tags.txt|; s/^labels=.*/tag=1/" x.data
    as_one plain
    result=$?
    mv labels.data x.data
    return $result
}
check 'soft and ignored rows: 2 and 4 ranks are one' soft_rows

# Labels behind a TAB: one, two, three or none, none of them in the path. The figures of rank 0 are those of one, too.
tab_list() {
    mkdir -p plain
    number=0
    while read -r image; do
        number=$((number + 1))
        cp "$image" "plain/$number.png"
        case $((number % 4)) in
        0) echo ;;
        1) echo one ;;
        2) echo two,six ;;
        3) echo five,three,four ;;
        esac | sed "s|^|$PWD/plain/$number.png\t|"
    done <train.txt >tabs.txt
    printf '%s\n' one two three four five six >names.txt
    cp x.data path.data
    sed -i "s#^\(train\|valid\)=.*#\1=$PWD/tabs.txt#; s#^labels=.*#labels=$PWD/names.txt#" x.data
    as_one plain '2 3' && ranks 0 x.data plain.cfg -seed 3 -topk 2 -every 10 -log tab0.csv &&
        ranks 2 x.data plain.cfg -seed 3 -topk 2 -every 10 -log tab2.csv && same_log tab0.csv tab2.csv 11
    result=$?
    mv path.data x.data
    return $result
}
check 'labels behind a TAB, several or none: 2 and 3 ranks are one, so are the figures' tab_list

bad_images() {
    for image in 65_3 66_5 67_9 70_1; do
        mv "data/char_$image.png" "$image.whole"
        head -c 60 "$image.whole" >"data/char_$image.png"
    done
    as_one plain && said 'Left out image' && said '^rank [1-3]: Left out image'
    result=$?
    for image in 65_3 66_5 67_9 70_1; do mv "$image.whole" "data/char_$image.png"; done
    return $result
}
check 'images that cannot be read: replaced alike, named with the rank' bad_images

# Each rank normalizes its share, as one process with as many subdivisions does; only its rolling means move more often.
normalized() {
    sed 's/^subdivisions=.*/subdivisions=4/' normal.cfg >four.cfg
    ranks 0 x.data four.cfg -seed 3 && ranks 4 x.data normal.cfg -seed 3 || return 1
    $compare backup/four.weights backup/normal.weights 1e-5 16 32 || return 1
    sed 's/^\(subdivisions\)=.*/\1=1/; 0,/^.connected/s//[batchnorm]\n&/' normal.cfg >whole.cfg
    ranks 0 x.data whole.cfg -seed 3 -topk 2 -log one.csv || return 1
    ranks 4 x.data whole.cfg -seed 3 -topk 2 -log four.csv || return 1
    awk -F, 'NR > 1 && FNR == NR { one = $6 } FNR < NR { four = $6 }
        END { print one, four; exit !(one > .4 && four > one - .1 && four < one + .1) }' one.csv four.csv
}
check 'batch_normalize: 4 ranks are one process with 4 subdivisions; the accuracy is that of one' normalized

# At a rate of almost 0 the weights stay. Then the means of the shares are those of the batch, and the variances nearly
# so.
rolling() { # 8 biases, 8 scales, 8 means, 8 variances, filters
    sed 's/^learning_rate=.*/learning_rate=1e-30/; s/^decay=.*/decay=0/' normal.cfg >still.cfg
    sed 's/^subdivisions=.*/subdivisions=1/' still.cfg >batch.cfg
    ranks 0 x.data batch.cfg -seed 3 && ranks 4 x.data still.cfg -seed 3 || return 1
    $compare backup/batch.weights backup/still.weights 1e-6 24 32 &&
        $compare backup/batch.weights backup/still.weights 2e-3
}
check 'rolling means and variances are those of all ranks' rolling
scales() { # which rank 0 alone has read; upstream never trains them: 2 is written into the file
    sed '0,/^.connected/s//[batchnorm]\n&/' plain.cfg >scaled.cfg
    "$with_mpi" partial scaled.cfg '' scaled.weights 99 >/dev/null 2>&1 || return 1
    for number in 0 1 2 3 4 5 6 7; do # after the header, 8 biases and 8 filters of 27
        printf '\000\000\000\100' | dd of=scaled.weights bs=4 seek=$((5 + 8 + 216 + number)) conv=notrunc 2>/dev/null
    done
    sed 's/^subdivisions=.*/subdivisions=1/' scaled.cfg >half.cfg
    sed 's/^subdivisions=.*/subdivisions=2/' scaled.cfg >halves.cfg
    ranks 0 x.data halves.cfg scaled.weights -seed 3 && ranks 2 x.data half.cfg scaled.weights -seed 3 || return 1
    $compare backup/halves.weights backup/half.weights 1e-5 232 248
}
check 'the scales of [batchnorm] are those that rank 0 has read' scales

goes_on() { # from 2 ranks to 4, as one process that stops and goes on
    sed 's/^max_batches=.*/max_batches=20/' plain.cfg >part.cfg
    for number in 0 2; do
        ranks $number x.data part.cfg -seed 3 || return 1
        ranks $((number * 2)) x.data plain.cfg backup/part.weights -seed 3 || return 1
        mv backup/plain.weights $number.weights
    done
    $compare 0.weights 2.weights 1e-5
}
check 'a run goes on with another number of ranks' goes_on
again() {
    ranks 4 x.data plain.cfg -seed 3 && mv backup/plain.weights 4.weights &&
        ranks 4 x.data plain.cfg -seed 3 && cmp backup/plain.weights 4.weights
}
check 'with a seed 4 ranks reproduce themselves bit for bit' again

one_voice() {
    cp x.data voice.data
    ranks 0 voice.data plain.cfg -seed 3 -topk 2 -every 10 -log one.csv -progress || return 1
    mv out one.out && mv err one.err && mv backup/plain_best.weights one.weights && rm backup/*
    ranks 3 voice.data plain.cfg -seed 3 -topk 2 -every 10 -log three.csv -progress || return 1
    $compare one.weights backup/plain_best.weights 1e-5 || return 1
    for pattern in '^Saving' '^[ 0-9]*conv' '^Loading' 'rank'; do
        [ "$(grep -c "$pattern" err)" = "$(grep -c "$pattern" one.err)" ] || { grep "$pattern" err && return 1; }
    done
    [ "$(grep -c 'batch 50/50' out)" = 1 ] || return 1
    same_log one.csv three.csv 7
}
check '-topk, -log and -progress: as with one process, by rank 0 alone' one_voice

# refuses PATTERN: the launch before was refused by exit code 1, with this said once.
refuses() {
    [ $code = 1 ] && [ "$(grep -c -- "$1" err)" = 1 ] || { echo "exit code $code" && cat err && return 1; }
}
sed 's/^batch=.*/batch=50/; s/^\(subdivisions\)=.*/\1=2/' plain.cfg >odd.cfg
odd_batch() {
    ranks 4 x.data odd.cfg
    refuses '^.net. batch=50 subdivisions=2: cannot be shared by 4 ranks; batch=48 or 52 would do, or -np 2 or 5$'
}
check 'a batch that cannot be shared is refused, with numbers that would do' odd_batch
odd_subdivisions() { # 126 and 129 are shared by three, but not divided by eight
    sed 's/^batch=.*/batch=128/; s/^\(subdivisions\)=.*/\1=8/' plain.cfg >eight.cfg
    ranks 3 x.data eight.cfg
    refuses '^.net. batch=128 subdivisions=8: cannot be shared by 3 ranks; batch=120 or 144 would do, or -np 2 or 4$' ||
        return 1
    sed 's/^batch=.*/batch=120/; s/^max_batches=.*/max_batches=1/; /^burn_in=/d' eight.cfg >divided.cfg
    ranks 3 x.data divided.cfg
    [ "$code" = 0 ]
}
check 'nor divided by subdivisions' odd_subdivisions

# beside PROGRAM ARGUMENTS...: two ranks as they should be, and one of these.
beside() {
    timeout 60 mpirun -np 2 "$with_mpi" classifier train x.data plain.cfg : -np 1 "$@" >out 2>err
    code=$?
}
wrong_cfg() {
    sed 's/^decay=.*/decay=0.001/' plain.cfg >wrong.cfg
    beside "$with_mpi" classifier train x.data wrong.cfg
    refuses '^rank 2 (.*): plain.cfg is not that of rank 0'
}
check 'a rank with another .cfg is refused' wrong_cfg
wrong_list() {
    sed 1d train.txt >wrong.txt
    sed "s|^train=.*|train=$PWD/wrong.txt|" x.data >wrong.data
    beside "$with_mpi" classifier train wrong.data plain.cfg
    refuses "^rank 2 (.*): .*/train.txt is not that of rank 0" || return 1
    sed '1s/.*/char_65/' labels.txt >wrong.txt
    sed "s|^labels=.*|labels=$PWD/wrong.txt|" x.data >wrong.data
    beside "$with_mpi" classifier train wrong.data plain.cfg
    refuses "^rank 2 (.*): .*/labels.txt is not that of rank 0"
}
check 'a rank with other lists is refused' wrong_list
wrong_numbers() { # of the same name, in another directory
    mkdir -p other && sed 's/^\[smooth_topk\]/&\nclass_weights=weights.txt/' plain.cfg >weights.cfg &&
        cp plain.cfg weights.cfg other
    yes 1 | head -n "$(wc -l <labels.txt)" >weights.txt
    sed '1s/1/2/' weights.txt >other/weights.txt
    timeout 60 mpirun -np 2 "$with_mpi" classifier train "$PWD/x.data" weights.cfg : -np 1 -wdir "$PWD/other" \
        "$with_mpi" classifier train "$PWD/x.data" weights.cfg >out 2>err
    code=$?
    refuses '^rank 2 (.*): what class_weights= names is not that of rank 0'
}
check 'a rank with other class weights is refused' wrong_numbers
wrong_build() {
    # shellcheck disable=SC2046
    ${CC:-gcc} -w -DRANKS=1 -DBUILD_DIGEST=1 -I"$root/src/ranks" -I"$root/src/base" -I"$root/build/ranks/include" \
        -c "$root/src/ranks/rank_files.c" &&
        ${CC:-gcc} $(ls "$root"/build/ranks/obj/*.o | grep -v rank_files) rank_files.o -o wrong \
            $(cd "$root" && darknet_libraries MPI=1) -lm -pthread || return 1
    beside ./wrong classifier train x.data plain.cfg
    refuses '^rank 2 (.*): its build of darknet is not that of rank 0'
}
check 'a rank of another build is refused' wrong_build
failing_rank() {
    beside "$with_mpi" classifier train x.data missing.cfg
    refuses "^rank 2 (.*): Couldn't open file: missing.cfg" || return 1
    ranks 3 x.data missing.cfg
    refuses "Couldn't open file: missing.cfg"
}
check 'what only one rank lacks is said with the rank; what all lack is said once' failing_rank
without_mpi() {
    timeout 60 mpirun -np 2 "$root/build/darknet" classifier train x.data plain.cfg >out 2>err
    code=$?
    [ $code = 1 ] && said '^2 processes were started, but this one is built without MPI'
}
check 'a build without MPI refuses to be one of several' without_mpi
strangers() {
    SLURM_STEP_NUM_TASKS=2 ranks 0 x.data plain.cfg
    refuses '^2 processes were started, but each sees no other by MPI' || return 1
    SLURM_STEP_NUM_TASKS=2 ranks 1 x.data plain.cfg
    refuses '^2 processes were started, but each sees no other by MPI'
}
check 'processes that MPI does not bring together are refused' strangers

not_finite() {
    sed 's/^learning_rate=.*/learning_rate=1e30/; s/^activation=.*/activation=linear/' plain.cfg >nan.cfg
    ranks 3 x.data nan.cfg
    refuses '^Stopped at batch [0-9]*: the loss is not finite'
}
check 'a loss that is not finite ends all ranks' not_finite
no_images() {
    awk 'NR % 8 == 0 { sub(/[.]png/, "_missing&") } { print }' train.txt >missing.txt
    sed "s|^train=.*|train=$PWD/missing.txt|" x.data >missing.data
    ranks 0 missing.data plain.cfg -seed 1
    batch=$(sed -n 's/^Too many images .* stopped before //p' err)
    ranks 3 missing.data plain.cfg -seed 1
    refuses "^Too many images of .*missing.txt cannot be used; stopped before $batch\$"
}
check 'too many images that cannot be used: all ranks end where one process ends' no_images
finish
