#compdef softmax-cli
# Completion of softmax-cli in zsh. The program itself says what can stand at the cursor.

_softmax_cli_completion() {
    local -a completions
    local -a completions_with_descriptions
    local -a response
    (( ! $+commands[softmax-cli] )) && return 1

    response=("${(@f)$(env COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT-1)) _SOFTMAX_CLI_COMPLETE=zsh_complete softmax-cli)}")

    for type key descr in ${response}; do
        if [[ "$type" == "plain" ]]; then
            if [[ "$descr" == "_" ]]; then
                completions+=("$key")
            else
                completions_with_descriptions+=("$key":"$descr")
            fi
        elif [[ "$type" == "dir" ]]; then
            compset -P '--*='
            _path_files -/
        elif [[ "$type" == "file" ]]; then
            compset -P '--*='
            _path_files -f
        fi
    done

    if [ -n "$completions_with_descriptions" ]; then
        _describe -V unsorted completions_with_descriptions -U
    fi

    if [ -n "$completions" ]; then
        compadd -U -V unsorted -a completions
    fi
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    # autoload from fpath, call function directly
    _softmax_cli_completion "$@"
else
    # eval/source/. command, register function for later
    compdef _softmax_cli_completion softmax-cli
fi
