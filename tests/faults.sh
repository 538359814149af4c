# The faults that `darknet classifier` is hardened against, and how each is provoked with any build of it.
#
# Sourced from the root of the repository after tests/tap.sh, or with $scratch and $darknet set. list_faults names the
# faults; `provoke NAME` prints the outcome of one in a line; `kill_runs N` kills N training runs.
ulimit -c 0
root=${root:-$PWD}
material=$scratch/material
export root scratch darknet

# NAME|the fault|how it is provoked|what the outcome must match, an extended regular expression without "|".
# A line that ends in "|" goes on in the next.
list_faults() {
    sed -e :a -e '/|$/N; s/|\n */|/; ta' <<'END'
disk_fills|disk full while saving|training with its backup directory on a tmpfs of 60 kB|
    ^exit 1; 0 of [1-9][0-9]* files cut short; "Couldn't save weights to disk/soft.weights: No space left on device
file_limit|write error while saving over a good file|`partial` under `ulimit -f`|
    ^exit 1; old file intact; "Couldn't save weights to good.weights: File too large .at layer
no_directory|no backup directory|`backup=nowhere`|
    ^exit 1; after 0 batches; "Cannot save weights in the directory nowhere .*No such file
no_permission|no permission to write|backup directory of mode 555, not as root|
    ^exit 1; after 0 batches; "Cannot save weights in the directory backup .*Permission denied
cut_within|weights cut short within a layer|`predict` with half a file|
    ^exit 1; no answer; "cut.weights has 6408 bytes, the network needs 12816: it ends within layer 1 .connected
cut_between|weights cut short between two layers|`predict` with the file of `partial ... 1`|
    ^exit 1; no answer; "part.weights has 516 bytes, the network needs 12816: .*only training
train_part|the same, as a backbone for training|`train` from that file|
    ^exit 0; after 50 batches; "part.weights has 516 bytes.*keep their initial values: 1 .connected
left_over|another network's weights|`predict` with a larger network's file|
    ^exit 1; no answer; "more.weights has 12828 bytes, the network needs 12816: 12 are left over
not_weights|no weights at all|`predict` with a JPEG as weights|^exit 1; no answer; "img/dog.jpg is not a weights file
no_weights|no such weights file|`predict` with a name that does not exist|
    ^exit 1; no answer; "Couldn't open file: nowhere.weights .No such file
missing_train|an image is missing, training|1 of 13 paths does not exist|
    ^exit 0; after 50 batches; "Left out image number 1, img/class65_missing.png: No such file
cut_jpeg_train|a JPEG is cut short, training|1 of 13 images is half of dog.jpg|
    ^exit 0; after 50 batches; "Left out image number 1, img/class65_cut.jpg: [A-Za-z]
many_bad_train|most images are missing, training|9 of 13 paths do not exist|
    ^exit 1; after [0-9]+ batches; "Too many images of train.list cannot be used
images_vanish|most images vanish during a run|9 of 12 deleted after the first batch|
    ^exit 1; soft.backup is whole; "Too many images of train.list cannot be used; stopped before batch [1-9]
missing_valid|an image is missing, validation|1 of 13 paths does not exist|
    ^exit 1; figures of 12 images; "1 of 13 images were left out
cut_jpeg_predict|a JPEG is cut short, prediction|`predict` of half of dog.jpg|
    ^exit 1; no answer; "No guesses for "img/class65_cut.jpg"
empty_train|empty list, training|`train=` an empty file|^exit 1; after 0 batches; "train.list has 0 images
empty_valid|empty list, validation|`valid=` an empty file|^exit 1; figures of 0 images; "train.list has 0 images
no_label|a path holds the label of no class|img/zebra.png in the list|
    ^exit 1; after 0 batches; .*"train.list: 1 of 13 paths do not hold exactly one of the 3 labels
two_labels|a path holds the labels of two classes|img/class65_class66.png in the list|
    ^exit 1; after 0 batches; .*"train.list: 1 of 13 paths do not hold exactly one of the 3 labels
few_labels|fewer labels than classes|2 lines in the labels file, `classes=3`|
    ^exit 1; after 0 batches; "labels.txt has 2 labels, at least 3 needed
classes|`classes` is not the network's number of outputs|`classes=2`, 3 outputs|
    ^exit 1; after 0 batches; "classes=2 in soft.data, but the network of soft.cfg has 3 outputs
bad_jpeg|a damaged JPEG that stb_image asserts on|one of 649 bytes in the list, training|
    ^exit 0; after 50 batches; "Left out image number 1, img/class65_bad.jpg: [A-Za-z]
bad_gif|a damaged GIF with a name of .png|one of 36 bytes in the list, training|
    ^exit 0; after 50 batches; "Left out image number 1, img/class65_bad.png: a GIF image; JPEG, PNG, BMP and PNM
windows_list|a list written on Windows|CR LF line ends and a byte order mark (legal)|^exit 0; after 50 batches
windows_cfg|a .cfg written on Windows|CR LF line ends (legal)|^exit 0; after 50 batches
utf16_list|a list in UTF-16|`iconv -t UTF-16`|
    ^exit 1; after 0 batches; "train.list: the text is in UTF-16; save it as UTF-8
rate_no_number|a learning rate that is no number|`learning_rate=fast`|
    ^exit 1; after 0 batches; "soft.cfg, line 1: .net. learning_rate=fast: out of range; must be a finite number above 0
policy|an unknown policy|`policy=cosine`|
    ^exit 1; after 0 batches; "soft.cfg, line 1: .net. policy=cosine: out of range; must be one of constant
shortcut|a layer joined with one that is not there|`[shortcut]` with `from=-50`|
    ^exit 1; after 0 batches; "soft.cfg, line [0-9]*: .shortcut. from=-50: -50 is out of range; must be 0 to
reorg|a stride of 0|`[reorg]` with `stride=0`|
    ^exit 1; after 0 batches; "soft.cfg, line [0-9]*: .reorg. stride=0: out of range; must be a whole number
crop_layer|a cut larger than the image|`[crop]` with `crop_width=100000`|
    ^exit 1; after 0 batches; "soft.cfg, line [0-9]*: .crop. crop_width=100000: out of range; must be 1 to
batchnorm|a `[batchnorm]` section (legal)|trained on the CPU|^exit 0; after 50 batches
few_train|fewer images than a batch, training|2 images, batch of 4 (legal)|
    ^exit 0; after 50 batches; "train.list has 2 images, fewer than a batch of 4
few_test|fewer images than a batch, `test`|3 images, batch of 4|^exit 0; answers for 3 of 3
last_test|last batch of `test`|12 images, batch of 4|^exit 0; answers for 12 of 12
few_validcrop|fewer than 1000 images, `validcrop`|12 images|^exit 0; figures of 12 images
same_size|an image of the network's size, `validfull`|a network of 17 x 17, images of 17 x 22|
    ^exit 0; figures of 12 images
nan_loss|the loss becomes NaN|`learning_rate=1e30` from batch 20 on|
    ^exit 1; after 21 batches; 0 of 6 files hold NaN; "Stopped at batch 21: the loss is not finite.*/soft_6.weights
nan_weights|weights become NaN, the loss not yet|`learning_rate=3e38 decay=1000`, saved after each batch|
    ^exit 1; after 1 batches; 0 of 0 files hold NaN; "Stopped at batch 1: some weights are not finite
ctrl_c|Ctrl-C while training|SIGINT|^exit 130; soft.backup is whole; "Stopped by signal 2 after batch [1-9]
terminated|`kill` while training|SIGTERM|^exit 143; soft.backup is whole; "Stopped by signal 15 after batch [1-9]
ctrl_c_twice|a second Ctrl-C|SIGINT twice within one batch|^exit 130 at once; no soft.backup; "Stopping after this batch
hang_up|the terminal is closed while training|SIGHUP|
    ^exit 129; soft.backup is whole; "Stopped by signal 1 after batch [1-9]
signal_validating|`kill` while validating|SIGTERM during a validation of 120000 images, `-topk 2`|
    ^exit 143; soft.backup is whole; "Stopped by signal 15 after batch 1;
all_missing|every image is missing, training|one path 30 times|
    ^exit 1; after 0 batches; "Too many images of train.list cannot be used
tall|a network higher than wide|`height=32`, `width=16`|^exit 0; after 50 batches
wide|a network wider than high|`height=16`, `width=64`|^exit 0; after 50 batches
gray|gray images|`channels=1`, then `predict`|^exit 0; after 50 batches; answers
channels|images of 4 channels|`channels=4`|^exit 1; after 0 batches; "soft.cfg: .net. channels=4: images have 3 channels
no_batches_left|weights with all their batches behind them|`train` from the weights of batch 50 of 50|
    ^exit 1; after 0 batches; 1 file; "backup/soft.weights is from batch 50 of max_batches=50, so nothing is .* -clear
seen|a weights file of more images than there can be|`train` from a file whose header says 2^63-1|
    ^exit 1; after 0 batches; .*"seen.weights: its header says that 9223372036854775807 images were seen
tree|`tree=` in .data, none in the network|a tree of the 3 classes|
    ^exit 1; after 0 batches; "soft.data: tree=x.tree: needs a network whose .softmax. has a tree=
tree_size|a tree of other classes than the network's|3 in the network's, 4 in .data's|
    ^exit 1; after 0 batches; "soft.data: tree=y.tree: has 4 classes, but the network has 3 outputs
tree_fits|a tree of the network's classes|`tree=` in the [softmax] and in .data|^exit 0; after 50 batches
bad_tree|a tree with a parent that is not there|`class67 7`|
    ^exit 1; after 0 batches; "x.tree, line 3: a tree of classes: the parent must be
leaves|`leaves=` without a tree|`valid`|
    ^exit 1; figures of 0 images; "soft.data: leaves=labels.txt: needs a network with a tree=
csv|`csv` with a batch|a network of 128 x 128, batch of 128|^exit 0; answers for 12 of 12
top|`top=` beyond the classes|`top=7` in valid, valid10, validfull, validmulti, validcrop, csv, predict|
    ^exit 1; 7 of 7 refused; "soft.data: top=7: must be from 1 to 3
commands|a command that is none, or cannot be had|vaild, demo, gun, threat, try without a layer|^exit 1; 5 of 5 refused
long_path|a path of 320 characters|`predict`|^exit 0; answers
missing_validcrop|an image is missing, `validcrop`|1 of 13 paths does not exist|
    ^exit 1; figures of 12 images; "1 of 13 images were left out
nan_loaded|weights with a NaN|`predict`|
    ^exit 1; no answer; "nan.weights: the weights of layer 0 .convolutional. are not finite
nan_piped|the same through a pipe|`partial` from /dev/stdin|
    ^exit 1; no file; "/dev/stdin: the weights of layer 0 .convolutional. are not finite
two_saves|two processes save to one name|8 times, networks of two sizes|^exit 0; 8 of 8 whole
planted|a link and a FIFO where a temporary file would be|`t.weights.tmp`, `u.weights.tmp`|
    ^exit 0; the file linked to is intact
dangling|weights to a link to a file that is not there yet|`partial`|^exit 0; the link stays, its file is whole
log_vanishes|the directory of `-log` vanishes|deleted while training|
    ^exit 143; soft.backup is whole; said 1 time or more
log_disk|the disk of `-log` is full|a tmpfs of 4 kB, 200 rows|
    ^exit 0; after 200 batches; .*"-log disk/log.csv: cannot be written: No space left on device; training goes on
old_best|NAME_best.weights of another network, `-topk`|a run that goes on|^exit 0; after 50 batches; it is as it was
END
}

