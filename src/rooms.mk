# The directories of src/ ("rooms"), from low to high: a file includes only files of its own directory and of those
# before it (tests/test_floors.sh).
ROOMS := base platforms simd loss loss/cuda cpu layer ranks data metrics checks classifier
# What the mathematics of the loss is compiled with.
LOSS_ROOMS := base simd loss loss/cuda
