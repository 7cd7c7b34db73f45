# Lists with commas: what stands before the last comma stays.
_pysigsnoop_list() {
  compset -P '*,'
  compadd -q -S , -- "$@"
}

_pysigsnoop_signals() { _pysigsnoop_list @SIGNALS@ }
_pysigsnoop_origins() { _pysigsnoop_list @ORIGINS@ }
_pysigsnoop_fields() { _pysigsnoop_list @FIELDS@ }
_pysigsnoop_pids() { compset -P '*,'; _pids }
_pysigsnoop_users() { compset -P '*,'; _users }
_pysigsnoop_comms() { _pysigsnoop_list ${(f)"$(cat /proc/<->/comm 2>/dev/null)"} }
_pysigsnoop_user() { _users }
_pysigsnoop_process() { compadd -- /proc/<->(:t) ${(f)"$(cat /proc/<->/comm 2>/dev/null)"} }
_pysigsnoop_cgroups() {
  local mounts=(${(M)${(f)"$(</proc/mounts)"}:#* cgroup2 *})
  _files -/ -W ${${=mounts[1]}[2]}
}

# After -- comes a command, and its own arguments.
if [[ $zsh_eval_context[-1] != eval && -n ${words[(r)--]} ]] && (( ${words[(i)--]} < CURRENT )); then
  (( CURRENT -= ${words[(i)--]} ))
  shift ${words[(i)--]} words
  _normal
  return
fi
