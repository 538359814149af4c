# The rooms of src/, from the ground floor up: each includes files of its own and of the rooms before it
# (tests/test_floors.sh).
ROOMS := base platforms simd loss loss/cuda cpu layer ranks data metrics checks classifier
# What the mathematics of the loss is compiled with.
LOSS_ROOMS := base simd loss loss/cuda
