# The libraries that Darknet is linked with for the sake of src/, for Darknet's Makefile and for ours.
DARKNET_LIBRARIES := -ljpeg -lpng
