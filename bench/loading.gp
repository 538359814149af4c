# Draws build/bench/loading_plot.csv: CPU time an image on one thread, relative to torchvision's with tensors. Set
# `output_file` with -e.
set terminal svg size 760,380 font "sans-serif,13" background "white"
set output output_file
set datafile separator ","
set style data histograms
set style histogram clustered gap 1
set style fill solid
set boxwidth 0.9
set yrange [0:*]
set ylabel "CPU time an image, torchvision with tensors = 1"
set grid ytics
set key above horizontal
file = "build/bench/loading_plot.csv"
plot file using 3:xtic(1) lc "gray70" title "torchvision, PIL", \
     file using 4 lc "black" title "torchvision, tensors", \
     file using 2 lc "#2171b5" title "ours"
