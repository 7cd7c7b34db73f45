# Lists with commas: what stands before the last comma stays.
function __pysigsnoop_list
    set -l word (commandline -ct | string replace -r '^--[^=]*=' '')
    set -l before (string match -r '^.*,' -- $word)
    or set before ''
    printf '%s\n' $before$argv
end

function __pysigsnoop_signals
    __pysigsnoop_list @SIGNALS@
end

function __pysigsnoop_origins
    __pysigsnoop_list @ORIGINS@
end

function __pysigsnoop_fields
    __pysigsnoop_list @FIELDS@
end

function __pysigsnoop_pids
    __pysigsnoop_list (__fish_complete_pids)
end

function __pysigsnoop_users
    __pysigsnoop_list (__fish_complete_users)
end

function __pysigsnoop_comms
    __pysigsnoop_list (cat /proc/*/comm 2>/dev/null)
end

function __pysigsnoop_user
    __fish_complete_users
end

function __pysigsnoop_process
    __fish_complete_pids
    cat /proc/*/comm 2>/dev/null
end

function __pysigsnoop_cgroups
    set -l word (commandline -ct | string replace -r '^--[^=]*=' '')
    set -l mount (string match -r -g '^\S+ (\S+) cgroup2 ' </proc/mounts)[1]
    for folder in $mount/(string trim -l -c / -- $word)*/
        string replace -r '^'$mount'(.*)/$' '$1' -- $folder
    end
end

# After -- comes a command, and its own arguments.
function __pysigsnoop_runs
    contains -- -- (commandline -opc)
end

function __pysigsnoop_command
    set -l words (commandline -opc)
    set -l at (contains -i -- -- $words)
    complete -C (string join ' ' -- (string escape -- $words[(math $at + 1)..]) (commandline -ct))
end

functions -e __pysigsnoop_before
functions -c _shtab_pysigsnoop_using __pysigsnoop_before
function _shtab_pysigsnoop_using
    not __pysigsnoop_runs
    and __pysigsnoop_before $argv
end

complete -c pysigsnoop -n __pysigsnoop_runs -xa '(__pysigsnoop_command)'
