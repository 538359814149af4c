# Sourced by the demos, which make all in a directory afresh: they delete what is there.

# own_directory DIR NAMED: makes DIR. NAMED is empty for the default directory; a directory that the user named must be
# empty or made by one of these programs.
own_directory() {
    if [ "$2" ] && [ ! -e "$1/.made_afresh" ] && [ -n "$(ls -A "$1" 2>/dev/null)" ]; then
        echo "$1: holds files that are not of an earlier call and would be replaced; name another directory" >&2
        exit 1
    fi
    mkdir -p "$1"
    : >"$1/.made_afresh"
}