# A network of three classes with 12 images, and weights of it.
make_material() {
    mkdir -p "$material/img" "$material/backup" && cd "$material" || return
    for class in 65 66 67; do
        for i in 0 1 2 3; do
            cp "$root/build/upstream/data/labels/${class}_$i.png" "img/class${class}_$i.png"
            echo "img/class${class}_$i.png"
        done
    done >train.list
    cp "$root/build/upstream/data/dog.jpg" img
    printf 'class65\nclass66\nclass67\n' >labels.txt
    printf '%s\n' classes=3 train=train.list valid=train.list test=train.list labels=labels.txt \
        names=labels.txt backup=backup top=2 >soft.data
    write_network 3 >soft.cfg
    write_network 3 '[connected]
output=1
activation=linear' >more.cfg
    for name in soft more; do
        "$darknet" partial $name.cfg '' $name.weights 99 2>/dev/null >&2
    done
    mv soft.weights good.weights
    "$darknet" partial soft.cfg good.weights part.weights 1 2>/dev/null >&2
    # Both kinds of file end alike but for three numbers more.
    { cat good.weights && head -c 12 good.weights; } >more.weights
    half=$(($(wc -c <img/dog.jpg) / 2))
    head -c "$half" img/dog.jpg >img/class65_cut.jpg
}

