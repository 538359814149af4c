# What the tests of exports share: pictures, and networks in short.
. tests/tap.sh

# pictures WIDTH HEIGHT [1]: $scratch/x.data, six classes of four pictures of noise in colors of their own; 1: gray.
pictures() {
    images 1
    rm -f "$scratch"/data/*
    python3 - "$1" "$2" "${3:-3}" "$scratch/data" <<'PYTHON'
import random
import sys
width, height, channels = map(int, sys.argv[1:4])
for name in range(24):
    random.seed(name)
    means = random.Random(name % 6).choices(range(40, 200), k=3)
    values = [int(random.gauss(means[i % channels], 60)) for i in range(channels * width * height)]
    pixels = bytes(min(255, max(0, value)) for value in values)
    with open(f"{sys.argv[4]}/char_{65 + name % 6}_{name}.ppm", "wb") as file:
        file.write(b"P%d\n%d %d\n255\n" % (5 if channels == 1 else 6, width, height) + pixels)
PYTHON
    ls "$scratch"/data/*.ppm >"$scratch/train.txt"
}

# trained NAME WIDTH HEIGHT 'SECTION OPTION=VALUE...'...: $scratch/NAME.cfg and NAME.weights, trained a little.
trained() {
    cfg=$1
    pictures "$2" "$3"
    printf '[net]\nbatch=12\nwidth=%d\nheight=%d\nchannels=3\nlearning_rate=0.01\nmax_batches=60\n' "$2" "$3" \
        >"$scratch/$cfg.cfg"
    shift 3
    for section; do echo "[$section" | sed 's/ /]\n/; s/ /\n/g; s/^\[[a-z0-9_]*$/&]/'; done >>"$scratch/$cfg.cfg"
    "$darknet" classifier train "$scratch/x.data" "$scratch/$cfg.cfg" -seed 1 >"$scratch/$cfg.log" 2>&1 &&
        mv "$scratch/backup/$cfg.weights" "$scratch/$cfg.weights" || { tail -n 5 "$scratch/$cfg.log"; return 1; }
}

# own NAME: what Darknet's layer says of the pictures.
own() {
    "$darknet" classifier fout "$scratch/x.data" "$scratch/$1.cfg" "$scratch/$1.weights" "$scratch/train.txt" \
        >"$scratch/$1.own"
}
client() { "$python" tests/export_client.py "$@" "$scratch/train.txt" >"$scratch/client"; }
same() { "$python" tests/export_client.py differ "$1" "$2"; }
