# Completion of softmax-cli in fish. The program itself says what can stand at the cursor.
function _softmax_cli_completion
    set -l token (commandline -ct)
    set -l option (string match -r -- '^--[^=]*=' $token)
    set -l response (env _SOFTMAX_CLI_COMPLETE=fish_complete COMP_WORDS=(commandline -cp | string collect) \
        COMP_CWORD=(string collect -- $token) softmax-cli 2>/dev/null)

    for line in $response
        set -l item (string split -m 1 , -- $line)
        switch $item[1]
            case plain
                printf '%s\n' $item[2]
            case file
                printf "$option%s\n" (__fish_complete_path (string replace -- "$option" '' $token))
            case dir
                printf "$option%s\n" (__fish_complete_directories (string replace -- "$option" '' $token))
        end
    end
end

complete --no-files --command softmax-cli --arguments "(_softmax_cli_completion)"