write_network() { # outputs [sections in between]
    cat <<END
[net]
batch=4
height=16
width=16
channels=3
learning_rate=0.01
max_batches=50
[convolutional]
batch_normalize=1
filters=4
size=3
stride=1
pad=1
activation=leaky
${2-}
[connected]
output=$1
activation=linear
[softmax]
END
}

run() { # arguments of darknet
    $as_nobody timeout 30 "$darknet" "$@" >out 2>err </dev/null
    code=$?
}
train() { # [weights]
    run classifier train soft.data soft.cfg "$@"
    fact="after $(grep -c '^[0-9]*, .* images$' out) batches"
    grep '^Too many or too few labels' out >few_labels && fact="$fact; stdout: \"$(head -n 1 few_labels)\""
    return 0
}
predict() { # weights [image]
    run classifier predict soft.data soft.cfg "$1" "${2:-img/class66_1.png}"
    if grep -q % out; then fact="answers"; else fact="no answer"; fi
}
figures() { # how many images they are of; upstream has a line an image
    if grep -q ' images: top-1' out; then
        sed -n 's/^\([0-9]*\) images: top-1.*/\1/p' out
    else
        grep -c '^[0-9]*: top 1' out
    fi
}
valid() { # command
    run classifier "$1" soft.data soft.cfg good.weights
    fact="figures of $(figures) images"
}
count_tests() {
    run classifier test soft.data soft.cfg good.weights
    fact="answers for $(grep -c '^img' out) of $(wc -l <train.list)"
}


