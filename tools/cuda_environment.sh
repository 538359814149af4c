# Sourced: where CUDA's parts are, for compilers and the loader: nvcc's own tree and Python's `nvidia` packages, also
# those that ld.so knows nothing of. Sets nvcc (empty if there is none) and adds to PATH, CPATH, LIBRARY_PATH and
# LD_LIBRARY_PATH. cuda_links, a directory, gets links libX.so to libraries that are there as libX.so.N alone.

nvcc=
python_cuda=$("${PYTHON:-python3}" -c 'import nvidia
print("\n".join(nvidia.__path__))' 2>/dev/null) || python_cuda=
for candidate in ${CUDA_HOME:+"$CUDA_HOME/bin/nvcc"} "$(command -v nvcc)" /usr/local/cuda/bin/nvcc \
    /usr/local/cuda-*/bin/nvcc \
    $(for place in $python_cuda; do echo "$place"/*/bin/nvcc; done); do
    if [ -x "$candidate" ]; then
        nvcc=$(realpath "$candidate")
        break
    fi
done
cuda_places=
if [ "$nvcc" ]; then
    tree=$(dirname "$(dirname "$nvcc")")
    PATH=$(dirname "$nvcc"):$PATH
    cuda_places="$tree/lib64 $tree/lib $tree/targets/x86_64-linux/lib $tree/include $tree/targets/x86_64-linux/include"
fi
for place in $python_cuda; do cuda_places="$cuda_places $(echo "$place"/*/lib "$place"/*/include)"; done
for place in $cuda_places; do
    [ -d "$place" ] || continue
    case $place in
    */include) [ "$place" = "${tree-}/include" ] || CPATH=${CPATH:+$CPATH:}$place ;;
    *)
        LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$place
        LIBRARY_PATH=${LIBRARY_PATH:+$LIBRARY_PATH:}$place
        [ -z "${cuda_links-}" ] || for library in "$place"/lib*.so.[0-9]*; do
            link=${library##*/} && link=$cuda_links/${link%%.so*}.so
            [ ! -e "$library" ] || [ -e "${library%%.so*}.so" ] || [ -e "$link" ] || ln -s "$library" "$link"
        done
        ;;
    esac
done
[ -z "${cuda_links-}" ] || LIBRARY_PATH=${LIBRARY_PATH:+$LIBRARY_PATH:}$cuda_links
export PATH
[ -z "${CPATH-}" ] || export CPATH
[ -z "${LIBRARY_PATH-}" ] || export LIBRARY_PATH
[ -z "${LD_LIBRARY_PATH-}" ] || export LD_LIBRARY_PATH
