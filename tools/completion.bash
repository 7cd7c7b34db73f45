# Lists with commas: what stands before the last comma stays.
_pysigsnoop_list() {
	local word=$1 before=
	shift
	[[ $word == *,* ]] && before=${word%,*}, word=${word##*,}
	compgen -P "$before" -W "$*" -- "$word"
}

_pysigsnoop_names() { cat /proc/[0-9]*/comm 2>/dev/null | sort -u; }

_pysigsnoop_signals() { _pysigsnoop_list "$1" @SIGNALS@; }
_pysigsnoop_origins() { _pysigsnoop_list "$1" @ORIGINS@; }
_pysigsnoop_fields() { _pysigsnoop_list "$1" @FIELDS@; }
_pysigsnoop_pids() { _pysigsnoop_list "$1" $(cd /proc && printf '%s ' [0-9]*); }
_pysigsnoop_users() { _pysigsnoop_list "$1" $(compgen -u); }
_pysigsnoop_comms() { _pysigsnoop_list "$1" $(_pysigsnoop_names); }
_pysigsnoop_user() { compgen -u -- "$1"; }
_pysigsnoop_process() {
	compgen -W "$(cd /proc && printf '%s ' [0-9]*; _pysigsnoop_names)" -- "$1"
}
_pysigsnoop_cgroups() {
	local mount type folder
	while read -r _ mount type _; do
		[[ $type == cgroup2 ]] && break
	done </proc/mounts
	for folder in "$mount/${1#/}"*/; do
		[[ -d $folder ]] && folder=${folder#"$mount"} && printf '%s\n' "${folder%/}"
	done
}

# After -- comes a command, and its own arguments.
_pysigsnoop() {
	local at
	for ((at = 1; at < COMP_CWORD; at++)); do
		[[ ${COMP_WORDS[at]} == -- ]] || continue
		at=$((at + 1))
		if declare -F _comp_command_offset >/dev/null; then
			_comp_command_offset "$at"
		elif declare -F _command_offset >/dev/null; then
			_command_offset "$at"
		elif ((COMP_CWORD == at)); then
			mapfile -t COMPREPLY < <(compgen -c -- "${COMP_WORDS[COMP_CWORD]}" | sort -u)
		else
			compopt -o filenames 2>/dev/null
			mapfile -t COMPREPLY < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")
		fi
		return
	done
	_shtab_pysigsnoop
}

complete -o bashdefault -F _pysigsnoop pysigsnoop