fault_disk_fills() {
    mkdir disk && sed -i s/=backup/=disk/ soft.data
    on_small_disk 60k disk train_and_count >measured || return 77
    read -r code fact <measured
}
train_and_count() {
    train
    files=$(ls disk | wc -l)
    echo "$code $((files - $(find disk -size 12816c | wc -l))) of $files files cut short"
}
fault_file_limit() {
    (trap '' XFSZ && ulimit -f 16 && run partial soft.cfg good.weights good.weights 99 && echo $code >code)
    code=$(cat code)
    if cmp -s good.weights "$material/good.weights"; then fact="old file intact"; else fact="old file lost"; fi
}
fault_no_directory() {
    sed -i s/=backup/=nowhere/ soft.data
    train
}
fault_no_permission() {
    chmod 755 "$scratch" . && chmod 555 backup && touch out err && chmod 666 out err
    [ "$(id -u)" = 0 ] || { train && return; }
    command -v setpriv >/dev/null || return 77
    as_nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"
    # The checkout may be below a directory that only root may enter.
    cp "$darknet" darknet && darknet=$PWD/darknet
    train
    as_nobody=
}
fault_cut_within() {
    head -c 6408 good.weights >cut.weights
    predict cut.weights
}
fault_cut_between() { predict part.weights; }
fault_train_part() { train part.weights; }
fault_left_over() { predict more.weights; }
fault_not_weights() { predict img/dog.jpg; }
fault_no_weights() { predict nowhere.weights; }
fault_missing_train() {
    echo img/class65_missing.png >>train.list
    train
}
fault_bad_jpeg() {
    cp "$root/tests/fuzz/corpus_images/entropy_coded.jpg" img/class65_bad.jpg
    echo img/class65_bad.jpg >>train.list
    train
}
fault_bad_gif() {
    cp "$root/tests/fuzz/corpus_images/short_gif.png" img/class65_bad.png
    echo img/class65_bad.png >>train.list
    train
}
fault_windows_list() {
    sed -i '1s/^/\xef\xbb\xbf/; s/$/\r/' train.list
    train
}
fault_windows_cfg() {
    sed -i 's/$/\r/' soft.cfg
    train
}
fault_utf16_list() {
    iconv -f UTF-8 -t UTF-16 train.list >wide && mv wide train.list
    train
}
fault_rate_no_number() {
    sed -i 's/^learning_rate=.*/learning_rate=fast/' soft.cfg
    train
}
fault_policy() {
    sed -i '/^policy=/d; s/^\[net\]/&\npolicy=cosine/' soft.cfg
    train
}
first_section() { # put before the network's first layer, below a convolution of one channel
    awk -v text="[convolutional]\nfilters=1\n$1" '/^\[/ && ++n == 2 { print text } { print }' soft.cfg >new.cfg &&
        mv new.cfg soft.cfg
    train
}
fault_shortcut() {
    first_section '[shortcut]\nfrom=-50'
}
fault_reorg() {
    first_section '[reorg]\nstride=0'
}
fault_crop_layer() {
    first_section '[crop]\ncrop_width=100000\ncrop_height=4'
}
fault_batchnorm() {
    first_section '[batchnorm]'
}
fault_cut_jpeg_train() {
    echo img/class65_cut.jpg >>train.list
    train
}
fault_many_bad_train() {
    sed -i 's/_[123].png/_missing&/' train.list
    echo img/class65_0.png >>train.list
    train
}
fault_images_vanish() {
    start_endless_run
    rm img/*_[123].png
    end_run
    check_backup
}
fault_missing_valid() {
    sed -i 5s/.*/'img\/class65_missing.png\n&/' train.list
    valid valid
}
fault_cut_jpeg_predict() { predict good.weights img/class65_cut.jpg; }
fault_empty_train() {
    : >train.list
    train
}
fault_empty_valid() {
    : >train.list
    valid valid
}
fault_no_label() {
    cp img/class65_0.png img/zebra.png
    echo img/zebra.png >>train.list
    train
}
fault_two_labels() {
    cp img/class65_0.png img/class65_class66.png
    echo img/class65_class66.png >>train.list
    train
}
fault_few_labels() {
    sed -i 3d labels.txt
    train
}
fault_classes() {
    sed -i s/classes=3/classes=2/ soft.data
    sed -i /class67/d train.list
    train
}
fault_few_train() {
    sed -i 3,12d train.list
    train
}
fault_few_test() {
    sed -i 4,12d train.list
    count_tests
}
fault_last_test() { count_tests; }
fault_few_validcrop() {
    valid validcrop
    [ "$(grep ' images: top-1' out)" ] ||
        fact="figures of $(sed -n 's/.* \([0-9]*\) images$/\1/p' out | tail -n 1) images"
}
fault_same_size() {
    sed -i 's/^\(height\|width\)=.*/\1=17/; s/^\[connected\]/[avgpool]/; s/^filters=.*/filters=3/
        /^output=/,/^activation/d' soft.cfg
    run partial soft.cfg '' any.weights 99
    run classifier validfull soft.data soft.cfg any.weights
    fact="figures of $(figures) images"
}
fault_nan_loss() {
    sed -i 's/^max_batches.*/&\npolicy=steps\nsteps=20\nscales=1e32/' soft.cfg
    train
    count_nan
}
fault_nan_weights() {
    sed -i 's/^learning_rate.*/learning_rate=3e38\ndecay=1000/' soft.cfg
    sed -i 5,12d train.list
    train
    count_nan
}
count_nan() {
    bad=0 files=0
    for file in backup/*; do
        [ -e "$file" ] || continue
        files=$((files + 1))
        # The bits of a NaN or an infinity.
        od -An -v -tx4 -j20 -w4 "$file" | grep -q '^ [7f]f[89a-f]' && bad=$((bad + 1))
    done
    fact="$fact; $bad of $files files hold NaN"
}
fault_ctrl_c() {
    train_until INT
    check_backup
}
fault_terminated() {
    train_until TERM
    check_backup
}
check_backup() {
    if cmp -s -n 1 backup/soft.backup good.weights && [ "$(wc -c <backup/soft.backup)" = 12816 ]; then
        fact="soft.backup is whole"
    else
        fact="no soft.backup"
    fi
}
fault_ctrl_c_twice() {
    # One batch takes about half a minute.
    sed -i 's/^\(batch\|height\|width\|filters\)=.*/\1=128/' soft.cfg
    train_until INT INT
    check_backup
    [ "$seconds" -lt 5 ] && code="$code at once"
}

