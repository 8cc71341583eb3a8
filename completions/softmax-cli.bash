# Completion of softmax-cli in bash. The program itself says what can stand at the cursor.
_softmax_cli_completion() {
    local kind value

    COMPREPLY=()
    while IFS=, read -r kind value; do
        case $kind in
            plain) COMPREPLY+=("$value") ;;
            file) compopt -o default 2> /dev/null ;;
            dir) compopt -o dirnames 2> /dev/null ;;
        esac
    done < <(
        env COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD COMP_WORD="${2-}" \
            COMP_LINE="${COMP_LINE:0:${COMP_POINT:-0}}" _SOFTMAX_CLI_COMPLETE=bash_complete \
            "$1" 2> /dev/null
    )
}

# Older ones sort.
complete -o nosort -F _softmax_cli_completion softmax-cli 2> /dev/null ||
    complete -F _softmax_cli_completion softmax-cli