fault_hang_up() {
    train_until HUP
    check_backup
}
fault_signal_validating() {
    awk '{ path[NR] = $0 } END { for (i = 0; i < 120000; ++i) print path[1 + i%NR] }' train.list >valid.list
    sed -i s/^valid=.*/valid=valid.list/ soft.data
    start_endless_run -topk 2 -every 1
    sleep 0.5
    kill -s TERM $pid
    end_run
    check_backup
}
fault_all_missing() {
    i=0
    while [ $i -lt 30 ]; do
        echo img/class65_none.png
        i=$((i + 1))
    done >train.list
    train
}
fault_tall() {
    sed -i s/^height=.*/height=32/ soft.cfg
    train
}
fault_wide() {
    sed -i s/^width=.*/width=64/ soft.cfg
    train
}
fault_gray() {
    sed -i s/^channels=.*/channels=1/ soft.cfg
    train
    trained=$fact
    [ $code = 0 ] || return 0
    predict backup/soft.weights
    fact="$trained; $fact"
}
fault_channels() {
    sed -i s/^channels=.*/channels=4/ soft.cfg
    train
}
fault_no_batches_left() {
    train
    cp soft.cfg again.cfg
    mv backup/soft.weights soft.weights && rm backup/* && mv soft.weights backup
    run classifier train soft.data again.cfg backup/soft.weights
    fact="after $(grep -c '^[0-9]*, .* images$' out) batches; $(find backup -type f | wc -l) file"
}
fault_seen() {
    { head -c 12 good.weights && printf '\377\377\377\377\377\377\377\177' && tail -c +21 good.weights; } >seen.weights
    train seen.weights
}
fault_tree() {
    printf 'class65 -1\nclass66 -1\nclass67 0\n' >x.tree
    echo tree=x.tree >>soft.data
    train
}
fault_tree_size() {
    printf 'class65 -1\nclass66 -1\nclass67 -1\n' >x.tree
    { cat x.tree && echo class68 -1; } >y.tree
    echo tree=y.tree >>soft.data
    echo tree=x.tree >>soft.cfg
    train
}
fault_tree_fits() {
    printf 'class65 -1\nclass66 -1\nclass67 0\n' >x.tree
    echo tree=x.tree >>soft.data
    echo tree=x.tree >>soft.cfg
    train
}
fault_bad_tree() {
    printf 'class65 -1\nclass66 -1\nclass67 7\n' >x.tree
    echo tree=x.tree >>soft.cfg
    train
}
fault_leaves() {
    echo leaves=labels.txt >>soft.data
    valid valid
}
fault_csv() {
    sed -i 's/^\(batch\|height\|width\)=.*/\1=128/' soft.cfg
    run partial soft.cfg '' any.weights 99
    run classifier csv soft.data soft.cfg any.weights
    fact="answers for $(grep -c '^img' out) of $(wc -l <train.list)"
}
count_refused() { # words of the command line, one command a line on stdin
    refused=0 all=0
    while read -r words; do
        # shellcheck disable=SC2086
        run classifier $words
        all=$((all + 1))
        [ $code = 1 ] && [ -s err ] && refused=$((refused + 1))
    done
    fact="$refused of $all refused"
}
fault_top() {
    sed -i s/^top=.*/top=7/ soft.data
    for command in valid valid10 validfull validmulti validcrop csv predict; do
        echo "$command soft.data soft.cfg good.weights"
    done >commands
    count_refused <commands
}
fault_commands() {
    for command in vaild demo gun threat try; do
        echo "$command soft.data soft.cfg good.weights"
    done >commands
    count_refused <commands
}
fault_long_path() {
    d=$(printf '%0100d' 0)
    mkdir -p "$d/$d/$d" && cp img/class66_1.png "$d/$d/$d"
    predict good.weights "$d/$d/$d/class66_1.png"
}
fault_missing_validcrop() {
    echo img/class65_missing.png >>train.list
    valid validcrop
}
nan_weights() {
    head -c 20 good.weights && printf '\377\377\377\177' && tail -c +25 good.weights
}
fault_nan_loaded() {
    nan_weights >nan.weights
    predict nan.weights
}
fault_nan_piped() {
    nan_weights | timeout 30 "$darknet" partial soft.cfg /dev/stdin again.weights 99 >out 2>err
    code=$?
    fact="no file"
    [ -e again.weights ] && fact="a file"
    return 0
}
fault_two_saves() {
    whole=0
    "$darknet" partial soft.cfg '' one.weights 99 >/dev/null 2>&1
    "$darknet" partial more.cfg '' two.weights 99 >/dev/null 2>&1
    sizes=$(stat -c ' %s ' one.weights two.weights)
    for i in 1 2 3 4 5 6 7 8; do
        "$darknet" partial soft.cfg '' t.weights 99 >/dev/null 2>&1 &
        run partial more.cfg '' t.weights 99
        wait $!
        case $sizes in *" $(stat -c %s t.weights) "*) whole=$((whole + 1)) ;; esac
    done
    fact="$whole of 8 whole"
    : >err
}
fault_planted() {
    echo mine >victim && ln -s victim t.weights.tmp && mkfifo u.weights.tmp
    run partial soft.cfg good.weights t.weights 99
    [ $code = 0 ] && run partial soft.cfg good.weights u.weights 99
    fact="the file linked to is lost"
    [ "$(cat victim)" = mine ] && fact="the file linked to is intact"
    return 0
}
fault_dangling() {
    mkdir elsewhere && ln -s elsewhere/file t.weights
    run partial soft.cfg good.weights t.weights 99
    fact="the link is gone"
    [ -h t.weights ] && cmp -s -n 1 elsewhere/file good.weights && [ "$(wc -c <elsewhere/file)" = 12816 ] &&
        fact="the link stays, its file is whole"
    return 0
}
fault_log_vanishes() {
    mkdir logs
    start_endless_run -log logs/log.csv -every 1
    mv logs gone
    sleep 0.3
    kill -s TERM $pid
    end_run
    check_backup
    said=0
    grep -q 'logs/log.csv: cannot be written: No such file.*training goes on' err && said=1
    fact="$fact; said $said time or more"
}
fault_log_disk() {
    mkdir disk && echo -log disk/log.csv -every 1 >flags
    on_small_disk 4k disk train_with_flags >measured || return 77
    read -r code fact <measured
}
train_with_flags() {
    sed -i s/^max_batches.*/max_batches=200/ soft.cfg
    # shellcheck disable=SC2046
    run classifier train soft.data soft.cfg $(cat flags)
    echo "$code after $(grep -c '^[0-9]*, .* images$' out) batches"
}
fault_old_best() {
    train
    first=$(($(stat -c %s backup/soft.weights)))
    cp more.weights backup/soft_best.weights
    sed -i s/^max_batches=.*/max_batches=100/ soft.cfg
    run classifier train soft.data soft.cfg backup/soft.weights -topk 2
    fact="after $(grep -c '^[0-9]*, .* images$' out) batches; it is lost"
    cmp -s more.weights backup/soft_best.weights && grep -q 'it is left alone' err &&
        [ -s backup/soft_best_2.weights ] &&
        fact="after $(grep -c '^[0-9]*, .* images$' out) batches; it is as it was"
    return 0
}

# Sends signals to a run that trains.
train_until() { # signals
    start_endless_run
    for signal in "$@"; do
        kill -s "$signal" $pid
        sleep 0.3
    done
    end_run
}
start_endless_run() { # [flags]
    sed -i s/^max_batches.*/max_batches=0/ soft.cfg
    env --default-signal=INT,TERM,HUP stdbuf -oL \
        "$darknet" classifier train soft.data soft.cfg "$@" >out 2>err </dev/null &
    pid=$!
    tries=0
    until grep -q '^Loaded' out || [ $((tries += 1)) = 300 ]; do sleep 0.1; done
    seconds=$(date +%s)
}
end_run() {
    (sleep 40 && kill -KILL $pid) >/dev/null 2>&1 &
    watch=$!
    wait $pid 2>/dev/null
    code=$?
    kill $watch 2>/dev/null
    seconds=$(($(date +%s) - seconds))
}

# Runs a function of this file with a tmpfs that only it sees; fails where that is not possible.
on_small_disk() { # size directory function arguments...
    unshare -rm sh -c 'mount -t tmpfs -o size="$1" none "$2" && shift 2 && . "$root/tests/faults.sh" && "$@"' sh "$@"
}

# The outcome of a fault in one line; exit code 77 where it cannot be provoked here.
provoke() { # name
    rm -rf "$scratch/work"
    cp -R "$material" "$scratch/work"
    (
        cd "$scratch/work" || exit
        fact= as_nobody=
        "fault_$1" 2>/dev/null || [ $? != 77 ] || exit 77
        case $code in
        124) printf 'still running after 30 s' ;;
        129* | 130* | 143*) printf 'exit %s' "$code" ;;
        134) printf 'crash (abort)' ;;
        136) printf 'crash (division by 0)' ;;
        139) printf 'crash (segmentation fault)' ;;
        *) printf 'exit %s' "$code" ;;
        esac
        message=$(last_message)
        echo "${fact:+; $fact}${message:+; \"$message\"}"
    )
}

# The last line on stderr that says more than a good run does.
last_message() {
    sed 's/^Loading weights from .*\.\.\.//; /^Cannot load image "[^"]*"$/{N;s/\n/: /;}' err |
        grep -av -e 'Done!$' -e '^Floating point exc' -e '^Segmentation fault' -e '^Saving weights' -e 'Using default' \
            -e '^layer ' -e '^ *[0-9]* \(conv\|connected\|softmax\|avg\)' -e 'Predicted in' -e 'seconds,' \
            -e '^Loaded:' -e profiling -e '^$' | tail -n 1
}

# Kills training runs at random moments soon after their start. A run saves after each batch (of 4 images, all there
# are), so the file kill_B.weights must be whole, and the run that starts from it must go on with batch B+1.
# Prints the counts; fails unless every newest file was whole and every run went on.
kill_runs() { # runs directory-for-weights
    mkdir -p kill && cd kill && cp -R "$material"/* . && sed -i 5,12d train.list
    weights=$2
    sed -i "s,^backup=.*,backup=$weights," soft.data
    write_network 3 '[connected]
output=768
activation=leaky' | sed 's/^max_batches.*/max_batches=0/' >kill.cfg
    # A run must have the time to start before it has anything to lose.
    sed 's/^max_batches.*/max_batches=1/' kill.cfg >one.cfg
    start=$(date +%s%N)
    "$darknet" classifier train soft.data one.cfg 2>/dev/null >&2
    start=$(($(date +%s%N) - start))
    size=$(wc -c <"$weights/one.weights")
    rm -f "$weights"/one*
    newest= broken=0 stuck=0 during=0 full=0 runs=0
    delays=$(awk -v n="$1" -v start=$start 'BEGIN { srand(1); while (n--) print start/1e9 + 0.05 + 0.3*rand() }')
    for delay in $delays; do
        stdbuf -oL "$darknet" classifier train soft.data kill.cfg $newest >out 2>err </dev/null &
        sleep "$delay"
        kill -KILL $!
        wait $! 2>/dev/null
        runs=$((runs + 1))
        first=$(sed -n 's/^\([0-9]*\), .* images$/\1/p' out | head -n 1)
        if [ "$newest" ]; then
            before=${newest##*_}
            [ "${first:-$((${before%.weights} + 1))}" = $((${before%.weights} + 1)) ] || stuck=$((stuck + 1))
            grep -q 'needs\|not a weights' err && stuck=$((stuck + 1))
        fi
        [ -z "$(find "$weights" -name '*.tmp')" ] || during=$((during + 1))
        grep -q 'No space left' err && full=$((full + 1))
        newest=$(find "$weights" -name 'kill_*.weights' | sort -t_ -k2n | tail -n 1)
        if [ "$newest" ] && [ "$(wc -c <"$newest")" != "$size" ]; then
            broken=$((broken + 1))
            newest=$(find "$weights" -name 'kill_*.weights' -size "${size}c" | sort -t_ -k2n | tail -n 1)
        fi
        find "$weights" -type f ! -path "$newest" -exec rm {} +
    done
    last=$(basename "${newest##*_}" .weights)
    printf '%s' "$runs runs killed, $during with a temporary file there, $full told of a full disk, " \
        "the last after batch $last: the newest weights were cut short $broken times, " \
        "$stuck runs did not go on from the newest whole ones"
    echo
    [ $((broken + stuck)) = 0 ] && [ "$newest" ] && [ "$runs" = "$1" ]
}
kill_runs_on_full_disk() { # runs
    mkdir -p "$scratch/disk"
    on_small_disk 9m "$scratch/disk" kill_runs "$1" "$scratch/disk"
}
